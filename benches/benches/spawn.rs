//! A launch by plan against the floor: the cheapest sequence known for the same observed posture, by hand, in one
//! clone. The floor's system calls are listed in `isolab_core::sys::floor`.
//!
//! Both spans reach from the first call to the last group removed, the workload's end included. `ratio` is the honest
//! comparison: the two take turns, and each pair gives one ratio. criterion's own two numbers are taken one after the
//! other and serve to track each side over time.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_benches::Recording;
use isolab_reports::record::Cost;
use isolab_reports::stats::Paired;
use isolab_reports::units;
use isolab_scenarios::cost::floor::{self, Pair};
use isolab_scenarios::cost::{Timed, Timings};

const PAIRS: usize = 1000;

fn spawn(criterion: &mut Criterion) {
    let mut recording = Recording::begin("spawn");
    let pair = isolab_benches::floor_pair(&mut recording);
    if let Some(mut pair) = pair {
        each(criterion, &mut pair);
        recording.add((vec![ratio(&mut pair)], Vec::new()));
    }
    recording.write();
}

/// criterion's own numbers.
fn each(criterion: &mut Criterion, pair: &mut Pair) {
    let mut group = criterion.benchmark_group("spawn");
    group.measurement_time(Duration::from_secs(3));
    group.bench_function("core", |bencher| {
        bencher.iter_custom(|count| (0..count).map(|_| nanoseconds(pair.core())).sum());
    });
    group.bench_function("floor", |bencher| {
        bencher.iter_custom(|count| (0..count).map(|_| nanoseconds(pair.floor())).sum());
    });
    group.finish();
}

fn nanoseconds(sample: Result<Timed, isolab_scenarios::ready::Error>) -> Duration {
    Duration::from_nanos(sample.unwrap_or_else(|error| panic!("a launch failed: {error}")).total)
}

/// Interleaved pairs, and the median of their ratios.
fn ratio(pair: &mut Pair) -> Cost {
    let (mut core, mut floor) = (Timings::default(), Timings::default());
    for round in 0..PAIRS {
        let (by_plan, by_hand) =
            pair.sample(round % 2 == 0).unwrap_or_else(|error| panic!("a launch failed: {error}"));
        core.add(by_plan);
        floor.add(by_hand);
    }
    let float = |samples: &[u64]| samples.iter().map(|&sample| sample as f64).collect::<Vec<_>>();
    let paired = Paired::ratio(&float(&core.samples), &float(&floor.samples));
    println!(
        "spawn/ratio: core against floor {}",
        paired.map_or_else(String::new, |paired| paired.ratio_line())
    );
    println!("spawn/ratio: medians {} and {}", median(&core.samples), median(&floor.samples));
    floor::cost(&core, &floor)
}

fn median(samples: &[u64]) -> String {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    units::nanos(sorted[sorted.len() / 2] as f64)
}

criterion_group!(benches, spawn);
criterion_main!(benches);
