//! Aggressors: what disturbs. Every thread does units of work one after another, until its time is over or it is told to stop; a
//! kind of aggressor is what a unit is. All are bounded: in time, in threads, in bytes and files.

mod cache;
mod calls;
mod cpu;
mod directories;
mod file;
mod flood;
mod fork_bomb;
mod futex;
mod grow;
mod inodes;
mod memory;
mod mounts;
mod namespaces;
mod pace;

mod stress_ng;

use std::io::{self, Read};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stop::Stop;
use super::victim::Usage;
use super::{Error, Reply, Start};

pub use fork_bomb::ForkBomb;
pub(super) use fork_bomb::burn;
pub use grow::Grow;
pub(super) use grow::grow;

/// An aggressor: how long, how many, how hard, and what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggressor {
    /// Seconds to work for at most.
    pub seconds: f64,
    /// Threads that work.
    pub threads: usize,
    /// Share of its time, above 0 and up to 1, that each thread works; it sleeps for the rest.
    pub intensity: f64,
    /// What they do.
    pub work: Work,
}

/// What an aggressor does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "AggressorWork")]
pub enum Work {
    /// Spins.
    Cpu(cpu::Cpu),
    /// Streams through memory.
    Memory(memory::Memory),
    /// Writes to cache lines in no order.
    Cache(cache::Cache),
    /// Processes that grow until the OOM killer takes them.
    Grow(grow::Grow),
    /// Reads or writes a file.
    File(file::File),
    /// Makes and removes files, and looks for some that are not there.
    Inodes(inodes::Inodes),
    /// Makes and removes a directory, which on a cgroup file system is a group.
    Directories(directories::Directories),
    /// Processes that make processes.
    ForkBomb(fork_bomb::ForkBomb),
    /// Mounts and unmounts.
    Mounts(mounts::Mounts),
    /// New network namespaces, each in the place of the one before.
    Namespaces(namespaces::Namespaces),
    /// Cheap system calls.
    Calls(calls::Calls),
    /// Threads that fight for a lock.
    Futex(futex::Futex),
    /// Datagrams to the bridge.
    Flood(flood::Flood),
    /// A stressor of stress-ng, where that is installed.
    StressNg(stress_ng::StressNg),
}

/// Does one piece of work, and says how many units that was.
type Unit = Box<dyn FnMut() -> io::Result<u64>>;

impl Aggressor {
    /// Works until its time is over or `input` ends.
    pub(super) fn run(
        &self,
        start: &mut Start<'_>,
        input: impl Read + Send + 'static,
    ) -> Result<Reply, Error> {
        match &self.work {
            Work::StressNg(stress_ng) => stress_ng.run((self.seconds, self.threads), start, input),
            _ => self.in_threads(start, input),
        }
    }

    fn in_threads(&self, start: &mut Start<'_>, input: impl Read + Send + 'static) -> Result<Reply, Error> {
        let (prepared, all_prepared) = channel();
        thread::scope(|scope| {
            let (gates, threads): (Vec<_>, Vec<_>) = (0..self.threads)
                .map(|number| {
                    let (gate, opened) = channel::<Stop>();
                    let prepared = prepared.clone();
                    let work = move || {
                        let unit = self.work.unit(number);
                        let unit = match unit {
                            Ok(unit) => drop_sent(prepared.send(Ok(())), unit),
                            Err(error) => return drop_sent(prepared.send(Err(error)), Ok(0)),
                        };
                        // Without a stop the start was refused, and there is nothing to do.
                        opened.recv().map_or(Ok(0), |stop| pace::work(unit, self.intensity, &stop))
                    };
                    (gate, scope.spawn(work))
                })
                .unzip();
            for _ in &threads {
                // Every thread says one thing before it can end.
                if let Ok(result) = all_prepared.recv() {
                    result.map_err(|source| self.failed(source))?;
                }
            }
            start()?;
            let (begun, stop) = (Instant::now(), Stop::new(self.seconds, input));
            for gate in gates {
                // A thread that is gone has panicked, and its work does not count.
                drop(gate.send(stop.clone()));
            }
            let mut work = 0;
            for thread in threads {
                work += thread.join().unwrap_or(Ok(0)).map_err(|source| self.failed(source))?;
            }
            let usage = Some(Usage::with_children());
            Ok(Reply { work, seconds: begun.elapsed().as_secs_f64(), usage, ..Reply::default() })
        })
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Io { operation: format!("aggressor {:?}", self.work), source }
    }
}

/// Whoever waits for what was sent is there as long as its threads are.
fn drop_sent<S, T>(sent: S, value: T) -> T {
    drop(sent);
    value
}

