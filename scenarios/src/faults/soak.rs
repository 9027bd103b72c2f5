//! Thousands of launches: what grows with them.
//!
//! Blocks of launches by a launcher take turns with blocks of the floor, the same container made by hand: what the kernel itself
//! keeps for a while (removed memory groups linger while pages are charged to them) it keeps for both. After each
//! block there is time to settle.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::launch::start_watcher;
use isolab_reports::record::{Finding, Problem, Sweep, SweepKind};

use super::tally::Tally;
use crate::cancel::Cancel;
use crate::cost::floor::Pair;
use crate::cost::{self};
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::Limits;

/// How many blocks of each.
const BLOCKS: usize = 5;
/// How long a block may take to settle.
const SETTLE: Duration = Duration::from_secs(4);
/// A soak ends where less than this share of memory is left.
const LEAST_FREE: u64 = 25;

/// What is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Gauge {
    /// Of this process: resident memory in KiB, descriptors, threads, children.
    memory: i64,
    own: i64,
    /// Mounts of this namespace, and groups that this process has made. The kernel's own count has those of others too, and
    /// removed ones for as long as pages are charged to them, which are in the kernel's memory below.
    mounts: i64,
    groups: i64,
    /// Kernel slabs and per-CPU memory in KiB.
    kernel: i64,
}

impl Gauge {
    fn read(host: &Host) -> Gauge {
        let count = |path: &str| fs::read_dir(path).map_or(0, |entries| entries.count() as i64);
        let lines = |path: &str| fs::read_to_string(path).map_or(0, |text| text.lines().count() as i64);
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Gauge {
            memory: kib(&status, "VmRSS:"),
            own: count("/proc/self/fd") + count("/proc/self/task"),
            mounts: lines("/proc/thread-self/mountinfo"),
            groups: groups(host),
            kernel: kib(&meminfo, "Slab:") + kib(&meminfo, "Percpu:") + kib(&meminfo, "KernelStack:"),
        }
    }

    /// Once it does not shrink any more.
    fn settled(host: &Host) -> Gauge {
        let begun = Instant::now();
        let mut last = Gauge::read(host);
        while begun.elapsed() < SETTLE {
            thread::sleep(SETTLE / 8);
            let now = Gauge::read(host);
            if now.kernel >= last.kernel && now.groups >= last.groups {
                return now;
            }
            last = now;
        }
        last
    }

    fn add_growth(&mut self, before: Gauge, after: Gauge) {
        self.memory += after.memory - before.memory;
        self.own += after.own - before.own;
        self.mounts += after.mounts - before.mounts;
        self.groups += after.groups - before.groups;
        self.kernel += after.kernel - before.kernel;
    }

    fn line(self, who: &str) -> String {
        let Gauge { memory, own, mounts, groups, kernel } = self;
        format!(
            "{who} grew: resident memory {memory} KiB, descriptors and threads {own}, mounts {mounts}, groups {groups}, \
             kernel slabs and per-CPU memory {kernel} KiB"
        )
    }
}

fn kib(text: &str, name: &str) -> i64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The groups below those that are named after this process, as its scratch folders are.
fn groups(host: &Host) -> i64 {
    let name = format!("isolab-{}-", std::process::id());
    let mounts = host.cgroups.v1.iter().chain(&host.cgroups.v2).map(|hierarchy| &hierarchy.mount);
    let own = mounts
        .flat_map(|mount| directories(mount))
        .filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&name)));
    own.map(|group| 1 + below(&group)).sum()
}

fn below(group: &Path) -> i64 {
    directories(group).iter().map(|group| 1 + below(group)).sum()
}

fn directories(path: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// How to soak.
pub struct Soak<'s> {
    /// Launches of each, in all.
    pub launches: usize,
    /// In so many blocks.
    pub blocks: usize,
    /// How long the launches of a block may take; there are fewer then.
    pub limit: Duration,
    /// Who launches once, and removes what was launched.
    pub launcher: (&'s str, &'s dyn Fn() -> Result<(), Error>),
}

/// Launches so often, by `core` and by the floor.
///
/// # Errors
/// When a launch fails, or the run is to stop.
pub fn run(
    launches: usize,
    program: &Path,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    start_watcher()?;
    let options = cost::Options { program, limits: LIMITS, planted: 0, rest: Duration::ZERO };
    let pair = std::cell::RefCell::new(Pair::new(&options, host)?);
    let core = || pair.borrow_mut().core().map(drop);
    of(
        &Soak { launches, blocks: BLOCKS, limit: Duration::MAX, launcher: ("core", &core) },
        program,
        host,
        progress,
        cancel,
    )
}

/// Of the pair that is not measured here.
const LIMITS: Limits = Limits { rounds: 1, time: Duration::from_secs(1), seed: 1 };

