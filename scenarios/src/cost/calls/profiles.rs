//! The profiles whose filters are compared: allow-lists of several sizes, and an engine's default profile.

use std::io;

use isolab_core::sys::trial;
use oci_spec::runtime::LinuxSeccomp;
use serde_json::json;

use super::call::{Call, PERSONAS, REFUSED};
use super::engine;
use crate::schedule::Random;

/// How many names the allow-lists have.
pub const SIZES: [usize; 4] = [10, 50, 150, 300];
/// What the allow-lists refuse with: an errno that no call made here fails with by itself (`EHWPOISON`).
pub(super) const REFUSAL: u32 = 133;
/// What a thread needs between loading the filter and its end, `getppid`, and `rseq`, whose number is above that of the
/// refused call: calls above all names are taken for newer than the profile, and fail with `ENOSYS`.
const NEEDED: [&str; 8] =
    ["exit", "futex", "getppid", "madvise", "munmap", "rseq", "rt_sigprocmask", "sigaltstack"];
/// `faccessat2`, the newest call that libseccomp 2.5.0 knows. It leaves out names that it does not know.
const NEWEST: u64 = 439;
/// The names are the same in every run.
const SEED: u64 = 1;

/// A profile and the calls that are made under it.
#[derive(Debug)]
pub struct Profile {
    /// As in the names of the series: `50 names`.
    pub name: String,
    /// In libseccomp's words.
    pub profile: LinuxSeccomp,
    /// What is called.
    pub calls: &'static [Call],
}

/// An allow-list of so many names: those that a thread needs, two with conditions on an argument, and the rest drawn, so
/// that what is allowed and what is not lie mixed as in a real profile.
///
/// # Errors
/// Never in practice: the profile is written here.
pub(super) fn allow_list(size: usize) -> io::Result<Profile> {
    let of_personality = |persona: &u32| entry("personality", *persona);
    let mut entries: Vec<_> = PERSONAS.iter().map(of_personality).collect();
    entries.push(entry("prctl", libc::PR_GET_DUMPABLE.unsigned_abs()));
    entries.push(json!({"names": names(size.saturating_sub(2)), "action": "SCMP_ACT_ALLOW"}));
    let profile = json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": REFUSAL, "syscalls": entries,
    });
    let profile = serde_json::from_value(profile)?;
    Ok(Profile { name: format!("{size} names"), profile, calls: &Call::ALL })
}

/// Podman's default profile with the capabilities that it grants by default.
///
/// # Errors
/// When its package is not installed.
pub(super) fn of_engine() -> io::Result<Profile> {
    let profile = engine::profile(&engine::CAPABILITIES)?;
    Ok(Profile { name: "engine's default".into(), profile, calls: &Call::OF_ENGINE })
}

/// Allows a call with one value of its first argument.
fn entry(name: &str, value: u32) -> serde_json::Value {
    let args = json!([{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]);
    json!({"names": [name], "action": "SCMP_ACT_ALLOW", "args": args})
}

/// So many names without conditions, or all there are.
fn names(count: usize) -> Vec<String> {
    let conditional = ["personality", "prctl", REFUSED];
    let mut others: Vec<String> =
        trial::names().into_iter().filter(|(number, _)| *number <= NEWEST).map(|(_, name)| name).collect();
    others.retain(|name| !NEEDED.contains(&name.as_str()) && !conditional.contains(&name.as_str()));
    let mut random = Random::new(SEED);
    // By a number of its own each: equal seeds give equal orders, and a larger list holds the smaller.
    others.sort_by_cached_key(|_| random.next());
    let needed = NEEDED.iter().map(|name| (*name).to_owned());
    needed.chain(others).take(count).collect()
}

#[cfg(test)]
mod tests {
    use isolab_core::seccomp::{Arch, Call as Asked, Filter, action, number};

    use super::*;

    fn decide(profile: &LinuxSeccomp, name: &str, argument: u64) -> u32 {
        let program = Filter::new(profile, Arch::NATIVE).unwrap().compile().unwrap();
        let nr = number(Arch::NATIVE, name).unwrap();
        let args = [argument, 0, 0, 0, 0, 0];
        program.decide(&Asked { arch: Arch::NATIVE.audit(), nr, ip: 0, args }).action
    }

    #[test]
    fn a_list_has_its_size_and_holds_the_smaller() {
        let mut smaller = Vec::new();
        for size in SIZES {
            let names = names(size - 2);
            assert_eq!(names.len(), size - 2);
            assert!(names.starts_with(&smaller), "{size}");
            smaller = names;
        }
        assert!(!smaller.iter().any(|name| name == REFUSED || name == "personality" || name == "prctl"));
    }

    #[test]
    fn every_list_allows_and_refuses_what_is_called() {
        for size in SIZES {
            let profile = allow_list(size).unwrap().profile;
            assert_eq!(decide(&profile, "getppid", 7), action::ALLOW);
            assert_eq!(decide(&profile, "prctl", 3), action::ALLOW);
            assert_eq!(decide(&profile, "prctl", 4), action::ERRNO | REFUSAL);
            for persona in PERSONAS {
                assert_eq!(decide(&profile, "personality", persona.into()), action::ALLOW);
            }
            assert_eq!(decide(&profile, "personality", 1), action::ERRNO | REFUSAL);
            assert_eq!(decide(&profile, REFUSED, 0), action::ERRNO | REFUSAL, "{size}: not as a newer call");
        }
    }
}
