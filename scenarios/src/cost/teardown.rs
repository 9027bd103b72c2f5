//! Teardown: from the kill of a container's first process until nothing of it is there.
//!
//! The kernel ends much of a container in its own time, after its process was reaped and its groups were removed, and the next
//! launch may wait for what the last one still holds. All times count from the SIGKILL, not from the process's end: a
//! process leaves its namespaces on its way there (`do_exit`), so that their end may come before its own.
//!
//! What is looked at, each by a descriptor that becomes readable and keeps nothing alive:
//!
//! | what | how |
//! |---|---|
//! | the first process has ended | its process descriptor |
//! | mount namespace | `IN_UNMOUNT` of its `/tmp`: that tmpfs is mounted nowhere any more |
//! | ipc namespace | `IN_UNMOUNT` of its `/dev/mqueue`, which the namespace itself keeps mounted until it is freed |
//! | network namespace | `RTM_DELLINK` of the peer, in a namespace of isolab's own, of a veth link in it |
//!
//! Not seen: the freeing of the network namespace's memory, which follows the end of its links after one more grace period;
//! and the ends of pid, uts, cgroup, user and time namespaces, which have nothing that could be watched from outside. They are
//! freed with their last process, or after a grace period.

use std::fs::File;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::launch::Container;
use isolab_core::network::{Connection, Watch};
use isolab_core::sys::{Errno, clock, event, process};
use isolab_reports::record::{Cost, NotTested, Series};

use super::{Options, Timed, Timings};
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::network;
use crate::progress::Progress;
use crate::ready::{Error, LIMIT, Ready};
use crate::schedule::{Limits, Rounds};
use crate::workload::exit;

/// Id of the cost in the record.
pub const ID: &str = "teardown";
/// Limits for a run of some seconds.
pub const QUICK: Limits = Limits { rounds: 100, time: Duration::from_secs(8), seed: 1 };
/// What is watched, in the order of [`Watched::descriptors`].
const PARTS: [&str; 3] = ["mounts gone", "ipc namespace gone", "network links gone"];

/// Measures. What this host cannot have becomes a [`NotTested`].
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers and files are removed either way.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let bed = Bed::new(options.program, host)?;
    let mut bench = match Bench::new(&bed) {
        Ok(bench) => bench,
        Err(error) => return Ok((Vec::new(), vec![error.into_not_tested(ID)?])),
    };
    progress.begin("teardown until everything is gone", u64::from(options.limits.rounds));
    let mut rounds = Rounds::new(1, options.limits);
    while rounds.next_round().is_some() {
        cancel.check()?;
        progress.step("launch and kill");
        std::thread::sleep(options.rest);
        if let Err(error) = bench.round() {
            progress.done();
            return Ok((Vec::new(), vec![error.into_not_tested(ID)?]));
        }
    }
    progress.done();
    let title = "From the kill of a full container until its parts are gone";
    let series = bench.times.series(&bench.enforced);
    Ok((vec![Cost { id: ID.into(), title: title.into(), launcher: "core".into(), series }], Vec::new()))
}

/// What a round needs.
struct Bench {
    ready: Ready,
    enforced: String,
    /// A network namespace of isolab's own.
    outside: File,
    links: Connection,
    /// The workload waits for its end, which does not come.
    stdin: PipeReader,
    _open: io::PipeWriter,
    null: File,
    times: Times,
    _bundle: Bundle,
}

/// What was measured, all from the kill.
#[derive(Default)]
struct Times {
    ended: Timings,
    reaped: Timings,
    removed: Timings,
    parts: [Vec<u64>; PARTS.len()],
    everything: Vec<u64>,
}

/// What of a container is watched.
struct Watched {
    tmp: OwnedFd,
    queues: OwnedFd,
    links: Watch,
    /// Number of the watched link.
    link: u32,
}

impl Bench {
    fn new(bed: &Bed) -> Result<Bench, Error> {
        let mut config = bed.config(ID);
        config["process"]["args"] = [exit::HOLD].into();
        let bundle = bed.bundle(ID, config)?;
        exit::install_hold(&bundle.rootfs()).map_err(Error::io("write the waiting workload"))?;
        let ready = Ready::new(bundle.config(), bundle.dir(), ID, &bed.host)?;
        let enforced = ready.verify()?;
        let outside = network::new_namespace().map_err(|errno| system("make a network namespace", errno))?;
        let links = Connection::inside(outside.as_fd());
        let links = links.map_err(|errno| system("enter a network namespace", errno))?;
        let (stdin, open) = io::pipe().map_err(Error::io("make a pipe"))?;
        let null = File::options().read(true).write(true).open("/dev/null");
        let null = null.map_err(Error::io("open /dev/null"))?;
        let times = Times::default();
        Ok(Bench { ready, enforced, outside, links, stdin, _open: open, null, times, _bundle: bundle })
    }

    fn round(&mut self) -> Result<(), Error> {
        let null = self.null.as_fd();
        let container = self.ready.launch([self.stdin.as_fd(), null, null], false)?;
        let watched = self.watch(container.pid())?;
        std::thread::scope(|scope| {
            let seen = scope.spawn(|| watched.wait());
            let own = self.times.end(container);
            let seen = seen.join().unwrap_or_else(|_| {
                Err(Error::Ended { what: "the watching thread".into(), how: "a panic".into() })
            });
            let (begun, removed) = own?;
            self.times.add(begun, removed, seen?);
            Ok(())
        })
    }

