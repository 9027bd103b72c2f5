//! Processes of the scope: descendants of this process where that is the run's own, those in the scope's groups (which
//! `groups` tells of), and those with its token in their environment.
//!
//! One that has left the groups, has lost the token and is no descendant is nobody's. So is one whose environment may not
//! be read.
//!
//! A watcher (`launch::start_watcher`) that the first launch has started is a descendant that stays: start it before.

use super::Scope;
use super::look::Look;
use crate::observe::{environ, is_program};

pub(super) fn look(look: &mut Look<'_>) {
    if look.scope.own {
        descendants(look, look.pid);
    }
    let last = last_pid(&look.read("/proc/loadavg").unwrap_or_default()).unwrap_or(0);
    let variable = look.scope.variable();
    for pid in look.names("/proc").iter().filter_map(|name| name.parse::<i32>().ok()) {
        if pid == look.pid || look.members.contains(&pid) || !is_candidate(look.scope, last, pid) {
            continue;
        }
        if look.scope.alone && is_program(pid) {
            look.member(pid, "on this host");
        } else if has(pid, &variable) {
            look.member(pid, &format!("with {variable}"));
        }
    }
}

/// Also those that have ended and were not waited for. A kernel without `CONFIG_PROC_CHILDREN` does not tell.
fn descendants(look: &mut Look<'_>, parent: i32) {
    let why = if parent == look.pid {
        "a child of this process".to_owned()
    } else {
        format!("a child of {parent}")
    };
    for thread in look.names(format!("/proc/{parent}/task")) {
        let children = look.read(format!("/proc/{parent}/task/{thread}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            // A process whose parent ends while this is read may show twice.
            if look.member(child, &why) {
                descendants(look, child);
            }
        }
    }
}

/// The process id that was given out last: the last field of `/proc/loadavg` (`proc_loadavg(5)`).
pub(super) fn last_pid(text: &str) -> Option<i32> {
    text.split_whitespace().last()?.parse().ok()
}

/// Whether a process may have been born since the scope was made. Numbers begin anew after the largest: a process that is
/// older than a whole round is missed, and is for a thorough look.
fn is_candidate(scope: &Scope, last: i32, pid: i32) -> bool {
    let everyone = scope.thorough || scope.alone;
    let (after, before) = (pid > scope.since, pid <= last);
    everyone || if scope.since <= last { after && before } else { after || before }
}

fn has(pid: i32, variable: &str) -> bool {
    let environment = environ(pid).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_round() {
        assert_eq!(last_pid("0.00 0.01 0.05 1/80 4711\n"), Some(4711));
        let mut scope = Scope { since: 100, ..Scope::new() };
        let born = |scope: &Scope, last| [50, 100, 101, 200].map(|pid| is_candidate(scope, last, pid));
        assert_eq!(born(&scope, 150), [false, false, true, false]);
        assert_eq!(born(&scope, 60), [true, false, true, true]);
        scope.thorough = true;
        assert_eq!(born(&scope, 150), [true; 4]);
    }
}
