//! A profile as meant: actions as words, conditions checked. Every violation is found before any is returned.

use super::action;
use super::listener::Listener;
use super::rule::{Compare, Condition};
use crate::config::Violation;
use crate::planted::planted;
use oci_spec::runtime::{
    LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompFilterFlag as Flag,
    LinuxSeccompOperator as Operator, LinuxSyscall,
};
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;

/// A system call has six arguments.
const ARGUMENTS: usize = 6;
/// The largest errno that a call can fail with (`MAX_ERRNO`); the kernel would quietly cut a larger one to it.
const MAX_ERRNO: u32 = 4095;
/// The data of an action has 16 bits (`SECCOMP_RET_DATA`).
const MAX_DATA: u32 = 0xffff;

/// The room in `struct sockaddr_un` of `linux/un.h`, less the NUL at its end.
const LONGEST_SOCKET: usize = 107;

const TSYNC: u32 = 1 << 0;
pub(super) const NEW_LISTENER: u32 = 1 << 3;

/// A checked profile, not yet bound to an ABI.
pub(super) struct Profile<'a> {
    pub(super) default: u32,
    /// Whether calls newer than the profile fail with ENOSYS instead of meeting the default action.
    pub(super) hides_newer: bool,
    /// `SECCOMP_FILTER_FLAG_*`.
    pub(super) flags: u32,
    pub(super) entries: Vec<Entry<'a>>,
    /// Who is asked, if an entry has `SCMP_ACT_NOTIFY`.
    pub(super) listener: Option<Listener>,
}

/// One element of `syscalls`.
pub(super) struct Entry<'a> {
    pub(super) names: &'a [String],
    pub(super) action: u32,
    /// The action is for calls that meet all conditions of one of these.
    pub(super) alternatives: Vec<Vec<Condition>>,
}

impl<'a> Profile<'a> {
    pub(super) fn new(written: &'a LinuxSeccomp) -> Result<Profile<'a>, Vec<Violation>> {
        let syscalls = written.syscalls().as_deref().unwrap_or_default();
        let notifies = syscalls.iter().any(|entry| entry.action() == Action::ScmpActNotify);
        let mut check = Check { notifies, violations: Vec::new() };
        let default_action = written.default_action();
        let default = check.word(default_action, written.default_errno_ret(), "defaultErrnoRet");
        if default_action == Action::ScmpActNotify {
            // runc refuses it too.
            check.refuse("defaultAction", "is SCMP_ACT_NOTIFY, which is for calls that are named");
        }
        let listener = check.listener(written);
        let flags = written.flags().as_deref().unwrap_or_default();
        let flags = flags.iter().enumerate().fold(0, |bits, (index, flag)| bits | check.flag(index, *flag));
        let entries =
            syscalls.iter().enumerate().map(|(index, syscall)| check.entry(index, syscall)).collect();
        // As runc decides it: who lets unnamed calls pass, or has a tracer decide, decides for newer ones too.
        let passes =
            matches!(default_action, Action::ScmpActAllow | Action::ScmpActLog | Action::ScmpActTrace);
        if !check.violations.is_empty() {
            return Err(check.violations);
        }
        let flags = flags | listener.as_ref().map_or(0, |_| listener_flags(flags));
        Ok(Profile { default, hides_newer: !passes, flags, entries, listener })
    }
}

struct Check {
    /// Whether an entry has `SCMP_ACT_NOTIFY`.
    notifies: bool,
    violations: Vec<Violation>,
}

impl Check {
    fn refuse(&mut self, path: impl Display, problem: impl Into<String>) {
        self.violations.push(Violation { path: format!("linux.seccomp.{path}"), problem: problem.into() });
    }

    /// `listenerPath` and `listenerMetadata`, which mean nothing where nobody is asked.
    fn listener(&mut self, written: &LinuxSeccomp) -> Option<Listener> {
        if written.listener_metadata().is_some() && written.listener_path().is_none() {
            self.refuse("listenerMetadata", "is set without linux.seccomp.listenerPath");
        }
        if !self.notifies {
            return None;
        }
        let Some(path) = written.listener_path() else {
            self.refuse("listenerPath", "is missing, but there are entries with SCMP_ACT_NOTIFY");
            return None;
        };
        let bytes = path.as_os_str().as_bytes();
        if !path.is_absolute() {
            self.refuse("listenerPath", format!("{path:?} is not absolute"));
        }
        if bytes.len() > LONGEST_SOCKET {
            let problem = format!("has {} bytes, more than the {LONGEST_SOCKET} of a socket's", bytes.len());
            self.refuse("listenerPath", problem);
        }
        if bytes.contains(&0) {
            self.refuse("listenerPath", "has a NUL byte");
        }
        Some(Listener { path: path.clone(), metadata: written.listener_metadata().clone() })
    }

