//! Comparisons that are measured, not replayed.

use std::cell::RefCell;
use std::time::Duration;

use isolab_reports::verdict::Rule;
use isolab_scenarios::ab::{self, Metric, Settings, Subject};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::Timed;
use isolab_scenarios::cost::floor::Pair;
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::ready::Error;

use super::recording::LANES;

/// How many of each lane: twenty in all.
const COUNTS: [u64; 3] = [10, 5, 5];

/// A launch with CPU time wasted in it.
struct Planted<'p> {
    pair: &'p RefCell<Pair>,
    nanos: u64,
}

impl Subject for Planted<'_> {
    fn name(&self) -> &str {
        "spawn"
    }

    fn take(&mut self) -> Result<Timed, Error> {
        self.pair.borrow_mut().planted(self.nanos)
    }
}

pub(crate) fn confirm(pair: Pair, wastes: [u64; 3]) {
    let pair = RefCell::new(pair);
    for ((lane, nanos), count) in LANES.iter().zip(wastes).zip(COUNTS) {
        for seed in 1..=count {
            let settings = Settings {
                rule: Rule::default(),
                metric: Metric::Time,
                time: Duration::from_secs_f64(lane.seconds),
                seed,
                rest: Duration::ZERO,
                until_decided: true,
            };
            let [mut a, mut b] = [0, nanos].map(|nanos| Planted { pair: &pair, nanos });
            let measured = ab::run([&mut a, &mut b], &settings, &Quiet, &Cancel::new())
                .unwrap_or_else(|error| panic!("a launch failed: {error}"));
            let line =
                measured.conclude(Metric::Time, Rule::default()).map_or_else(String::new, |it| it.line());
            println!("live/{} {seed}: {line}, {:.1} s", lane.name, measured.seconds);
        }
    }
}
