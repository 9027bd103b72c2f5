//! What a container's seccomp filters decide on each native call without arguments.

use std::collections::BTreeMap;

use isolab_core::seccomp::{Arch, Call, action, interpret};
use isolab_core::sys::{ptrace, trial};

use crate::probe::errno_name;

/// The decision in words by the call's name, or why there is none.
pub(super) type Verdicts = Result<BTreeMap<String, String>, String>;

/// The highest number that a native call of today has, and some beyond.
const CALLS: u32 = 480;

pub(super) fn verdicts(pid: i32) -> Verdicts {
    let filters = ptrace::filters(pid).map_err(|errno| format!("cannot be read: {}", errno_name(errno)))?;
    let names = trial::names();
    let one = |number: u32| {
        let call = Call { arch: Arch::NATIVE.audit(), nr: number, ip: 0, args: [0; 6] };
        let decided =
            filters.iter().filter_map(|filter| interpret(filter, &call).ok()).map(|decision| decision.action);
        // The strictest counts, which as signed numbers is the smallest (seccomp(2)).
        let decided = decided.min_by_key(|word| word.cast_signed()).unwrap_or(action::ALLOW);
        let name = names.get(&u64::from(number)).cloned().unwrap_or_else(|| format!("number {number}"));
        (name, words(decided))
    };
    Ok((0..CALLS).map(one).collect())
}

fn words(decided: u32) -> String {
    let number = decided & !action::ACTION_MASK;
    match decided & action::ACTION_MASK {
        action::ALLOW => "allow".into(),
        action::LOG => "log".into(),
        action::ERRNO => errno_name(isolab_core::sys::Errno::new(number.cast_signed())),
        action::TRAP => "trap".into(),
        action::TRACE => "trace".into(),
        action::USER_NOTIF => "notify".into(),
        action::KILL_PROCESS => "kill the process".into(),
        _ => "kill the thread".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_have_words() {
        assert_eq!(words(action::ERRNO | 1), "EPERM");
        assert_eq!(words(action::ALLOW), "allow");
        assert_eq!(words(action::KILL_PROCESS), "kill the process");
    }
}
