//! This process: its open descriptors and threads, when it is the run's ([`super::Scope::own`]). Its descendants are among
//! the processes.

use std::path::Path;

use super::Kind;
use super::look::Look;

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
        let Some((name, flags)) = name_and_flags(&stat) else { continue };
        if flags & EXITING == 0 {
            look.saw(Kind::Own, format!("thread {thread}"), format!("named {name}"));
        }
    }
}

/// Fields 2 and 9 of `proc_pid_stat(5)`; a name may hold anything.
fn name_and_flags(stat: &str) -> Option<(&str, u64)> {
    let (start, end) = (stat.find('(')?, stat.rfind(')')?);
    let flags = stat.get(end + 1..)?.split_whitespace().nth(6)?.parse().ok()?;
    Some((stat.get(start + 1..end)?, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) Z ( b) S 1 7 7 0 -1 4194564 0 0";
        assert_eq!(name_and_flags(stat), Some(("a) Z ( b", 4_194_564)));
        assert_eq!(name_and_flags("7 a"), None);
    }
}
