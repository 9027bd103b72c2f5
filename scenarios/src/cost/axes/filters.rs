//! seccomp filters by size: allow lists of more and more calls, each allowed as it is or by its first argument.
//!
//! The names are spread evenly over all numbers, and each argument has a value of its own: calls that follow each other and
//! are treated alike are one range to a compiler. What becomes of the names is in the name of the rung: of nearly all names
//! without arguments it is less than of half of them.
//!
//! Loading takes time by length: the kernel checks the program, translates and compiles it, and runs it once for each number
//! of each ABI to see which calls are always allowed (`seccomp_cache_prepare` in `kernel/seccomp.c`). The steps of a series
//! have the load by itself.

use isolab_core::seccomp::{Arch, Filter, number};
use isolab_core::sys::trial;
use oci_spec::runtime::LinuxSeccomp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ladder::{Ladder, Rung};
use super::{alone, rung, set};

/// Id of the cost in the record.
pub const ID: &str = "seccomp-by-size";
/// How many names.
const COUNTS: [usize; 4] = [10, 50, 150, 300];
/// What the workload needs, and its start.
const NEEDED: [&str; 4] = ["execve", "execveat", "exit", "exit_group"];

/// No filter; and allow lists, without and with a comparison of an argument for all that is not needed.
#[must_use]
pub fn ladder() -> Ladder {
    let plain = COUNTS.map(|count| filtered(count, false));
    let compared = COUNTS.map(|count| filtered(count, true));
    let first = rung("no filter", vec![set(["process", "noNewPrivileges"], true.into())]);
    let rungs: Vec<Rung> = std::iter::once(first).chain(plain).chain(compared).collect();
    alone(ID, "Launch, run a program that only exits, remove: seccomp filters by their size", rungs)
}

fn filtered(count: usize, by_argument: bool) -> Rung {
    let profile = profile(&others(count - NEEDED.len()), by_argument);
    let how = if by_argument { " by argument" } else { "" };
    let name = format!("{count} names{how}, {} instructions", instructions(&profile));
    rung(name, vec![set(["linux", "seccomp"], profile)])
}

/// So many names of this machine's calls, or all when there are fewer, spread evenly over their numbers.
fn others(count: usize) -> Vec<String> {
    let known = |name: &String| number(Arch::NATIVE, name).is_some() && !NEEDED.contains(&name.as_str());
    let all: Vec<String> = trial::names().into_values().filter(known).collect();
    let count = count.min(all.len());
    (0..count).map(|index| all[index * all.len() / count].clone()).collect()
}

fn profile(others: &[String], by_argument: bool) -> Value {
    let allowed = |names: Value| json!({"action": "SCMP_ACT_ALLOW", "names": names});
    let mut calls = vec![allowed(json!(NEEDED))];
    if by_argument {
        calls.extend(others.iter().enumerate().map(|(value, name)| {
            let mut call = allowed(json!([name]));
            call["args"] = json!([{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]);
            call
        }));
    } else {
        calls.push(allowed(json!(others)));
    }
    // Of the calls that the machine itself makes: a list of architectures would be for others.
    json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": calls})
}

/// How many instructions core makes of it.
fn instructions(profile: &Value) -> usize {
    let read = LinuxSeccomp::deserialize(profile).ok();
    let filter = read.and_then(|profile| Filter::new(&profile, Arch::NATIVE).ok());
    filter.and_then(|filter| filter.compile().ok()).map_or(0, |program| program.instructions.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spread_and_each_is_there_once() {
        let others = others(296);
        let mut once = others.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), 296);
        assert!(NEEDED.iter().all(|name| !others.iter().any(|other| other == name)));
    }

    /// With most names the gaps between them are few again, and the list without arguments is shorter.
    #[test]
    fn longer_lists_are_longer_filters() {
        let lengths = |by_argument| COUNTS.map(|count| instructions(&profile(&others(count), by_argument)));
        let (plain, compared) = (lengths(false), lengths(true));
        assert!(plain[..3].is_sorted() && plain[0] > 5 && plain[2] > 100, "{plain:?}");
        assert!(compared.is_sorted() && compared[3] > 2 * 300, "{compared:?}");
    }
}
