//! Workloads: what runs in a container while something is measured.
//!
//! A *victim* is measured, an *aggressor* disturbs it. Both are this same static binary, run inside the container as
//! `isolab inside work REQUEST`, so that they need nothing from the root filesystem. The protocol is small:
//!
//! 1. the workload makes ready (allocates, faults in), prints the line `ready`, and waits for one byte on stdin;
//! 2. a victim works for its time; an aggressor works until stdin ends, or for its time at most;
//! 3. it prints one JSON [`Reply`] per line and exits with 0.
//!
//! The byte on stdin starts a victim when its aggressor surely runs. Every workload ends by itself within its time, so that
//! nothing hogs the host when the one who started it is gone.

pub mod cpu_hog;
pub use isolab_core::exit;
pub mod files;
pub mod memory_hog;
pub mod memory_victim;
mod pace;
pub mod session;

mod stop;
pub mod timer;

use std::io::{Read, Write};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// What a workload is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Seconds to work for; an aggressor stops earlier when its stdin ends.
    pub seconds: f64,
    /// Which workload, with its parameters.
    pub work: Work,
}

/// A workload and its parameters. Times are nanoseconds, sizes are bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Victim: wakes up on a schedule.
    Timer(timer::Timer),
    /// Victim: serves requests that touch memory, on a schedule.
    MemoryVictim(memory_victim::MemoryVictim),
    /// Aggressor: spins on CPUs.
    CpuHog(cpu_hog::CpuHog),
    /// Aggressor: streams through memory, frees it, faults it in again.
    MemoryHog(memory_hog::MemoryHog),
    /// Measured: creates, reads and opens files for writing.
    Files(files::Files),
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
    /// Stdin ended before the start byte: whoever asked is gone.
    #[error("workload: stdin ended before the start")]
    NotStarted,
    /// A file operation or the protocol's pipe failed.
    #[error("workload: {operation}: {source}")]
    Io {
        /// What was tried, with its object.
        operation: String,
        /// The system's error.
        source: std::io::Error,
    },
}

/// `isolab inside work REQUEST`: runs one workload by the protocol above.
///
/// Exit status 0 when it ran, 2 for a bad request, 1 for anything else, with the reason on stderr.
#[must_use]
pub fn main(request: &str) -> ExitCode {
    let result = serde_json::from_str(request)
        .map_err(Error::Request)
        .and_then(|request: Request| serve(&request, &mut std::io::stdout().lock()));
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
    let mut start = || -> Result<(), Error> {
        let ready = |source| Error::Io { operation: "write to stdout".into(), source };
        out.write_all(b"ready\n").and_then(|()| out.flush()).map_err(ready)?;
        wait_for_start(&mut std::io::stdin())
    };
    let replies = match &request.work {
        Work::Timer(timer) => vec![timer.run(request.seconds, &mut start)?],
        Work::MemoryVictim(victim) => vec![victim.run(request.seconds, &mut start)?],
        Work::CpuHog(hog) => vec![hog.run(request.seconds, &mut start)?],
        Work::MemoryHog(hog) => vec![hog.run(request.seconds, &mut start)?],
        Work::Files(files) => files.run(&mut start)?,
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

fn wait_for_start(stdin: &mut dyn Read) -> Result<(), Error> {
    let mut byte = [0];
    match stdin.read(&mut byte) {
        Ok(0) => Err(Error::NotStarted),
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Io { operation: "read the start byte".into(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_as_they_are_written() {
        let request = Request {
            seconds: 0.5,
            work: Work::MemoryVictim(memory_victim::MemoryVictim {
                period: 2_000_000,
                bytes: 8 << 20,
                loads: 100,
                faults: 4,
            }),
        };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(
            text,
            r#"{"seconds":0.5,"work":{"memory-victim":{"period":2000000,"bytes":8388608,"loads":100,"faults":4}}}"#
        );
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
    }

    #[test]
    fn a_bad_request_names_what_is_wrong() {
        let error = serde_json::from_str::<Request>(r#"{"seconds":1,"work":{"dance":{}}}"#).unwrap_err();
        assert!(error.to_string().contains("dance"), "{error}");
        let extra = r#"{"seconds":1,"work":{"cpu-hog":{"threads":1,"speed":9}}}"#;
        let error = serde_json::from_str::<Request>(extra).unwrap_err();
        assert!(error.to_string().contains("speed"), "{error}");
        assert_eq!(main("{}"), ExitCode::from(2));
    }

    #[test]
    fn a_closed_stdin_is_not_a_start() {
        assert!(matches!(wait_for_start(&mut &b""[..]), Err(Error::NotStarted)));
        assert!(wait_for_start(&mut &b"g"[..]).is_ok());
    }
}
