//! Launches a second with 1, 2, 4, 8 and 16 under way, by the launcher and by the floor.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_benches::{options, program};
use isolab_core::host::Host;
use isolab_reports::stats::Sorted;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::parallel::{By, Lane, WIDTHS, lanes, pairs};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;

const LIMITS: Limits = Limits { rounds: 16, time: Duration::from_secs(60), seed: 1 };

fn parallel(_: &mut Criterion) {
    let program = program();
    let pairs = match pairs(&options(&program, LIMITS), &Host::probe()) {
        Ok(pairs) => pairs,
        Err(error) => {
            eprintln!(
                "parallel: not testable here: {error}; it takes root and a cgroup v2 tree, hybrid or not"
            );
            return;
        }
    };
    let lanes = lanes(&pairs, LIMITS, &Quiet, &Cancel::new())
        .unwrap_or_else(|error| panic!("a launch failed: {error}"));
    let rate = |by: By, width: usize| {
        let lane = lanes.iter().find(|lane: &&Lane| (lane.by, lane.width) == (by, width));
        lane.and_then(|lane| Sorted::nanos(&lane.samples).median()).map_or(f64::NAN, |nanos| 1e9 / nanos)
    };
    for width in WIDTHS {
        let (core, floor) = (rate(By::Core, width), rate(By::Floor, width));
        println!(
            "parallel/{width}: core {core:.0}/s, floor {floor:.0}/s, core over floor {:.3}",
            core / floor
        );
    }
    let best = WIDTHS.into_iter().map(|width| rate(By::Core, width)).fold(0.0, f64::max);
    println!("parallel/16 over the best: {:.3}, goal 0.9", rate(By::Core, 16) / best);
    println!("parallel/16 over the floor's: {:.3}, goal 0.85", rate(By::Core, 16) / rate(By::Floor, 16));
}

criterion_group!(benches, parallel);
criterion_main!(benches);
