//! A stage's command, run to its end or ended.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::sys::{process, signal};
use isolab_reports::night::Ended;

use crate::cancel::{Cancel, Cancelled};

/// How long a command may take, and then to put its things away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Until it is told to end.
    pub minutes: u64,
    /// From then until it is killed.
    pub grace: Duration,
}

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs a command; what it prints goes to `log`. When the limit is reached, or all is to stop, it gets SIGTERM, as `timeout(1)`
/// sends it, and SIGKILL when that does not end it.
///
/// # Errors
/// [`Cancelled`] when all was to stop; the command has ended.
pub fn run(command: &[String], log: &Path, limit: Limit, cancel: &Cancel) -> Result<Ended, Cancelled> {
    match start(command, log) {
        Ok(mut child) => wait(&mut child, limit, cancel),
        Err(error) => Ok(Ended::NotStarted { reason: error.to_string() }),
    }
}

fn start(command: &[String], log: &Path) -> io::Result<Child> {
    let named = |what: &str, error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
    let output = File::create(log).map_err(|error| named(&format!("make {}", log.display()), error))?;
    let [program, arguments @ ..] = command else { return Err(io::Error::other("no program is named")) };
    let mut started = Command::new(program);
    started.args(arguments).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    signal::unblocked(&mut started);
    // Out of reach of the terminal's Ctrl-C: it is told once, by us.
    started.process_group(0).spawn().map_err(|error| named(&format!("run {program}"), error))
}

fn wait(child: &mut Child, limit: Limit, cancel: &Cancel) -> Result<Ended, Cancelled> {
    let until = Instant::now() + Duration::from_secs(60 * limit.minutes);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(ended(status)),
            Ok(None) => {}
            Err(error) => return Ok(Ended::NotStarted { reason: format!("wait for it: {error}") }),
        }
        let late = Instant::now() >= until;
        if late || cancel.is_cancelled() {
            end(child, limit.grace);
            cancel.check()?;
            return Ok(Ended::TooLong { minutes: limit.minutes });
        }
        thread::sleep(PAUSE);
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code().map(u8::try_from), status.signal()) {
        (Some(Ok(status)), _) => Ended::Exited { status },
        (_, signal) => Ended::Killed { signal: signal.unwrap_or_default() },
    }
}

fn end(child: &mut Child, grace: Duration) {
    let told = process::pidfd_open(child.id().cast_signed())
        .and_then(|pidfd| process::signal(&pidfd, signal::TERMINATE));
    let until = Instant::now() + grace;
    while told.is_ok() && Instant::now() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(PAUSE);
    }
    // It may have ended by now, which is as good.
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    const LIMIT: Limit = Limit { minutes: 1, grace: Duration::from_secs(20) };

    fn run_in(scratch: &Scratch, script: &str, limit: Limit) -> (Ended, String) {
        let command = ["sh", "-c", script].map(String::from);
        let log = scratch.path().join("log");
        let ended = run(&command, &log, limit, &Cancel::new()).unwrap();
        (ended, std::fs::read_to_string(log).unwrap())
    }

    #[test]
    fn a_command_ends_by_itself_or_is_ended() {
        let scratch = Scratch::new().unwrap();
        let (ended, log) = run_in(&scratch, "echo out; echo err >&2; exit 3", LIMIT);
        assert_eq!((ended, log.as_str()), (Ended::Exited { status: 3 }, "out\nerr\n"));
        assert_eq!(run_in(&scratch, "kill -9 $$", LIMIT).0, Ended::Killed { signal: 9 });
        let at_once = Limit { minutes: 0, ..LIMIT };
        let (ended, _) = run_in(&scratch, "while :; do sleep 0.1; done", at_once);
        assert_eq!(ended, Ended::TooLong { minutes: 0 });
        let impatient = Limit { minutes: 0, grace: Duration::ZERO };
        let (ended, _) = run_in(&scratch, "trap '' TERM; while :; do sleep 0.1; done", impatient);
        assert_eq!(ended, Ended::TooLong { minutes: 0 });
    }

    #[test]
    fn what_cannot_be_started_says_why() {
        let scratch = Scratch::new().unwrap();
        let command = ["/nonexistent/program".to_owned()];
        let ended = run(&command, &scratch.path().join("log"), LIMIT, &Cancel::new()).unwrap();
        let Ended::NotStarted { reason } = ended else { panic!("{ended:?}") };
        assert!(reason.starts_with("run /nonexistent/program: No such file"), "{reason}");
    }

    #[test]
    fn when_all_is_to_stop_it_is_ended() {
        let scratch = Scratch::new().unwrap();
        let cancel = Cancel::new();
        cancel.cancel();
        let command = ["sleep", "1000"].map(String::from);
        assert!(run(&command, &scratch.path().join("log"), LIMIT, &cancel).is_err());
    }
}