impl Work {
    /// Whether its container is to be linked to the bridge.
    #[must_use]
    pub fn needs_network(&self) -> bool {
        matches!(self, Work::Flood(_))
    }

    /// Whether it is a program of its own, which has to be installed.
    #[must_use]
    pub fn is_stress_ng(&self) -> bool {
        matches!(self, Work::StressNg(_))
    }

    /// A stressor of stress-ng.
    #[must_use]
    pub fn stress_ng(stressor: &str) -> Work {
        Work::StressNg(stress_ng::StressNg { stressor: stressor.into() })
    }

    /// Takes no more memory than a group of this limit has: three quarters of it, since what the program itself needs comes
    /// on top. What is meant to reach the limit does so all the same.
    pub(crate) fn fit(&mut self, threads: usize, limit: u64) {
        let most = usize::try_from(limit / 4 * 3).unwrap_or(usize::MAX) / threads.max(1);
        match self {
            Work::Memory(memory) => memory.bytes = memory.bytes.min(most),
            Work::Cache(cache) => cache.bytes = cache.bytes.min(most),
            _ => {}
        }
    }

    fn unit(&self, thread: usize) -> io::Result<Unit> {
        match self {
            Work::Cpu(cpu) => Ok(cpu.unit()),
            Work::Memory(memory) => Ok(memory.unit()),
            Work::Cache(cache) => Ok(cache.unit(thread)),
            Work::Grow(grow) => grow.unit(),
            Work::File(file) => file.unit(thread),
            Work::Inodes(inodes) => inodes.unit(thread),
            Work::Directories(directories) => Ok(directories.unit(thread)),
            Work::ForkBomb(bomb) => bomb.unit(),
            Work::Mounts(mounts) => mounts.unit(thread),
            Work::Namespaces(namespaces) => Ok(namespaces.unit()),
            Work::Calls(calls) => Ok(calls.unit()),
            Work::Futex(futex) => Ok(futex.unit()),
            Work::Flood(flood) => Ok(flood.unit()),
            Work::StressNg(_) => Err(io::Error::other("stress-ng is a program of its own")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(threads: usize, work: Work) -> Reply {
        let aggressor = Aggressor { seconds: 0.05, threads, intensity: 1.0, work };
        let (input, kept) = io::pipe().unwrap();
        let reply = aggressor.run(&mut || Ok(()), input).unwrap_or_else(|error| panic!("{error}"));
        drop(kept);
        reply
    }

    /// Every kind that needs neither privileges nor a program works, and counts what it did.
    #[test]
    fn every_kind_counts_its_work() {
        let dir = std::env::temp_dir().join(format!("isolab-aggressors-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = |operation| file::File { at: dir.clone(), bytes: 1 << 20, operation };
        let kinds = [
            Work::Cpu(cpu::Cpu {}),
            Work::Memory(memory::Memory { bytes: 1 << 20, fresh: true }),
            Work::Cache(cache::Cache { bytes: 1 << 20 }),
            Work::File(file(file::Operation::Dirty)),
            Work::File(file(file::Operation::Sync)),
            Work::Inodes(inodes::Inodes { at: dir.clone(), files: 10 }),
            Work::Directories(directories::Directories { at: dir.clone() }),
            Work::Calls(calls::Calls {}),
            Work::Futex(futex::Futex {}),
        ];
        for work in kinds {
            let reply = run(2, work.clone());
            assert!(reply.work > 0 && (0.05..5.0).contains(&reply.seconds), "{work:?}: {reply:?}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_cannot_be_prepared_is_said_before_the_start() {
        let at = "/nowhere/at/all".into();
        let work = Work::File(file::File { at, bytes: 1, operation: file::Operation::Dirty });
        let aggressor = Aggressor { seconds: 1.0, threads: 2, intensity: 1.0, work };
        let error = aggressor.run(&mut || panic!("started"), io::empty()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }

    #[test]
    fn memory_hogs_take_what_their_cage_allows() {
        let hog = |bytes| Work::Memory(memory::Memory { bytes, fresh: true });
        let fitted = |mut work: Work, threads, limit| {
            work.fit(threads, limit);
            work
        };
        assert_eq!(fitted(hog(1 << 28), 2, 1 << 20), hog(3 << 17));
        assert_eq!(fitted(hog(1 << 10), 1, u64::MAX), hog(1 << 10));
    }

    #[test]
    fn a_refused_start_ends_its_threads() {
        let aggressor = Aggressor { seconds: 60.0, threads: 2, intensity: 1.0, work: Work::Cpu(cpu::Cpu {}) };
        assert!(matches!(aggressor.run(&mut || Err(Error::NotStarted), io::empty()), Err(Error::NotStarted)));
    }
}
