//! Which profiles must be refused, and where: what the runtime-spec and the kernel do not take, and what the docs of
//! `isolab_core::seccomp` say is refused besides.

use std::os::unix::ffi::OsStrExt;

use oci_spec::runtime::{
    LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompFilterFlag as Flag, LinuxSyscall,
};

/// The JSON paths of all that is wrong, sorted.
#[must_use]
pub fn paths(profile: &LinuxSeccomp) -> Vec<String> {
    let mut wrong = Vec::new();
    let entries = profile.syscalls().as_deref().unwrap_or_default();
    let asks = entries.iter().any(|entry| entry.action() == Action::ScmpActNotify);
    if !takes(profile.default_action(), profile.default_errno_ret()) {
        wrong.push("defaultErrnoRet".to_owned());
    }
    if profile.default_action() == Action::ScmpActNotify {
        wrong.push("defaultAction".to_owned());
    }
    if profile.listener_metadata().is_some() && profile.listener_path().is_none() {
        wrong.push("listenerMetadata".to_owned());
    }
    if asks {
        wrong.extend(vec!["listenerPath".to_owned(); agent(profile)]);
    }
    for (at, flag) in profile.flags().iter().flatten().enumerate() {
        if *flag == Flag::SeccompFilterFlagWaitKillableRecv && !asks {
            wrong.push(format!("flags[{at}]"));
        }
    }
    for (at, entry) in entries.iter().enumerate() {
        wrong.extend(of_entry(entry).into_iter().map(|path| format!("syscalls[{at}].{path}")));
    }
    let mut wrong: Vec<_> = wrong.into_iter().map(|path| format!("linux.seccomp.{path}")).collect();
    wrong.sort();
    wrong
}

/// Whether an action takes this errno: of `MAX_ERRNO`, or of the 16 bits of `SECCOMP_RET_DATA`.
fn takes(action: Action, errno: Option<u32>) -> bool {
    let most = match action {
        Action::ScmpActErrno => 4095,
        Action::ScmpActTrace => 65535,
        _ => return errno.is_none(),
    };
    errno.is_none_or(|errno| errno <= most)
}

/// How much is wrong with the agent's path, which is to be a unix socket's (`struct sockaddr_un`).
fn agent(profile: &LinuxSeccomp) -> usize {
    let Some(path) = profile.listener_path() else { return 1 };
    let bytes = path.as_os_str().as_bytes();
    let wrong = [!bytes.starts_with(b"/"), bytes.len() > 107, bytes.contains(&0)];
    wrong.into_iter().filter(|wrong| *wrong).count()
}

fn of_entry(entry: &LinuxSyscall) -> Vec<String> {
    let mut wrong = Vec::new();
    let names = entry.names();
    if names.is_empty() {
        wrong.push("names".to_owned());
    }
    let empty = names.iter().enumerate().filter(|(_, name)| name.is_empty());
    wrong.extend(empty.map(|(at, _)| format!("names[{at}]")));
    if entry.action() == Action::ScmpActNotify && names.iter().any(|name| name == "write") {
        wrong.push("action".to_owned());
    }
    if !takes(entry.action(), entry.errno_ret()) {
        wrong.push("errnoRet".to_owned());
    }
    let far = entry.args().iter().flatten().enumerate().filter(|(_, argument)| argument.index() > 5);
    wrong.extend(far.map(|(at, _)| format!("args[{at}].index")));
    wrong
}

/// `SECCOMP_FILTER_FLAG_*` of `linux/seccomp.h`: those written, and those that a listener takes.
#[must_use]
pub fn flags(profile: &LinuxSeccomp) -> u32 {
    let bit = |flag: &Flag| match flag {
        Flag::SeccompFilterFlagTsync => 1,
        Flag::SeccompFilterFlagLog => 2,
        Flag::SeccompFilterFlagSpecAllow => 4,
        Flag::SeccompFilterFlagWaitKillableRecv => 32,
    };
    let written = profile.flags().iter().flatten().fold(0, |bits, flag| bits | bit(flag));
    let asks = profile.syscalls().iter().flatten().any(|entry| entry.action() == Action::ScmpActNotify);
    // NEW_LISTENER; without TSYNC_ESRCH the kernel takes it not beside TSYNC.
    let listener = if written & 1 == 1 { 8 | 16 } else { 8 };
    if asks { written | listener } else { written }
}