/// Launches so often, by any launcher and by the floor.
///
/// # Errors
/// As [`run`].
pub fn of(
    soak: &Soak<'_>,
    program: &Path,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    let (name, launch) = soak.launcher;
    let options = cost::Options { program, limits: LIMITS, planted: 0, rest: Duration::ZERO };
    let mut pair = Pair::new(&options, host)?;
    let blocks = soak.blocks;
    let each = soak.launches.div_ceil(blocks);
    let mut tally = Tally::new(SweepKind::Soak, name, 0, each * blocks);
    progress.begin(&format!("{name}: {}", SweepKind::Soak.title()), (2 * blocks) as u64);
    // What is allocated once is no growth.
    for _ in 0..each.div_ceil(10).min(100) {
        pair.floor()?;
        launch()?;
    }
    let (mut core, mut floor) = (Gauge::default(), Gauge::default());
    let mut least = i64::MAX;
    for block in 0..blocks {
        for by_core in [block % 2 == 0, block % 2 == 1] {
            progress.step(if by_core { name } else { "floor" });
            let before = Gauge::settled(host);
            let begun = Instant::now();
            for _ in 0..each {
                cancel.check()?;
                if begun.elapsed() > soak.limit {
                    break;
                }
                if by_core {
                    launch()?;
                } else {
                    pair.floor()?;
                }
            }
            let after = Gauge::settled(host);
            (if by_core { &mut core } else { &mut floor }).add_growth(before, after);
            if by_core {
                least = least.min(after.kernel - before.kernel);
            }
            enough_memory()?;
        }
    }
    // A leak grows in every block; what others use, and what of removed groups lingers, comes and goes by megabytes.
    core.kernel = core.kernel.min(least.saturating_mul(blocks as i64));
    progress.done();
    tally.launched((each * blocks) as u64);
    let mut sweep = tally.end();
    sweep.notes = vec![core.line(name), floor.line("the floor beside it")];
    let evidence = growth(core, floor, each * blocks);
    if !evidence.is_empty() {
        let injection = format!("{} launches", each * blocks);
        sweep.findings.push(Finding { injection, problem: Problem::Left, evidence });
    }
    Ok(sweep)
}

/// What grew that should not have, or more than beside the floor.
fn growth(core: Gauge, floor: Gauge, launches: usize) -> Vec<String> {
    // Others use the kernel's memory too meanwhile: a leak of 512 bytes a launch, or of one page in eight, is told from that.
    let slack = 2048 + launches as i64 / 2;
    let mut lines = Vec::new();
    let mut must = |holds: bool, line: String| {
        if !holds {
            lines.push(line);
        }
    };
    must(core.memory <= 512, format!("resident memory grew by {} KiB", core.memory));
    must(core.own <= 0, format!("descriptors and threads grew by {}", core.own));
    must(core.mounts <= floor.mounts.max(0), format!("mounts grew by {}", core.mounts));
    must(core.groups <= floor.groups.max(0), format!("groups grew by {}", core.groups));
    must(
        core.kernel <= floor.kernel.max(0) + slack,
        format!("kernel memory grew by {} KiB, beside the floor by {} KiB", core.kernel, floor.kernel),
    );
    lines
}

fn enough_memory() -> Result<(), Error> {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let (all, free) = (kib(&meminfo, "MemTotal:") as u64, kib(&meminfo, "MemAvailable:") as u64);
    if free * 100 >= all * LEAST_FREE {
        return Ok(());
    }
    let problem = std::io::Error::other(format!("less than {LEAST_FREE} % of the memory is available"));
    Err(Error::io("go on with the soak")(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_told() {
        let flat = Gauge::default();
        assert!(growth(flat, flat, 1000).is_empty());
        let lingering = Gauge { kernel: 9000, groups: 3, ..flat };
        assert!(growth(lingering, lingering, 1000).is_empty());
        for leak in [
            Gauge { memory: 600, ..flat },
            Gauge { own: 1, ..flat },
            Gauge { mounts: 1, ..flat },
            Gauge { groups: 1, ..flat },
            Gauge { kernel: 4000, ..flat },
        ] {
            assert_eq!(growth(leak, flat, 1000).len(), 1, "{leak:?}");
        }
    }

    #[test]
    fn groups_of_this_process_are_counted_and_no_others() {
        let scratch = crate::scratch::Scratch::new().unwrap();
        let mut host = Host::example();
        host.cgroups.v2 = None;
        host.cgroups.v1.truncate(1);
        host.cgroups.v1[0].mount = scratch.path().into();
        let own = format!("isolab-{}-0/c1/deeper", std::process::id());
        fs::create_dir_all(scratch.path().join(own)).unwrap();
        fs::create_dir_all(scratch.path().join("isolab-1-0/c1")).unwrap();
        assert_eq!(groups(&host), 3);
    }

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(kib("MemTotal:  100 kB\nSlab:      7 kB\n", "Slab:"), 7);
        let now = Gauge::read(&Host::probe());
        assert!(now.memory > 0 && now.own > 1 && now.mounts > 0 && now.kernel > 0);
    }
}
