//! Drawn rules on calls that the puppet makes, and what they decide: the runtime-spec's and seccomp(2)'s words, by themselves.

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};

use super::input::{CALLS, Call};

/// Values that conditions and arguments are drawn from: where a comparison of one half alone is wrong.
const VALUES: [u64; 10] =
    [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 0x1_0000_0001, 1 << 63, u64::MAX];

const OPERATORS: [&str; 7] = [
    "SCMP_CMP_EQ",
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_GT",
    "SCMP_CMP_GE",
    "SCMP_CMP_MASKED_EQ",
];

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is made.
    Made,
    /// It fails with this.
    Fails(i64),
    /// The process ends with SIGSYS.
    Ends,
}

/// Draws rules for some of the calls into a profile, which must not decide on them otherwise than by its default.
pub(super) fn draw(bytes: &mut Unstructured<'_>, profile: &mut Value) -> Result<()> {
    for (name, _) in CALLS {
        if bytes.int_in_range(0..=2u8)? != 2 {
            continue;
        }
        forget(profile, name);
        let action = *bytes.choose(&[
            "SCMP_ACT_ERRNO",
            "SCMP_ACT_ERRNO",
            "SCMP_ACT_ERRNO",
            "SCMP_ACT_TRACE",
            "SCMP_ACT_KILL_PROCESS",
            "SCMP_ACT_KILL",
            "SCMP_ACT_TRAP",
        ])?;
        // One for all entries of a call: nothing says whose counts where several match. libseccomp takes none above 4094.
        let errno = *bytes.choose(&[1u32, 13, 38, 133, 4094])?;
        for _ in 0..bytes.int_in_range(1..=2u8)? {
            let mut rule = json!({"names": [name], "action": action, "args": conditions(bytes)?});
            if action == "SCMP_ACT_ERRNO" {
                rule["errnoRet"] = json!(errno);
            }
            if let Some(all) = profile["syscalls"].as_array_mut() {
                all.push(rule);
            }
        }
    }
    Ok(())
}

/// At most one for each argument: several for one are alternatives to some, and all needed to others.
fn conditions(bytes: &mut Unstructured<'_>) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for index in 0..6 {
        if bytes.int_in_range(0..=3u8)? == 3 {
            let op = *bytes.choose(&OPERATORS)?;
            all.push(json!({"index": index, "value": bytes.choose(&VALUES)?, "valueTwo": bytes.choose(&VALUES)?, "op": op}));
        }
    }
    Ok(all)
}

/// An argument at which a condition may turn.
pub(super) fn argument(bytes: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match bytes.int_in_range(0..=3u8)? {
        0 => bytes.arbitrary()?,
        1 => bytes.choose(&VALUES)?.wrapping_add(1),
        _ => *bytes.choose(&VALUES)?,
    })
}

/// Takes a call out of the profile's lists.
fn forget(profile: &mut Value, name: &str) {
    for rule in profile["syscalls"].as_array_mut().into_iter().flatten() {
        if let Some(names) = rule["names"].as_array_mut() {
            names.retain(|other| other != name);
        }
    }
}

fn rules<'p>(profile: &'p Value, name: &'p str) -> impl Iterator<Item = &'p Value> {
    let all = profile["syscalls"].as_array().into_iter().flatten();
    all.filter(move |rule| rule["names"].as_array().is_some_and(|names| names.iter().any(|one| one == name)))
}

/// What the profile of a config decides on a call (config-linux.md, "Seccomp"): a rule whose conditions all hold, or the default.
#[must_use]
pub fn decided(spec: &Value, call: &Call) -> Decision {
    let profile = &spec["linux"]["seccomp"];
    if profile.is_null() {
        return Decision::Made;
    }
    let holds = |rule: &&Value| {
        rule["args"].as_array().into_iter().flatten().all(|condition| is_met(condition, &call.args))
    };
    match rules(profile, call.name).find(holds) {
        Some(rule) => action(&rule["action"], &rule["errnoRet"]),
        None => action(&profile["defaultAction"], &profile["defaultErrnoRet"]),
    }
}

fn action(action: &Value, errno: &Value) -> Decision {
    match action.as_str().unwrap_or_default() {
        "SCMP_ACT_ALLOW" => Decision::Made,
        // EPERM where nothing else is said.
        "SCMP_ACT_ERRNO" => Decision::Fails(errno.as_i64().unwrap_or(1)),
        // ENOSYS where nobody traces (seccomp(2)).
        "SCMP_ACT_TRACE" => Decision::Fails(38),
        _ => Decision::Ends,
    }
}

fn is_met(condition: &Value, args: &[u64; 6]) -> bool {
    let number = |field: &str| condition[field].as_u64().unwrap_or(0);
    let index = usize::try_from(number("index")).unwrap_or(usize::MAX);
    let (value, Some(given)) = (number("value"), args.get(index).copied()) else { return false };
    match condition["op"].as_str().unwrap_or_default() {
        "SCMP_CMP_EQ" => given == value,
        "SCMP_CMP_NE" => given != value,
        "SCMP_CMP_LT" => given < value,
        "SCMP_CMP_LE" => given <= value,
        "SCMP_CMP_GT" => given > value,
        "SCMP_CMP_GE" => given >= value,
        // "the masked argument value is equal to the masked datum value" (seccomp_rule_add(3)).
        "SCMP_CMP_MASKED_EQ" => given & value == number("valueTwo") & value,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_decides_where_all_of_its_conditions_hold() {
        let rule = json!({"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "args": [
            {"index": 0, "value": 1u64 << 32, "op": "SCMP_CMP_GE"},
            {"index": 1, "value": 6, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}]});
        let spec = json!({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_KILL", "syscalls": [rule]}}});
        let call = |name, one, other| Call { name, args: [one, other, 0, 0, 0, 0] };
        assert_eq!(decided(&spec, &call("getpid", 1 << 32, 10)), Decision::Fails(13));
        assert_eq!(decided(&spec, &call("getpid", 1 << 31, 10)), Decision::Ends);
        assert_eq!(decided(&spec, &call("getpid", 1 << 32, 14)), Decision::Ends);
        assert_eq!(decided(&json!({}), &call("getpid", 0, 0)), Decision::Made);
    }
}
