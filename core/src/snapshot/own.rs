//! This process: its open descriptors and threads, when it is the run's ([`super::Scope::own`]). Its descendants are among
//! the processes.

use std::path::Path;

use super::Kind;
use super::look::Look;
use crate::observe;

/// A thread that is at its end, and shown a little longer than `join` waits (`PF_EXITING` of `linux/sched.h`).
const EXITING: u64 = 4;

pub(super) fn look(look: &mut Look<'_>) {
    if look.scope.own {
        descriptors(look);
        threads(look);
    }
}

fn descriptors(look: &mut Look<'_>) {
    let own = format!("/proc/{}/fd", look.pid);
    for number in look.names("/proc/self/fd") {
        let target = look.link(Path::new("/proc/self/fd").join(&number));
        // The descriptor that these are read with leads here, and is closed already.
        let Some(target) = target.filter(|target| *target != own) else { continue };
        let terminal = if target.ends_with("ptmx") { terminal(look, &number) } else { None };
        let state = format!("open on {target}{}", terminal.unwrap_or_default());
        look.saw(Kind::Own, format!("descriptor {number}"), state);
    }
}

/// Which terminal the controlling side controls (`tty-index` of `proc_pid_fdinfo(5)`).
fn terminal(look: &mut Look<'_>, number: &str) -> Option<String> {
    let info = look.read(Path::new("/proc/self/fdinfo").join(number))?;
    let index = info.lines().find_map(|line| line.strip_prefix("tty-index:"))?;
    Some(format!(", of the terminal /dev/pts/{}", index.trim()))
}

fn threads(look: &mut Look<'_>) {
    for thread in look.names("/proc/self/task") {
        let Some(stat) = look.read(format!("/proc/self/task/{thread}/stat")) else { continue };
        let Some(stat) = observe::stat(&stat) else { continue };
        if stat.flags & EXITING == 0 {
            look.saw(Kind::Own, format!("thread {thread}"), format!("named {}", stat.name));
        }
    }
}
