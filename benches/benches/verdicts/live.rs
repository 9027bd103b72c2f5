//! Comparisons that are measured, not replayed.

use std::cell::RefCell;
use std::time::Duration;

use isolab_reports::record::Cost;
use isolab_reports::stats::Sorted;
use isolab_reports::verdict::Rule;
use isolab_scenarios::ab::{self, Metric, Settings, Subject};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::Timed;
use isolab_scenarios::cost::floor::Pair;
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::ready::Error;

use super::ours::SECONDS;
use super::recording::{LANES, lane};

/// How many of each: twenty in all.
const COUNTS: [(&str, u64); 3] = [("A again", 10), ("+2 %", 5), ("+5 %", 5)];

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

pub(crate) fn confirm(pair: Pair, cost: &Cost) {
    let median = Sorted::nanos(lane(cost, LANES[0].0)).median().unwrap_or_default();
    let pair = RefCell::new(pair);
    for (name, count) in COUNTS {
        let find = |(lane, value): &(&str, f64)| (*lane == name).then_some(*value);
        let share = LANES.iter().find_map(find).unwrap_or_default();
        let seconds = SECONDS.iter().find_map(find).unwrap_or_default();
        for seed in 1..=count {
            let settings = Settings {
                rule: Rule::default(),
                metric: Metric::Time,
                time: Duration::from_secs_f64(seconds),
                seed,
                rest: Duration::ZERO,
                until_decided: true,
            };
            let [mut a, mut b] =
                [0.0, share].map(|share| Planted { pair: &pair, nanos: (median * share).round() as u64 });
            let measured = ab::run([&mut a, &mut b], &settings, &Quiet, &Cancel::new())
                .unwrap_or_else(|error| panic!("a launch failed: {error}"));
            let line =
                measured.conclude(Metric::Time, Rule::default()).map_or_else(String::new, |it| it.line());
            println!("live/{name} {seed}: {line}, {:.1} s", measured.seconds);
        }
    }
}
