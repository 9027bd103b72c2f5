//! `kill`: sends a signal.

use isolab_core::cgroup;
use isolab_core::state::{Identity, State, Status};
use isolab_core::sys::signal::{KILL, NAMES};
use isolab_core::sys::{Errno, process};

use crate::Context;
use crate::arguments::Kill;
use crate::failure::Failure;

pub(crate) fn kill(context: &Context, given: &Kill) -> Result<(), Failure> {
    let signal = number(&given.signal).ok_or_else(|| {
        Failure::new(format!("{:?} is no signal, such as TERM, SIGTERM or 15", given.signal))
    })?;
    let (entry, state) = context.store.find(&given.id)?;
    let status = state.status(&entry);
    if given.all {
        // Without a pid namespace processes may outlive the first one.
        return send_all(&state, signal);
    }
    match status {
        Status::Created | Status::Running | Status::Paused => send(&state, signal),
        // Engines look for these words.
        Status::Creating | Status::Stopped => Err(not_running(&state)),
    }
}

fn not_running(state: &State) -> Failure {
    Failure::new(format!("container not running: {:?}", state.id))
}

fn send(state: &State, signal: i32) -> Result<(), Failure> {
    let pidfd = state.init.and_then(Identity::open).ok_or_else(|| not_running(state))?;
    match process::signal(&pidfd, signal) {
        Ok(()) => {}
        Err(Errno::ESRCH) => return Err(not_running(state)),
        Err(errno) => return Err(Failure::context("kill", errno)),
    }
    thaw_for(state, signal)
}

fn send_all(state: &State, signal: i32) -> Result<(), Failure> {
    if state.groups.is_empty() {
        return send(state, signal);
    }
    cgroup::signal(&state.groups, signal)?;
    thaw_for(state, signal)
}

/// A frozen process of v1 takes no signal before it is thawed, and SIGKILL is meant.
fn thaw_for(state: &State, signal: i32) -> Result<(), Failure> {
    if signal == KILL && cgroup::is_frozen(&state.groups)? {
        cgroup::freeze(&state.groups, false)?;
    }
    Ok(())
}

/// `15`, `TERM`, `SIGTERM`, `RTMIN+3`, `SIGRTMAX-1`, in either case. 0 only asks whether one could be sent.
fn number(text: &str) -> Option<i32> {
    const LAST: i32 = 64;
    /// The C library keeps the first two for itself.
    const FIRST_REALTIME: i32 = 34;
    if let Ok(number) = text.parse::<i32>() {
        return (0..=LAST).contains(&number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let offset = |rest: &str| if rest.is_empty() { Some(0) } else { rest.parse::<i32>().ok() };
    let realtime = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => offset(rest).map(|offset| FIRST_REALTIME + offset),
        (_, Some(rest)) => offset(rest).map(|offset| LAST + offset),
        _ => None,
    };
    let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    named.or(realtime.filter(|number| (FIRST_REALTIME..=LAST).contains(number)))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn signals_by_name_and_number() {
        for (text, signal) in [
            ("15", 15),
            ("TERM", 15),
            ("SIGTERM", 15),
            ("sigkill", 9),
            ("0", 0),
            ("CLD", 17),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("RTMAX-14", 50),
            ("RTMAX", 64),
        ] {
            assert_eq!(number(text), Some(signal), "{text}");
        }
        for wrong in ["", "SIG", "TERMINATE", "65", "-9", "RTMIN-1", "RTMAX+1", "RTMINX", "9.0"] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }
}
