//! Programs of this host that the lab runs: apt's and dpkg's, and those that put a guest together.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cancel::{Cancel, Cancelled};

/// How often a program is looked at while one waits for it.
const TICK: Duration = Duration::from_millis(10);

/// Why a program has not done its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// It is not installed.
    #[error("{program} is not in PATH; {remedy}")]
    Missing {
        /// The program.
        program: String,
        /// How to get it, or do without it.
        remedy: &'static str,
    },
    /// It failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// The program.
        program: String,
        /// Its last words.
        said: String,
    },
}

/// What a program left.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Where a program is: in `PATH`, or where Debian keeps what only root is thought to use.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(OsString::from(":/usr/sbin:/sbin"));
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// A program, to be given its arguments.
pub(super) fn command(program: &str) -> Command {
    Command::new(find(program).unwrap_or_else(|| program.into()))
}

/// Runs a program to its end, or kills it when the run is to stop. That it fails is for the caller to judge.
pub(super) fn attempt(mut command: Command, remedy: &'static str, cancel: &Cancel) -> Result<Output, Error> {
    let program = name(&command);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::Missing { program: program.clone(), remedy },
        _ => Error::Failed { program: program.clone(), said: error.to_string() },
    };
    cancel.check()?;
    // What is read of its output is the same in every locale.
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C on the terminal is for isolab, which ends it in good order.
    let mut child = command.process_group(0).spawn().map_err(failed)?;
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if let Err(cancelled) = cancel.check() {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            // The readers are left alone: what the program started may hold its pipes a little longer.
            return Err(cancelled.into());
        }
        thread::sleep(TICK);
    };
    let all = |reader: JoinHandle<io::Result<String>>| {
        reader.join().unwrap_or_else(|_| Err(io::Error::other("its output was lost"))).map_err(failed)
    };
    Ok(Output { status, stdout: all(stdout)?, stderr: all(stderr)? })
}

/// Runs a program that is to succeed, and returns what it printed.
pub(super) fn run(command: Command, remedy: &'static str, cancel: &Cancel) -> Result<String, Error> {
    let program = name(&command);
    let output = attempt(command, remedy, cancel)?;
    if output.status.success() { Ok(output.stdout) } else { Err(output.failure(&program)) }
}

impl Output {
    /// The error that this is for a program that was to succeed.
    pub(super) fn failure(&self, program: &str) -> Error {
        Error::Failed { program: program.to_owned(), said: self.last_words() }
    }

    /// What it says of its failure: apt's errors where there are some, else its last line.
    pub(super) fn last_words(&self) -> String {
        let errors: Vec<&str> = self.stderr.lines().filter_map(|line| line.strip_prefix("E: ")).collect();
        if !errors.is_empty() {
            return errors.join("; ");
        }
        let last = self.stderr.lines().rev().find(|line| !line.trim().is_empty());
        last.map_or_else(|| self.status.to_string(), |line| line.trim().to_owned())
    }
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<io::Result<String>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes)?;
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn sh(script: &str) -> Command {
        let mut sh = command("sh");
        sh.args(["-c", script]);
        sh
    }

    #[test]
    fn a_failure_is_told_by_its_last_words() {
        let cancel = Cancel::new();
        let failed = |script: &str| run(sh(script), "", &cancel).unwrap_err().to_string();
        assert_eq!(run(sh("echo out; echo err >&2"), "", &cancel).unwrap(), "out\n");
        assert_eq!(failed("echo first >&2; echo last >&2; exit 3"), "sh failed: last");
        assert_eq!(failed("echo 'E: no' >&2; echo 'N: hint' >&2; exit 100"), "sh failed: no");
        assert_eq!(failed("exit 7"), "sh failed: exit status: 7");
        let error = run(command("isolab-no-such-program"), "install it", &cancel).unwrap_err();
        assert_eq!(error.to_string(), "isolab-no-such-program is not in PATH; install it");
    }

    #[test]
    fn a_cancelled_program_is_killed_and_nobody_waits_for_what_it_started() {
        // The shell waits for its child, which holds the pipes.
        for script in ["exec sleep 30", "sleep 30; true"] {
            let cancel = Cancel::new();
            let begun = Instant::now();
            let error = thread::scope(|scope| {
                let run = scope.spawn(|| run(sh(script), "", &cancel).unwrap_err());
                thread::sleep(Duration::from_millis(50));
                cancel.cancel();
                run.join().unwrap()
            });
            assert!(matches!(error, Error::Cancelled(_)), "{script}: {error}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{script}");
        }
    }
}
