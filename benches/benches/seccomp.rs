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
//! Ours and libseccomp's take turns, and each pair gives one ratio.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs::File;
use std::hint::black_box;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_core::need;
use isolab_core::seccomp::{Arch, Filter, Instruction, Program};
use isolab_core::sys::{self, credential};
use isolab_reports::stats::Paired;
use isolab_reports::units;
use oci_spec::runtime::LinuxSeccomp;

#[path = "../../core/tests/common/engine.rs"]
mod engine;
#[path = "../../core/tests/common/libseccomp.rs"]
mod libseccomp;

const PAIRS: usize = 1000;
/// Calls a sample: one alone is shorter than the clock is exact.
const CALLS: u32 = 1000;

fn compile(profile: &LinuxSeccomp) -> Program {
    Filter::new(profile, Arch::NATIVE).unwrap().compile().unwrap()
}

fn seccomp(criterion: &mut Criterion) {
    if !need::met(&[libseccomp::NEEDS[0], libseccomp::NEEDS[1], engine::PROFILE]) {
        return;
    }
    let profile = engine::profile(&engine::CAPABILITIES);
    let started = Instant::now();
    let ours = compile(&profile);
    println!("seccomp/compile: the first of a process took {}", nanos(started.elapsed()));
    let mut group = criterion.benchmark_group("seccomp");
    group.bench_function("compile", |bencher| bencher.iter(|| compile(black_box(&profile))));
    let raw = libseccomp::Exporter::new("bench").export(&profile, libseccomp::Order::Linear).unwrap();
    let instructions = raw.into_iter().map(|(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect();
    let linear = Program { instructions, flags: 0 };
    for (name, measure) in [("load", load as fn(&Program) -> Duration), ("run", run)] {
        for (whose, program) in [("core", &ours), ("libseccomp", &linear)] {
            group.bench_function(format!("{name}/{whose}"), |bencher| {
                bencher.iter_custom(|count| (0..count).map(|_| measure(program)).sum());
            });
        }
        ratio(name, measure, &ours, &linear);
    }
    group.finish();
    println!("seccomp/length: {} and {} instructions", ours.instructions.len(), linear.instructions.len());
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

/// Interleaved pairs, and the median of their ratios.
fn ratio(name: &str, measure: fn(&Program) -> Duration, ours: &Program, linear: &Program) {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for round in 0..PAIRS {
        let mut sides = [(ours, &mut one), (linear, &mut other)];
        if round % 2 == 1 {
            sides.reverse();
        }
        for (program, samples) in sides {
            samples.push(measure(program).as_nanos() as f64);
        }
    }
    let paired = Paired::ratio(&one, &other).map_or_else(String::new, |paired| paired.ratio_line());
    println!("seccomp/{name}: core against libseccomp's linear filter {paired}");
    println!("seccomp/{name}: medians {} and {}", median(&mut one), median(&mut other));
}

fn median(samples: &mut [f64]) -> String {
    samples.sort_unstable_by(f64::total_cmp);
    units::nanos(samples[samples.len() / 2])
}

fn nanos(duration: Duration) -> String {
    units::nanos(duration.as_nanos() as f64)
}

criterion_group!(benches, seccomp);
criterion_main!(benches);
