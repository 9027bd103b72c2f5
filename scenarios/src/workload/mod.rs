//! Workloads: what runs in a container while something is measured.
//!
//! A *victim* is measured, an *aggressor* disturbs it. Both are this same static binary, run inside the container as
//! `isolab inside work REQUEST`, so that they need nothing from the root filesystem. The protocol is small:
//!
//! 1. the workload prints the line `here`, and waits for one byte on stdin: it is as it was launched, and can be looked at;
//! 2. it makes ready (allocates, faults in, opens its files), prints the line `ready`, and waits for another byte;
//! 3. a victim works for its time; an aggressor works until stdin ends, or for its time at most;
//! 4. it prints one JSON [`Reply`] per line and exits with 0.
//!
//! The second byte starts a victim when its aggressor surely runs. Every workload ends by itself within its time, so that
//! nothing hogs the host when the one who started it is gone.

pub mod aggressor;
pub use isolab_core::exit;
pub mod echo;
pub mod files;
pub mod peer;
pub mod session;
pub mod sink;
mod stop;
pub mod victim;

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode};

use isolab_core::sys::Errno;
use serde::{Deserialize, Serialize};

/// What a workload is asked to do. Times are nanoseconds and sizes bytes, unless a field says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Serves requests on a schedule.
    Victim(victim::Victim),
    /// Disturbs.
    Aggressor(aggressor::Aggressor),
    /// Creates, reads and opens files for writing, each measured.
    Files(files::Files),
    /// Measured, or serves: one end of a network path.
    Peer(peer::Peer),
    /// One of an aggressor's processes: grows.
    Grow(aggressor::Grow),
    /// One of an aggressor's processes: makes more of them.
    ForkBomb(aggressor::ForkBomb),
}

/// What a workload did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The operation, for workloads that do several; empty otherwise.
    pub name: String,
    /// Nanoseconds each, in the order in which they were taken; empty for an aggressor.
    pub samples: Vec<u64>,
    /// Requests that were due but not served in time: they are in `samples` with the delay that they had reached.
    pub unserved: u64,
    /// Units of work done. The unit is the workload's own.
    pub work: u64,
    /// Seconds from the start byte to the end of the work.
    pub seconds: f64,
    /// What the kernel counted for a victim meanwhile.
    pub usage: Option<victim::Usage>,
}

/// Why a workload could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not one.
    #[error("workload request: {0}")]
    Request(#[source] serde_json::Error),
    /// The reply could not be written down.
    #[error("workload reply: {0}")]
    Reply(#[source] serde_json::Error),
    /// Stdin ended before the byte that was waited for: whoever asked is gone.
    #[error("workload: stdin ended before the start")]
    NotStarted,
    /// A file operation or the protocol's pipe failed.
    #[error("workload: {operation}: {source}")]
    Io {
        /// What was tried, with its object.
        operation: String,
        /// The system's error.
        source: io::Error,
    },
}

/// `isolab inside work REQUEST`: runs one workload by the protocol above.
///
/// Exit status 0 when it ran, 2 for a bad request, 1 for anything else, with the reason on stderr.
#[must_use]
pub fn main(request: &str) -> ExitCode {
    let result = serde_json::from_str(request)
        .map_err(Error::Request)
        .and_then(|request: Request| serve(&request, &mut io::stdout().lock()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("isolab inside work: {error}");
            ExitCode::from(if matches!(error, Error::Request(_)) { 2 } else { 1 })
        }
    }
}

/// Runs the workload and writes its replies.
fn serve(request: &Request, out: &mut dyn Write) -> Result<(), Error> {
    let mut say = |word: &[u8]| -> Result<(), Error> {
        let failed = |source| Error::Io { operation: "write to stdout".into(), source };
        out.write_all(word).and_then(|()| out.flush()).map_err(failed)?;
        wait_for_byte(&mut io::stdin())
    };
    let is_part = matches!(request, Request::Grow(_) | Request::ForkBomb(_));
    if !is_part {
        say(b"here\n")?;
    }
    let mut start = || say(b"ready\n");
    let replies = match request {
        Request::Victim(victim) => vec![victim.run(&mut start)?],
        Request::Aggressor(aggressor) => vec![aggressor.run(&mut start, io::stdin())?],
        Request::Files(files) => files.run(&mut start)?,
        Request::Peer(peer) => peer.run(&mut start)?,
        Request::Grow(how) => {
            aggressor::grow(how);
            Vec::new()
        }
        Request::ForkBomb(how) => {
            let failed = |source| Error::Io { operation: "a process of the fork bomb".into(), source };
            aggressor::burn(how).map_err(failed)?;
            Vec::new()
        }
    };
    for reply in replies {
        let line = serde_json::to_string(&reply).map_err(Error::Reply)?;
        writeln!(out, "{line}")
            .map_err(|source| Error::Io { operation: "write to stdout".into(), source })?;
    }
    Ok(())
}

/// Called by a workload when it has made ready; returns when it is to begin.
type Start<'a> = dyn FnMut() -> Result<(), Error> + 'a;

fn wait_for_byte(stdin: &mut dyn Read) -> Result<(), Error> {
    let mut byte = [0];
    match stdin.read(&mut byte) {
        Ok(0) => Err(Error::NotStarted),
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Io { operation: "read a byte from stdin".into(), source }),
    }
}

/// A further process of a workload's own.
fn own_command(request: &Request) -> io::Result<Command> {
    let mut command = Command::new(crate::probe::PROGRAM);
    command.args(["inside", "work", &serde_json::to_string(request)?]);
    Ok(command)
}

/// Integer arithmetic that touches no memory. Each step needs the one before, and the compiler may not see through it.
fn spin(word: u64, steps: u32) -> u64 {
    (0..steps).fold(word, |word, _| black_box(word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1)))
}

fn io_error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_as_they_are_written() {
        let text = r#"{"victim":{"seconds":0.5,"period":2000000,"work":{"memory":{"bytes":8,"loads":1,"faults":4}}}}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        assert!(matches!(&request, Request::Victim(victim) if victim.period == 2_000_000));
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
    }

    #[test]
    fn a_bad_request_names_what_is_wrong() {
        let work = r#"{"victim":{"seconds":1,"period":1,"work":{"dance":{}}}}"#;
        let error = serde_json::from_str::<Request>(work).unwrap_err();
        assert!(error.to_string().contains("dance"), "{error}");
        let extra = r#"{"aggressor":{"seconds":1,"threads":1,"intensity":1,"work":{"cpu":{"speed":9}}}}"#;
        let error = serde_json::from_str::<Request>(extra).unwrap_err();
        assert!(error.to_string().contains("speed"), "{error}");
        assert_eq!(main("{}"), ExitCode::from(2));
    }

    #[test]
    fn a_closed_stdin_is_not_a_start() {
        assert!(matches!(wait_for_byte(&mut &b""[..]), Err(Error::NotStarted)));
        assert!(wait_for_byte(&mut &b"g"[..]).is_ok());
    }
}
