//! One recording of four lanes that take turns: a launch, the same launch, and two with CPU time wasted in them.

use std::time::{Duration, Instant};

use isolab_reports::record::{Cost, Series};
use isolab_reports::stats::Sorted;
use isolab_reports::verdict;
use isolab_scenarios::cost::floor::Pair;
use isolab_scenarios::schedule::Schedule;

/// The lanes, and the share of the median launch that is wasted in each.
pub(crate) const LANES: [(&str, f64); 4] = [("A", 0.0), ("A again", 0.0), ("+2 %", 0.02), ("+5 %", 0.05)];

/// Launches for the median that the shares are of.
const TRIALS: usize = 500;

/// Records for so long.
pub(crate) fn make(pair: &mut Pair, time: Duration) -> Cost {
    let median = median(pair);
    let wasted = LANES.map(|(_, share)| (median * share).round() as u64);
    println!("the median launch takes {median:.0} ns; wasted: {wasted:?} ns");
    let mut lanes: [Vec<u64>; 4] = Default::default();
    let (begun, mut schedule) = (Instant::now(), Schedule::new(LANES.len(), 1));
    while begun.elapsed() < time {
        for &lane in schedule.shuffled_round() {
            lanes[lane].push(launch(pair, wasted[lane]));
        }
    }
    let series = LANES.iter().zip(lanes).map(|((name, _), samples)| {
        let against = (*name != LANES[0].0).then_some(LANES[0].0);
        Series { enforced: Some("enforced".into()), ..Series::of(*name, against, samples) }
    });
    Cost {
        id: "verdicts".into(),
        title: "A launch, the same again, and with CPU time wasted, in turns".into(),
        launcher: "core".into(),
        series: series.collect(),
    }
}

/// One launch, in nanoseconds.
pub(crate) fn launch(pair: &mut Pair, wasted: u64) -> u64 {
    pair.planted(wasted).unwrap_or_else(|error| panic!("a launch failed: {error}")).total
}

fn median(pair: &mut Pair) -> f64 {
    let samples: Vec<u64> = (0..TRIALS).map(|_| launch(pair, 0)).collect();
    Sorted::nanos(&samples).median().unwrap_or_default()
}

/// The samples of a lane.
pub(crate) fn lane<'c>(cost: &'c Cost, name: &str) -> &'c [u64] {
    let series = cost.series.iter().find(|series| series.name == name);
    &series.unwrap_or_else(|| panic!("the recording has no lane {name:?}")).samples
}

/// The pairs of a lane against A.
pub(crate) fn pairs(cost: &Cost, name: &str) -> Vec<verdict::Pair> {
    let runs = lane(cost, LANES[0].0).iter().zip(lane(cost, name));
    runs.map(|(a, b)| verdict::Pair::of([*a, *b])).collect()
}
