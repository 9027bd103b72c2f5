//! `isolab bench`: costs and interference.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use isolab_scenarios::cost::{
    self, axes, calls, crowded, fio, floor, groups, ladder, live, network, overlay, parallel, spawn,
    teardown, vm,
};
use isolab_scenarios::schedule::Limits;
use isolab_scenarios::schema;

use super::session::{self, Session};
use super::{Common, Failure, matrix};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// A launch with each primitive alone, and with all together
    Alone,
    /// A launch as each primitive is added
    Ladder,
    /// The launcher against the cheapest sequence for the same posture
    Floor,
    /// The launcher and the floor beside up to 1,000 live containers
    Live,
    /// Launches a second with 1 to 32 under way, by the launcher and by the floor
    Parallel,
    /// A launch with namespaces alone and in pairs
    Pairs,
    /// A launch by the extents of its id maps
    Maps,
    /// A launch by the number of its mounts
    Mounts,
    /// A launch by the size of its seccomp filter
    Filters,
    /// A launch by the program that is executed
    Programs,
    /// Make, join and remove a control group, in each hierarchy
    Groups,
    /// From a container's kill until nothing of it is there
    Teardown,
    /// A launch by the mounts in the launcher's own mount namespace
    Crowded,
    /// The same bundle over all launchers
    Spawn,
    /// Create, read and copy-up on an overlay against the plain directory
    Overlay,
    /// All file operations over layers, upper layers, options and caches, against the plain file system
    OverlayAxes,
    /// The same jobs on one file by isolab's loop and by fio
    Fio,
    /// System calls under seccomp: no filter, ours, libseccomp's
    Calls,
    /// Round trip and throughput over veth and bridge, against loopback
    Network,
    /// Victims beside aggressors, with and without protection
    Interference,
    /// The same bundle in a container and in a guest of the kernel lab: start, memory, calls, what is shared
    Vm,
}

impl Part {
    /// What the quick look measures.
    pub(super) const QUICK: [Part; 5] =
        [Part::Ladder, Part::Floor, Part::Spawn, Part::Overlay, Part::Interference];
}

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// What to measure [default: everything but vm, which may have to fetch a kernel]
    parts: Vec<Part>,
    /// The guest's kernel of the part vm, named as for `isolab kernels`
    #[arg(long, value_name = "KERNEL", default_value = vm::KERNEL)]
    kernel: String,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    matrix: matrix::Matrices,
    #[command(flatten)]
    common: Common,
}

/// How often, in which order, and with which change made on purpose.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Tuning {
    /// Exactly so many rounds of each part, however long they take [default: as many as fit in its time]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rounds: Option<u32>,
    /// Seed of the order of the variants
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Seconds of each cell of the interference matrix in each round [default: its file's]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) seconds: Option<f64>,
    /// Milliseconds to rest before each launch of the ladder, of each primitive alone and of each launcher
    #[arg(long, value_name = "MS", default_value_t = 0)]
    rest: u64,
    /// Nanoseconds of CPU time to waste in each launch of core: a change made on purpose, for comparisons to find
    #[arg(long, value_name = "NS", default_value_t = 0)]
    plant: u64,
}

impl Tuning {
    /// A quick look is to be repeatable.
    pub(super) const QUICK: Tuning = Tuning { rounds: None, seed: 1, seconds: None, rest: 0, plant: 0 };

    pub(super) fn options<'p>(&self, limits: Limits, program: &'p Path) -> cost::Options<'p> {
        let limits = match self.rounds {
            Some(rounds) => Limits { rounds, time: LONG, seed: self.seed },
            None => Limits { seed: self.seed, ..limits },
        };
        cost::Options { limits, program, planted: self.plant, rest: Duration::from_millis(self.rest) }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.01..=60.0).contains(&seconds) { Ok(seconds) } else { Err("give 0.01 to 60".into()) }
}