    fn entry<'a>(&mut self, index: usize, syscall: &'a LinuxSyscall) -> Entry<'a> {
        let at = format!("syscalls[{index}]");
        if syscall.names().is_empty() {
            self.refuse(format_args!("{at}.names"), "names no system call");
        }
        for (index, _) in syscall.names().iter().enumerate().filter(|(_, name)| name.is_empty()) {
            self.refuse(format_args!("{at}.names[{index}]"), "is empty");
        }
        if syscall.action() == Action::ScmpActNotify && syscall.names().iter().any(|name| name == "write") {
            // As runc: its own write of the listener's number would wait for an agent that does not have it yet. This
            // launcher makes no such call, but a profile shall mean the same to both.
            self.refuse(format_args!("{at}.action"), "is SCMP_ACT_NOTIFY, which write cannot have");
        }
        let action = self.word(syscall.action(), syscall.errno_ret(), &format!("{at}.errnoRet"));
        let arguments = syscall.args().as_deref().unwrap_or_default();
        for (index, argument) in arguments.iter().enumerate().filter(|(_, a)| a.index() >= ARGUMENTS) {
            let problem = format!("is {}, but the arguments of a system call are 0 to 5", argument.index());
            self.refuse(format_args!("{at}.args[{index}].index"), problem);
        }
        Entry { names: syscall.names(), action, alternatives: alternatives(arguments) }
    }

    /// The word for an action: with its errno (1, EPERM, unless another is written), where it takes one.
    fn word(&mut self, written: Action, errno: Option<u32>, at_errno: &str) -> u32 {
        let (word, largest) = match written {
            Action::ScmpActErrno => (action::ERRNO, MAX_ERRNO),
            Action::ScmpActTrace => (action::TRACE, MAX_DATA),
            Action::ScmpActKill | Action::ScmpActKillThread => (action::KILL_THREAD, 0),
            Action::ScmpActKillProcess => (action::KILL_PROCESS, 0),
            Action::ScmpActTrap => (action::TRAP, 0),
            Action::ScmpActLog => (action::LOG, 0),
            Action::ScmpActAllow => (action::ALLOW, 0),
            Action::ScmpActNotify => (action::USER_NOTIF, 0),
        };
        match errno.filter(|errno| *errno != 0 || !planted("errno-0-not-set")) {
            None if largest == 0 => word,
            None => word | action::EPERM,
            Some(errno) if largest == 0 => {
                self.refuse(at_errno, format!("is {errno}, but {written} takes no errno"));
                word
            }
            Some(errno) if errno > largest => {
                self.refuse(
                    at_errno,
                    format!("is {errno}, above {largest}, the largest that {written} takes"),
                );
                word
            }
            Some(errno) => word | errno,
        }
    }

    /// `SECCOMP_FILTER_FLAG_*` of `linux/seccomp.h`.
    fn flag(&mut self, index: usize, flag: Flag) -> u32 {
        match flag {
            Flag::SeccompFilterFlagTsync => TSYNC,
            Flag::SeccompFilterFlagLog => 1 << 1,
            Flag::SeccompFilterFlagSpecAllow => 1 << 2,
            Flag::SeccompFilterFlagWaitKillableRecv => {
                // The kernel answers EINVAL to it without SECCOMP_FILTER_FLAG_NEW_LISTENER.
                if !self.notifies {
                    let problem = format!("is {flag}, but no entry has SCMP_ACT_NOTIFY");
                    self.refuse(format_args!("flags[{index}]"), problem);
                }
                1 << 5
            }
        }
    }
}

/// What a listener takes besides `flags`: `SECCOMP_FILTER_FLAG_NEW_LISTENER`, and with `SECCOMP_FILTER_FLAG_TSYNC`, whose
/// result would be mistaken for a descriptor, `SECCOMP_FILTER_FLAG_TSYNC_ESRCH`.
fn listener_flags(flags: u32) -> u32 {
    NEW_LISTENER | (flags & TSYNC) << 4
}

/// All conditions together, unless two are on the same argument: then any of them alone, as runc and crun read it.
fn alternatives(arguments: &[LinuxSeccompArg]) -> Vec<Vec<Condition>> {
    let conditions: Vec<_> = arguments.iter().map(condition).collect();
    let repeats = |(index, one): (usize, &Condition)| {
        let first = if planted("same-argument-only-if-next") { index.saturating_sub(1) } else { 0 };
        conditions[first..index].iter().any(|earlier| earlier.argument == one.argument)
    };
    if conditions.iter().enumerate().any(repeats) {
        return conditions.into_iter().map(|condition| vec![condition]).collect();
    }
    vec![conditions]
}

fn condition(argument: &LinuxSeccompArg) -> Condition {
    let written = argument.value();
    let (compare, value) = match argument.op() {
        Operator::ScmpCmpNe => (Compare::NotEqual, written),
        Operator::ScmpCmpLt => (Compare::Less, written),
        Operator::ScmpCmpLe => (Compare::LessOrEqual, written),
        Operator::ScmpCmpEq => (Compare::Equal, written),
        Operator::ScmpCmpGe => (Compare::GreaterOrEqual, written),
        Operator::ScmpCmpGt => (Compare::Greater, written),
        // `value` is the mask, `valueTwo` what is compared, itself masked (seccomp_rule_add(3)).
        Operator::ScmpCmpMaskedEq => {
            let mask = if planted("masked-datum-not-masked") { u64::MAX } else { written };
            (Compare::MaskedEqual(written), argument.value_two().unwrap_or_default() & mask)
        }
    };
    // An index above 5 is refused by the caller.
    Condition { argument: argument.index().min(ARGUMENTS) as u32, compare, value }
}
