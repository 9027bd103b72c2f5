//! Runs one command of the job.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use isolab_core::sys::Errno;
use isolab_core::sys::init;
use isolab_core::sys::process::Exit;

use super::prepare::DISK_TMP;
use crate::lab::guest::job::{Command, End};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How much of a command's output is kept.
const STDOUT: u64 = 64 << 20;
/// How much of what it says on standard error is kept.
const STDERR: u64 = 1 << 20;
/// The status of a command that cannot be started, as shells have it.
const NOT_STARTED: i32 = 127;

/// How a command ended, and what it printed.
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a command to its end, or to its limit. Nothing that it started outlives it.
pub(super) fn run(command: &Command, disk: bool) -> Ended {
    match start(command, disk) {
        Ok(child) => follow(child, Duration::from_secs(command.limit)),
        Err(error) => {
            let stderr = format!("isolab: cannot start {}: {error}\n", command.argv.join(" "));
            Ended { end: End::Status(NOT_STARTED), stdout: String::new(), stderr }
        }
    }
}

fn start(command: &Command, disk: bool) -> io::Result<Child> {
    let [program, arguments @ ..] = command.argv.as_slice() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has no name"));
    };
    let mut start = std::process::Command::new(program);
    start.args(arguments).env_clear().env("PATH", PATH).env("HOME", "/root");
    if disk {
        start.env("TMPDIR", DISK_TMP);
    }
    start.envs(&command.env).process_group(0);
    start.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

fn follow(mut child: Child, limit: Duration) -> Ended {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let pid = child.id().cast_signed();
    let (ended, watched) = mpsc::channel::<()>();
    let (exit, late, stdout, mut stderr) = thread::scope(|scope| {
        let stdout = scope.spawn(|| stdout.map_or_else(String::new, |stream| keep(stream, STDOUT)));
        let stderr = scope.spawn(|| stderr.map_or_else(String::new, |stream| keep(stream, STDERR)));
        let watch = scope.spawn(move || {
            let late = watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            late && init::kill_others().is_ok()
        });
        let exit = wait_for(pid);
        drop(ended);
        let late = watch.join().unwrap_or(false);
        // The pipes end when the last one that holds them has.
        let swept = sweep();
        let printed = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
        (exit.and_then(|exit| swept.map(|()| exit)), late, printed.0, printed.1)
    });
    let end = match exit {
        Ok(Exit::Signal(9)) if late => End::Limit,
        Ok(Exit::Signal(signal)) => End::Signal(signal),
        Ok(Exit::Code(status)) => End::Status(status),
        Err(errno) => {
            stderr.push_str(&format!("isolab: cannot wait for the command: {errno}\n"));
            End::Status(NOT_STARTED)
        }
    };
    Ended { end, stdout, stderr }
}

/// Reads to the end and keeps the first `most` bytes; says at the end of them when there was more, or an error.
fn keep(mut stream: impl Read, most: u64) -> String {
    let mut kept = Vec::new();
    let read = stream.by_ref().take(most).read_to_end(&mut kept);
    let beyond = read.and_then(|_| io::copy(&mut stream, &mut io::sink()));
    let mut text = String::from_utf8_lossy(&kept).into_owned();
    match beyond {
        Ok(0) => {}
        Ok(beyond) => text.push_str(&format!("\nisolab: {beyond} bytes more were left out\n")),
        Err(error) => text.push_str(&format!("\nisolab: cannot read on: {error}\n")),
    }
    text
}

/// Reaps whatever ends, up to this child.
fn wait_for(child: i32) -> Result<Exit, Errno> {
    loop {
        let (pid, exit) = init::reap()?;
        if pid == child {
            return Ok(exit);
        }
    }
}

/// Ends and reaps what the command has left.
fn sweep() -> Result<(), Errno> {
    match init::kill_others() {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => return Err(errno),
    }
    loop {
        match init::reap() {
            Ok(_) => {}
            Err(Errno::ECHILD) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
}
