//! Launches a second with 1, 2, 4, 8, 16 and 32 under way, by the launcher and by the floor.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_benches::{FLOOR_TAKES, Recording, options, program};
use isolab_core::host::Host;
use isolab_reports::stats::Sorted;
use isolab_reports::units;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::parallel::{By, Lane, WIDTHS, costs, lanes, pairs};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;

const LIMITS: Limits = Limits { rounds: 16, time: Duration::from_secs(60), seed: 1 };

fn parallel(_: &mut Criterion) {
    let mut recording = Recording::begin("parallel");
    let program = program();
    match pairs(&options(&program, LIMITS), &Host::probe()) {
        Ok(pairs) => {
            let lanes = lanes(&pairs, LIMITS, &Quiet, &Cancel::new())
                .unwrap_or_else(|error| panic!("a launch failed: {error}"));
            say(&lanes);
            recording.add((costs(&lanes), Vec::new()));
        }
        Err(error) => recording.add_gap("parallel", &error.to_string(), FLOOR_TAKES),
    }
    recording.write();
}

fn say(lanes: &[Lane]) {
    let median = |by: By, width: usize, samples: fn(&Lane) -> &Vec<u64>| {
        let lane = lanes.iter().find(|lane| (lane.by, lane.width) == (by, width));
        lane.and_then(|lane| Sorted::nanos(samples(lane)).median()).unwrap_or(f64::NAN)
    };
    let rate = |by: By, width: usize| 1e9 / median(by, width, |lane| &lane.samples);
    for width in WIDTHS {
        let (core, floor) = (rate(By::Core, width), rate(By::Floor, width));
        println!(
            "parallel/{width}: core {core:.0}/s, floor {floor:.0}/s, core over floor {:.3}; on CPU {} and {}",
            core / floor,
            units::nanos(median(By::Core, width, |lane| &lane.on_cpu)),
            units::nanos(median(By::Floor, width, |lane| &lane.on_cpu)),
        );
    }
    let best = WIDTHS.into_iter().map(|width| rate(By::Core, width)).fold(0.0, f64::max);
    println!("parallel/16 over the best: {:.3}, goal 0.9", rate(By::Core, 16) / best);
    println!("parallel/16 over the floor's: {:.3}, goal 0.85", rate(By::Core, 16) / rate(By::Floor, 16));
}

criterion_group!(benches, parallel);
criterion_main!(benches);
