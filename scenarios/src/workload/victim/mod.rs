//! Victims: what is measured. Requests arrive on a schedule (`pace`); a kind of victim is what serves one of them.

mod cpu;
mod faults;
mod file;
mod memory;
mod metadata;
mod network;
pub(crate) mod pace;
mod pipe;
mod server;
mod timer;
mod usage;

use std::io;

use isolab_core::sys::clock;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Reply, Start};
pub(crate) use memory::MAPPED_AFRESH;
use pace::Monotonic;
pub use usage::Usage;

/// A victim: how long, how often, and what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Victim {
    /// Seconds to work for.
    pub seconds: f64,
    /// Nanoseconds between two requests.
    pub period: u64,
    /// What serves a request.
    pub work: Work,
}

/// What serves a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "VictimWork")]
pub enum Work {
    /// Nothing: the delay of the wake-up alone.
    Timer(timer::Timer),
    /// Arithmetic.
    Cpu(cpu::Cpu),
    /// Dependent loads and fresh pages.
    Memory(memory::Memory),
    /// Fresh pages.
    Faults(faults::Faults),
    /// A round trip to a server thread over a socket.
    Server(server::Server),
    /// A round trip to a thread over two pipes.
    Pipe(pipe::Pipe),
    /// Reads, writes or syncs a file.
    File(file::File),
    /// Makes, renames and removes a file.
    Metadata(metadata::Metadata),
    /// A round trip to a server on the bridge.
    Network(network::Network),
}

/// Serves one request.
type Serve = Box<dyn FnMut() -> io::Result<()>>;

impl Victim {
    pub(super) fn run(&self, start: &mut Start<'_>) -> Result<Reply, Error> {
        exact_timers()?;
        let mut serve = self.work.serve()?;
        start()?;
        // The first request finds caches, connections and tables as no later one does.
        serve().map_err(|source| self.work.failed(source))?;
        let mut failure = None;
        let before = Usage::now();
        let length = pace::from_seconds(self.seconds);
        let mut reply = pace::open_loop(&Monotonic, self.period, length, &mut || {
            if let Err(error) = serve() {
                failure.get_or_insert(error);
            }
        });
        reply.usage = Some(Usage::now().since(&before));
        failure.map_or(Ok(reply), |source| Err(self.work.failed(source)))
    }
}

impl Work {
    /// Whether its container is to be linked to the bridge.
    #[must_use]
    pub fn needs_network(&self) -> bool {
        matches!(self, Work::Network(_))
    }

    fn serve(&self) -> Result<Serve, Error> {
        let serve = match self {
            Work::Timer(timer) => Ok(timer.serve()),
            Work::Cpu(cpu) => Ok(cpu.serve()),
            Work::Memory(memory) => Ok(memory.serve()),
            Work::Faults(faults) => Ok(faults.serve()),
            Work::Server(server) => server.serve(),
            Work::Pipe(pipe) => pipe.serve(),
            Work::File(file) => file.serve(),
            Work::Metadata(metadata) => metadata.serve(),
            Work::Network(network) => Ok(network.serve()),
        };
        serve.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Io { operation: format!("serve a request of {self:?}"), source }
    }
}

/// The kernel's default timer slack (50 µs, prctl(2) `PR_SET_TIMERSLACK`) would hide small delays of any victim, so it is
/// turned off. 1 ns is the least; 0 would bring the default back.
pub(crate) fn exact_timers() -> Result<(), Error> {
    clock::set_timer_slack(1).map_err(|errno| Error::Io {
        operation: "turn timer slack off".into(),
        source: io::Error::from_raw_os_error(errno.into_raw()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind that needs no more than a directory serves its requests, and counts them.
    #[test]
    fn every_kind_serves_on_schedule() {
        let dir = std::env::temp_dir().join(format!("isolab-victims-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let at = dir.join("file");
        let kinds = [
            Work::Timer(timer::Timer {}),
            Work::Cpu(cpu::Cpu { steps: 1000 }),
            Work::Memory(memory::Memory { bytes: 1 << 20, loads: 100, faults: 2 }),
            Work::Faults(faults::Faults { pages: 4 }),
            Work::Server(server::Server {}),
            Work::Pipe(pipe::Pipe {}),
            Work::File(file::File { at, bytes: 4096, operation: file::Operation::Sync }),
            Work::Metadata(metadata::Metadata { at: dir.join("names") }),
        ];
        for work in kinds {
            let victim = Victim { seconds: 0.02, period: 2_000_000, work };
            let reply = victim.run(&mut || Ok(())).unwrap();
            assert_eq!((reply.samples.len(), reply.unserved), (10, 0), "{:?}", victim.work);
            assert!(reply.samples.iter().all(|&sample| sample > 0), "{:?}", victim.work);
            assert!(reply.usage.is_some_and(|usage| usage.cpu > 0), "{:?}", victim.work);
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn it_does_not_run_unless_started() {
        let victim = Victim { seconds: 1.0, period: 1_000, work: Work::Timer(timer::Timer {}) };
        assert!(matches!(victim.run(&mut || Err(Error::NotStarted)), Err(Error::NotStarted)));
    }

    #[test]
    fn a_request_that_fails_is_no_sample() {
        let at = std::path::PathBuf::from("/nowhere/at/all");
        let work = Work::File(file::File { at, bytes: 1, operation: file::Operation::Write });
        let error = Victim { seconds: 0.01, period: 1_000_000, work }.run(&mut || Ok(())).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
