//! A launch beside 10, 100 and 1,000 live containers against one with none, for the launcher and for the floor. The kernel grows too,
//! so what counts is the launcher's growth over the floor's.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_benches::Recording;
use isolab_reports::stats::{Paired, Sorted};
use isolab_reports::units;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::live::{Level, Samples, cost, levels};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;

const LIMITS: Limits = Limits { rounds: 400, time: Duration::from_secs(20), seed: 1 };

fn live(_: &mut Criterion) {
    let mut recording = Recording::begin("live");
    if let Some(mut pair) = isolab_benches::floor_pair(&mut recording) {
        let levels = levels(&mut pair, LIMITS, &Quiet, &Cancel::new())
            .unwrap_or_else(|error| panic!("a launch failed: {error}"));
        say(&levels);
        recording.add((vec![cost(&levels)], Vec::new()));
    }
    recording.write();
}

fn say(levels: &[Level]) {
    for Level { name, samples } in levels {
        println!(
            "live/{name}: core {}, floor {}, core against floor {}",
            median(&samples.core.samples),
            median(&samples.floor.samples),
            ratio(samples).map_or_else(String::new, |ratio| ratio.ratio_line()),
        );
    }
    // The host before the crowd and after it, and the largest crowd in between.
    let over = |level: Option<&Level>| {
        level.and_then(|level| ratio(&level.samples)).map_or(f64::NAN, |ratio| ratio.median)
    };
    let idle = (over(levels.first()) + over(levels.last())) / 2.0;
    let beside = over(levels.iter().rev().nth(1));
    println!("live/growth: the launcher's over the floor's ×{:.3}, goal 1.15", beside / idle);
}

fn ratio(samples: &Samples) -> Option<Paired> {
    let float = |samples: &[u64]| samples.iter().map(|&sample| sample as f64).collect::<Vec<_>>();
    Paired::ratio(&float(&samples.core.samples), &float(&samples.floor.samples))
}

fn median(samples: &[u64]) -> String {
    units::nanos(Sorted::nanos(samples).median().unwrap_or_default())
}

criterion_group!(benches, live);
criterion_main!(benches);
