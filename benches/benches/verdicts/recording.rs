//! One recording of launches that take turns: A, the same again, and launches with CPU time wasted in them.

use std::time::{Duration, Instant};

use isolab_reports::record::{Cost, Series};
use isolab_reports::stats::Sorted;
use isolab_reports::verdict;
use isolab_scenarios::cost::floor::Pair;
use isolab_scenarios::schedule::{Random, Schedule};

/// What is compared with A.
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    /// By how much its pairs are to be slower.
    pub(crate) slower: f64,
    /// It has a turn in one of so many rounds: what takes longest to decide has most of the recording.
    every: u64,
    /// Seconds that a comparison may take.
    pub(crate) seconds: f64,
}

/// All of them.
pub(crate) const LANES: [Lane; 3] = [
    Lane { name: "A again", slower: 0.0, every: 1, seconds: 13.0 },
    Lane { name: "+2 %", slower: 0.02, every: 2, seconds: 120.0 },
    Lane { name: "+5 %", slower: 0.05, every: 12, seconds: 30.0 },
];

const A: &str = "A";

/// Pairs by which it is seen what wasted time comes to: some half a minute.
const TRIALS: u64 = 10_000;
/// The slow-down that is tried.
const TRIED: f64 = 0.05;

/// Nanoseconds of CPU time to waste for each lane, so that its pairs are as much slower as it says: a launch beside which other
/// work goes on gets more late than by what it works more.
pub(crate) fn wastes(pair: &mut Pair) -> [u64; 3] {
    let median = median(pair);
    let tried = (median * TRIED).round() as u64;
    let mut random = Random::new(1);
    let ratios = (0..TRIALS).map(|_| {
        if random.next() >> 63 == 0 {
            let a = launch(pair, 0);
            verdict::Pair::of([a, launch(pair, tried)]).log_ratio
        } else {
            let b = launch(pair, tried);
            verdict::Pair::of([launch(pair, 0), b]).log_ratio
        }
    });
    let came_to = Sorted::values(ratios).median().unwrap_or_default().exp() - 1.0;
    let wastes = LANES.map(|lane| (median * lane.slower * TRIED / came_to).round() as u64);
    println!(
        "the median launch takes {median:.0} ns; {tried} ns wasted come to {came_to:.4}; wasted: {wastes:?} ns"
    );
    wastes
}

/// Records for so long: a cost for each lane, of its samples and of A's in the same rounds.
pub(crate) fn make(pair: &mut Pair, wastes: [u64; 3], time: Duration) -> Vec<Cost> {
    let mut pairs: [Vec<[u64; 2]>; 3] = Default::default();
    let (begun, mut schedule) = (Instant::now(), Schedule::new(LANES.len() + 1, 1));
    for round in 0.. {
        if begun.elapsed() >= time {
            break;
        }
        let (mut a, mut others) = (0, [None; 3]);
        for &turn in schedule.shuffled_round() {
            match turn.checked_sub(1) {
                None => a = launch(pair, 0),
                Some(lane) if round % LANES[lane].every == 0 => {
                    others[lane] = Some(launch(pair, wastes[lane]))
                }
                Some(_) => {}
            }
        }
        for (pairs, other) in pairs.iter_mut().zip(others) {
            pairs.extend(other.map(|other| [a, other]));
        }
    }
    LANES.iter().zip(pairs).map(|(lane, pairs)| cost(lane, &pairs)).collect()
}

fn cost(lane: &Lane, pairs: &[[u64; 2]]) -> Cost {
    let series = |name: &str, at: usize, against: Option<&str>| Series {
        enforced: Some("enforced".into()),
        ..Series::of(name, against, pairs.iter().map(|pair| pair[at]).collect())
    };
    Cost {
        id: format!("verdicts, {}", lane.name),
        title: "A launch, and the same or one with CPU time wasted in it, in turns".into(),
        launcher: "core".into(),
        series: vec![series(A, 0, None), series(lane.name, 1, Some(A))],
    }
}

/// One launch, in nanoseconds.
pub(crate) fn launch(pair: &mut Pair, wasted: u64) -> u64 {
    pair.planted(wasted).unwrap_or_else(|error| panic!("a launch failed: {error}")).total
}

fn median(pair: &mut Pair) -> f64 {
    let samples: Vec<u64> = (0..TRIALS / 10).map(|_| launch(pair, 0)).collect();
    Sorted::nanos(&samples).median().unwrap_or_default()
}

/// The samples of A and of a lane.
pub(crate) fn samples<'c>(costs: &'c [Cost], lane: &Lane) -> [&'c [u64]; 2] {
    let id = format!("verdicts, {}", lane.name);
    let cost = costs.iter().find(|cost| cost.id == id);
    let cost = cost.unwrap_or_else(|| panic!("the recording has no {id:?}"));
    [&cost.series[0].samples, &cost.series[1].samples]
}

/// The pairs of a lane.
pub(crate) fn pairs(costs: &[Cost], lane: &Lane) -> Vec<verdict::Pair> {
    let [a, b] = samples(costs, lane);
    a.iter().zip(b).map(|(a, b)| verdict::Pair::of([*a, *b])).collect()
}
