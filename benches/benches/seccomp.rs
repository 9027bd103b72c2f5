//! seccomp: compiling the engine's default profile, loading it, and running it, against libseccomp's linear filter of the
//! same profile.
//!
//! *compile* is from the profile's parsed JSON to BPF. The first compilation of a process also builds the tables of names;
//! a launcher compiles once, so that one is printed apart.
//!
//! *load* is the system call alone, each on a fresh thread, which takes the filter with it. The kernel translates the
//! program, compiles it to machine code, and runs it once for every number of every ABI to see which are always allowed
//! (`seccomp_cache_prepare`); the latter is where a linear filter is slow.
//!
//! *run* is a call that the filter refuses. Calls that it always allows never reach it, since Linux 5.11.
//!
//! *calls* are those of `isolab bench calls`: no filter, ours, libseccomp's linear filter and its tree.
//!
//! What is compared takes turns, and each round gives one ratio.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs::File;
use std::hint::black_box;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_benches::Recording;
use isolab_core::host::Host;
use isolab_core::need;
use isolab_core::seccomp::{Arch, Filter, Program};
use isolab_core::sys::{self, credential};
use isolab_reports::stats::{Paired, Sorted};
use isolab_reports::units;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::calls::{self, Call, Lane, engine, exported, libseccomp};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;
use oci_spec::runtime::LinuxSeccomp;

const PAIRS: usize = 1000;
/// Calls a sample: one alone is shorter than the clock is exact.
const CALLS: u32 = 1000;
const ROUNDS: Limits = Limits { rounds: 400, time: Duration::from_secs(60), seed: 1 };

fn compile(profile: &LinuxSeccomp) -> Program {
    Filter::new(profile, Arch::NATIVE).unwrap().compile().unwrap()
}

fn seccomp(criterion: &mut Criterion) {
    if !need::met(&[libseccomp::NEEDS[0], libseccomp::NEEDS[1], engine::PROFILE]) {
        return;
    }
    let mut recording = Recording::begin("seccomp");
    let profile = engine::profile(&engine::CAPABILITIES).unwrap();
    let started = Instant::now();
    let ours = compile(&profile);
    println!("seccomp/compile: the first of a process took {}", nanos(started.elapsed()));
    let mut group = criterion.benchmark_group("seccomp");
    group.bench_function("compile", |bencher| bencher.iter(|| compile(black_box(&profile))));
    let exporter = libseccomp::Exporter::new(&std::env::temp_dir(), "bench").unwrap();
    let linear = exported(&exporter, &profile, libseccomp::Order::Linear).unwrap();
    for (name, measure) in [("load", load as fn(&Program) -> Duration), ("run", run)] {
        for (whose, program) in [("core", &ours), ("libseccomp", &linear)] {
            group.bench_function(format!("{name}/{whose}"), |bencher| {
                bencher.iter_custom(|count| (0..count).map(|_| measure(program)).sum());
            });
        }
        let [one, other] = ratio(name, measure, &ours, &linear);
        let title = format!("{name} the engine's default profile: libseccomp's linear filter, and core's");
        let variants = [("libseccomp", other.as_slice()), ("core", one.as_slice())];
        recording.add_samples(&format!("seccomp-{name}"), &title, &variants);
    }
    group.finish();
    println!("seccomp/length: {} and {} instructions", ours.instructions.len(), linear.instructions.len());
    recording.write();
}

/// Runs `body` on a thread that may load a filter.
fn confined(body: impl FnOnce() -> Duration + Send) -> Duration {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            credential::set_no_new_privs().unwrap();
            body()
        });
        thread.join().unwrap()
    })
}

fn load(program: &Program) -> Duration {
    confined(|| {
        let started = Instant::now();
        credential::seccomp_load(&program.instructions, program.flags).unwrap();
        started.elapsed()
    })
}

/// One refused call, finit_module(2); the mean of many.
fn run(program: &Program) -> Duration {
    let null = File::open("/dev/null").unwrap();
    confined(|| {
        credential::seccomp_load(&program.instructions, program.flags).unwrap();
        let started = Instant::now();
        for _ in 0..CALLS {
            let refused = sys::module::load(null.as_fd(), c"");
            assert_eq!(refused, Err(sys::Errno::EPERM));
        }
        started.elapsed() / CALLS
    })
}

/// Interleaved pairs, and the median of their ratios. Returns the samples.
fn ratio(name: &str, measure: fn(&Program) -> Duration, ours: &Program, linear: &Program) -> [Vec<u64>; 2] {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for round in 0..PAIRS {
        let mut sides = [(ours, &mut one), (linear, &mut other)];
        if round % 2 == 1 {
            sides.reverse();
        }
        for (program, samples) in sides {
            samples.push(u64::try_from(measure(program).as_nanos()).unwrap());
        }
    }
    let float = |samples: &[u64]| samples.iter().map(|&sample| sample as f64).collect::<Vec<_>>();
    let paired = Paired::ratio(&float(&one), &float(&other));
    let paired = paired.map_or_else(String::new, |paired| paired.ratio_line());
    println!("seccomp/{name}: core against libseccomp's linear filter {paired}");
    println!("seccomp/{name}: medians {} and {}", median(&one), median(&other));
    [one, other]
}

fn median(samples: &[u64]) -> String {
    units::nanos(Sorted::nanos(samples).median().unwrap())
}

fn nanos(duration: Duration) -> String {
    units::nanos(duration.as_nanos() as f64)
}

/// Each filter's calls, with their ratios: what is allowed against no filter, and all against libseccomp's tree.
fn run_calls(_: &mut Criterion) {
    let (variants, missing) = match calls::variants(&Host::probe()) {
        Ok(variants) => variants,
        Err(error) => return eprintln!("seccomp/calls: not testable here: {error}"),
    };
    missing.iter().for_each(|missing| eprintln!("{}: {}; {}", missing.what, missing.reason, missing.remedy));
    let lanes = calls::lanes(&variants, ROUNDS, &Quiet, &Cancel::new()).unwrap();
    for lane in &lanes {
        let ratio = lane.against().and_then(|against| over(lane, find(&lanes, lane.call, &against)?));
        let ratio = ratio.map_or_else(String::new, |ratio| format!(", {}", ratio.ratio_line()));
        let nanos = Sorted::values(lane.samples.iter().copied()).median().unwrap_or_default();
        println!("seccomp/calls: {}, {}: {nanos:.1} ns{ratio}", lane.call.name(), lane.name());
    }
    for lane in lanes.iter().filter(|lane| lane.name().ends_with(", core")) {
        let tree = lane.name().replace(", core", ", libseccomp tree");
        let Some(ratio) = find(&lanes, lane.call, &tree).and_then(|tree| over(lane, tree)) else { continue };
        let goal = match lane.call {
            Call::Always => "goal 1.00, to within 0.02",
            Call::Refused => "goal 1.00 at most",
            Call::OneCheck | Call::FiveChecks => "no goal",
        };
        let of = format!("{}, {}", lane.call.name(), lane.name());
        println!("seccomp/goals: {of} against the tree {}, {goal}", ratio.ratio_line());
    }
}

fn find<'l>(lanes: &'l [Lane], call: Call, name: &str) -> Option<&'l Lane> {
    lanes.iter().find(|lane| lane.call == call && lane.name() == name)
}

fn over(lane: &Lane, other: &Lane) -> Option<Paired> {
    Paired::ratio(&lane.samples, &other.samples)
}

criterion_group!(benches, seccomp, run_calls);
criterion_main!(benches);