    /// Gives the container a link to be watched, and watches it.
    fn watch(&self, pid: i32) -> Result<Watched, Error> {
        const OUTSIDE: &std::ffi::CStr = c"watched";
        let unmounted = |path: &str| {
            let path = format!("/proc/{pid}/root{path}");
            let failed = format!("watch {path}");
            let path = std::ffi::CString::new(path).unwrap_or_default();
            event::unmounted(&path).map_err(|errno| system(&failed, errno))
        };
        // Closed before the container ends, which it would keep from ending.
        let inside =
            network::of_process(pid).map_err(|error| Error::io(error.operation)(raw(error.errno)))?;
        let pair = self.links.add_veth(OUTSIDE, c"eth0", inside.as_fd());
        pair.map_err(|errno| system("make a pair of links (module veth)", errno))?;
        let link = self.links.link(OUTSIDE).map_err(|errno| system("find the link", errno))?.index;
        let links = Watch::inside(self.outside.as_fd()).map_err(|errno| system("watch the links", errno))?;
        Ok(Watched { tmp: unmounted("/tmp")?, queues: unmounted("/dev/mqueue")?, links, link })
    }
}

impl Watched {
    fn descriptors(&self) -> [BorrowedFd<'_>; PARTS.len()] {
        [self.tmp.as_fd(), self.queues.as_fd(), self.links.as_fd()]
    }

    /// Waits until all have gone: the moment of each, in nanoseconds of the monotonic clock.
    fn wait(&self) -> Result<[u64; PARTS.len()], Error> {
        let until = Instant::now() + LIMIT;
        let mut at = [None; PARTS.len()];
        while let Some(waiting) = waiting(&at) {
            let descriptors: Vec<BorrowedFd<'_>> =
                waiting.iter().map(|&part| self.descriptors()[part]).collect();
            let left = until.saturating_duration_since(Instant::now());
            let one = process::poll(&descriptors, Some(left));
            let Some(one) = one.map_err(|errno| system("wait for a container's end", errno))? else {
                return Err(Error::Late { what: PARTS[waiting[0]].into(), limit: LIMIT });
            };
            let (part, now) = (waiting[one], clock::monotonic());
            // Before it goes, a link changes: it loses its carrier.
            let gone = part != LINKS
                || self.links.has_gone(self.link).map_err(|errno| system("read about links", errno))?;
            if gone {
                at[part] = Some(now);
            }
        }
        Ok(at.map(Option::unwrap_or_default))
    }
}

/// Where in [`PARTS`] the links are.
const LINKS: usize = 2;

/// The parts that are still there; `None` when all have gone.
fn waiting(at: &[Option<u64>]) -> Option<Vec<usize>> {
    let waiting: Vec<usize> = (0..at.len()).filter(|&part| at[part].is_none()).collect();
    (!waiting.is_empty()).then_some(waiting)
}

impl Times {
    /// Kills, reaps and removes; the moments of the kill and of the last removal.
    fn end(&mut self, mut container: Container) -> Result<(u64, u64), Error> {
        let pid = container.pid();
        let of_container = || clock::process_cpu_of(pid).unwrap_or_default();
        let (begun, own, inside) = (clock::monotonic(), clock::thread_cpu(), of_container());
        container.kill()?;
        let readable = process::poll(&[container.pidfd()], Some(LIMIT));
        if readable.map_err(|errno| system("wait for the first process", errno))?.is_none() {
            return Err(Error::Late { what: "the end of the first process".into(), limit: LIMIT });
        }
        let ended = clock::monotonic();
        // The last moment at which its clock can be read.
        let inside = of_container().saturating_sub(inside);
        let since = |at: u64| Timed { total: at - begun, on_cpu: clock::thread_cpu() - own + inside };
        self.ended.add(since(ended));
        container.wait(Some(LIMIT))?;
        self.reaped.add(since(clock::monotonic()));
        container.remove()?;
        let removed = clock::monotonic();
        self.removed.add(since(removed));
        Ok((begun, removed))
    }

    fn add(&mut self, begun: u64, removed: u64, seen: [u64; PARTS.len()]) {
        for (samples, at) in self.parts.iter_mut().zip(seen) {
            samples.push(at.saturating_sub(begun));
        }
        let last = seen.into_iter().chain([removed]).max().unwrap_or(removed);
        self.everything.push(last - begun);
    }

    fn series(&self, enforced: &str) -> Vec<Series> {
        let own = [
            self.ended.series("first process has ended", None),
            self.reaped.series("first process reaped", None),
            self.removed.series("groups removed", None),
        ];
        let parts =
            PARTS.iter().zip(&self.parts).map(|(name, samples)| Series::of(*name, None, samples.clone()));
        let everything = Series::of("everything", None, self.everything.clone());
        let all = own.into_iter().chain(parts).chain([everything]);
        all.map(|series| Series { enforced: Some(enforced.into()), ..series }).collect()
    }
}

fn raw(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.into_raw())
}

fn system(operation: &str, errno: Errno) -> Error {
    Error::io(operation)(raw(errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_the_last_of_all() {
        let mut times = Times::default();
        times.add(100, 150, [120, 130, 400]);
        times.add(100, 500, [120, 130, 400]);
        assert_eq!(times.everything, [300, 400]);
        assert_eq!(times.parts, [vec![20, 20], vec![30, 30], vec![300, 300]]);
        let names: Vec<String> = times.series("enforced").into_iter().map(|series| series.name).collect();
        assert_eq!(names.len(), 7);
        assert_eq!(PARTS[LINKS], "network links gone");
        assert_eq!(names.last().map(String::as_str), Some("everything"));
    }

    #[test]
    fn what_has_gone_is_not_waited_for() {
        assert_eq!(waiting(&[Some(1), None, None]), Some(vec![1, 2]));
        assert_eq!(waiting(&[Some(1), Some(2)]), None);
    }
}
