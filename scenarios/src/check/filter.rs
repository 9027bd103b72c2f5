//! The seccomp filters that a launcher has loaded, read back from the kernel, against what the profile means.
//!
//! The meaning is worked out from the profile for each call, with no compiler: rules in their order, all of a rule's
//! conditions, all 64 bits. Only the native ABI, and of numbers above the newest in the profile only that they are not allowed
//! where the default is not.

use isolab_core::seccomp::{Arch, Call, action, interpret};
use isolab_core::sys::{Errno, ptrace, trial};
use serde_json::{Value, json};

use crate::probe::errno_name;

/// xorshift64*, the same calls every time.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// A rule with its names looked up.
struct Rule {
    numbers: Vec<u64>,
    action: u32,
    conditions: Vec<Value>,
}

pub(super) fn compare(pid: i32, config: &Value, calls: u64) -> Value {
    let filters = match ptrace::filters(pid) {
        Ok(filters) => filters,
        Err(errno) => return json!({"error": format!("read the filters: {}", errno_name(errno))}),
    };
    let profile = &config["linux"]["seccomp"];
    let default = word(&profile["defaultAction"], &profile["defaultErrnoRet"]);
    let rules: Vec<Rule> = profile["syscalls"].as_array().into_iter().flatten().map(rule).collect();
    let newest = rules.iter().flat_map(|rule| &rule.numbers).max().copied().unwrap_or(0);
    let boundaries = boundaries(&rules);
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let mut differences = Vec::new();
    for index in 0..calls {
        let number = if index % 4 == 0 { draw.next() % (newest + 40) } else { pick(&mut draw, &rules) };
        let mut args = [0u64; 6];
        for arg in &mut args {
            let drawn = boundaries[draw.next() as usize % boundaries.len()];
            *arg = drawn.wrapping_add(draw.next() % 3).wrapping_sub(1);
        }
        let call = Call { arch: Arch::NATIVE.audit(), nr: number as u32, ip: 0, args };
        let wanted = decide(&rules, default, number, &args);
        let decided = strictest(&filters, &call);
        let unknown =
            number > newest && decided == Some(action::ERRNO | Errno::ENOSYS.into_raw().cast_unsigned());
        if decided != Some(wanted) && !unknown && differences.len() < 5 {
            differences.push(format!("call {number} {args:x?}: {decided:x?} instead of {wanted:#x}"));
        }
    }
    json!({"filters": filters.len(), "tried": calls, "differences": differences})
}

/// The kernel takes the strictest answer of all filters (seccomp(2)); one alone is the common case.
fn strictest(filters: &[Vec<isolab_core::seccomp::Instruction>], call: &Call) -> Option<u32> {
    let answers = filters.iter().map(|filter| interpret(filter, call).ok().map(|decision| decision.action));
    answers.collect::<Option<Vec<u32>>>()?.into_iter().min_by_key(|answer| answer.cast_signed())
}

fn pick(draw: &mut Draw, rules: &[Rule]) -> u64 {
    let rule = &rules[draw.next() as usize % rules.len().max(1)];
    rule.numbers.get(draw.next() as usize % rule.numbers.len().max(1)).copied().unwrap_or(0)
}

/// Values next to which a comparison may turn.
fn boundaries(rules: &[Rule]) -> Vec<u64> {
    let conditions = rules.iter().flat_map(|rule| &rule.conditions);
    let values = conditions.flat_map(|one| [one["value"].as_u64(), one["valueTwo"].as_u64()]).flatten();
    let mut all = vec![0, 1, 0x7fff_ffff, 0xffff_ffff, 0x1_0000_0000, u64::MAX];
    all.extend(values.flat_map(|value| [value, value | 1 << 32, value << 32]));
    all
}

fn rule(written: &Value) -> Rule {
    let names = written["names"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Rule {
        numbers: names.filter_map(trial::number).collect(),
        action: word(&written["action"], &written["errnoRet"]),
        conditions: written["args"].as_array().cloned().unwrap_or_default(),
    }
}

/// An action as the kernel has it. The runtime-spec's default for an errno that is not given is EPERM.
fn word(name: &Value, errno: &Value) -> u32 {
    let number = errno.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(1);
    match name.as_str().unwrap_or_default() {
        "SCMP_ACT_ALLOW" => action::ALLOW,
        "SCMP_ACT_LOG" => action::LOG,
        "SCMP_ACT_ERRNO" => action::ERRNO | number,
        "SCMP_ACT_TRACE" => action::TRACE | number,
        "SCMP_ACT_TRAP" => action::TRAP,
        "SCMP_ACT_KILL_PROCESS" => action::KILL_PROCESS,
        _ => action::KILL_THREAD,
    }
}

fn decide(rules: &[Rule], default: u32, number: u64, args: &[u64; 6]) -> u32 {
    let of_call = rules.iter().filter(|rule| rule.numbers.contains(&number));
    let met = |rule: &&Rule| rule.conditions.iter().all(|one| condition(one, args));
    of_call.clone().find(met).map_or(default, |rule| rule.action)
}

fn condition(one: &Value, args: &[u64; 6]) -> bool {
    let value = one["value"].as_u64().unwrap_or(0);
    let given = one["index"].as_u64().and_then(|index| args.get(index as usize)).copied().unwrap_or(0);
    match one["op"].as_str().unwrap_or_default() {
        "SCMP_CMP_NE" => given != value,
        "SCMP_CMP_LT" => given < value,
        "SCMP_CMP_LE" => given <= value,
        "SCMP_CMP_EQ" => given == value,
        "SCMP_CMP_GE" => given >= value,
        "SCMP_CMP_GT" => given > value,
        "SCMP_CMP_MASKED_EQ" => given & value == one["valueTwo"].as_u64().unwrap_or(0) & value,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_means_what_it_says() {
        let rules = [rule(&json!({"names": ["lseek"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133,
            "args": [{"index": 1, "value": 4_294_967_296u64, "op": "SCMP_CMP_EQ"}]}))];
        let lseek = trial::number("lseek").unwrap();
        let of = |number, arg| decide(&rules, action::ALLOW, number, &[0, arg, 0, 0, 0, 0]);
        assert_eq!(of(lseek, 1 << 32), action::ERRNO | 133);
        assert_eq!(of(lseek, 0), action::ALLOW);
        assert_eq!(of(lseek + 1, 1 << 32), action::ALLOW);
    }
}