/// No limit in practice; a sum with it is still an instant.
pub(super) const LONG: Duration = Duration::from_secs(86_400);

pub(super) fn bench(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { parts, tuning, kernel, matrix, common } = arguments;
    let matrices = matrix.chosen()?;
    if matrix.only_lists() {
        return matrix::list(&matrices);
    }
    let mut session = Session::go_on("bench", common, matrix.kept())?;
    // A guest may take a kernel that has to be fetched first.
    let all: Vec<Part> = Part::value_variants().iter().copied().filter(|part| *part != Part::Vm).collect();
    for part in if parts.is_empty() { &all } else { parts } {
        match part {
            Part::Vm => against_vm(&mut session, kernel, tuning)?,
            Part::Interference => matrix.measure(&matrices, &mut session, tuning, common.out.as_deref())?,
            part => stage(&mut session, *part, tuning)?,
        }
    }
    let status = session.end(common)?;
    // What the journals hold is in the record now.
    matrix::forget(&matrices, common.out.as_deref());
    Ok(status)
}

/// Measures one part and adds the results.
pub(super) fn stage(session: &mut Session, part: Part, tuning: &Tuning) -> Result<(), Failure> {
    let Session { host, launchers, program, bars, cancel, .. } = &*session;
    let options = |limits| tuning.options(limits, program);
    let launches = |declaration| -> Result<_, Failure> {
        let ladder = schema::parse("catalog/costs", declaration).map_err(Failure::internal)?;
        Ok(ladder::run(&ladder, &options(ladder::QUICK), host, bars, cancel))
    };
    let axis = |ladder| ladder::run(&ladder, &options(axes::QUICK), host, bars, cancel);
    let costs = match part {
        Part::Alone => launches(ladder::ALONE)?,
        Part::Ladder => launches(ladder::FIRST)?,
        Part::Floor => floor::run(&options(floor::QUICK), host, bars, cancel),
        Part::Live => live::run(&options(live::QUICK), host, bars, cancel),
        Part::Parallel => parallel::run(&options(parallel::QUICK), host, bars, cancel),
        Part::Pairs => axis(axes::namespaces::ladder()),
        Part::Maps => axis(axes::maps::ladder()),
        Part::Mounts => axis(axes::mounts::ladder()),
        Part::Filters => axis(axes::filters::ladder()),
        Part::Programs => axis(axes::programs::ladder()),
        Part::Groups => groups::run(&options(groups::QUICK), host, bars, cancel),
        Part::Teardown => teardown::run(&options(teardown::QUICK), host, bars, cancel),
        Part::Crowded => crowded::run(&options(crowded::QUICK), host, bars, cancel),
        Part::Spawn => spawn::run(launchers, &options(spawn::QUICK), host, bars, cancel),
        Part::Overlay => overlay::run(&options(overlay::QUICK), host, bars, cancel),
        Part::OverlayAxes => overlay::axes::run(&options(overlay::axes::LIMITS), host, bars, cancel),
        Part::Fio => fio::run(&options(fio::LIMITS), bars, cancel),
        Part::Calls => calls::run(&options(calls::QUICK), host, bars, cancel),
        Part::Network => network::run(&options(network::QUICK), host, bars, cancel),
        Part::Interference => return matrix::first(session, tuning),
        Part::Vm => return against_vm(session, vm::KERNEL, tuning),
    };
    let costs = session::stage(costs, cancel)?;
    session.add_costs(costs);
    Ok(())
}

/// A part, and no launcher: a guest has no process here that could be read, so no guarantee could be checked on it.
fn against_vm(session: &mut Session, kernel: &str, tuning: &Tuning) -> Result<(), Failure> {
    let Session { host, program, bars, cancel, .. } = &*session;
    let found = vm::run(kernel, &tuning.options(vm::QUICK, program), host, bars, cancel);
    let found = session::stage(found, cancel)?;
    session.add_vm(found);
    Ok(())
}
