//! A launch beside 1,000 live containers against one with none, for the launcher and for the floor. The kernel grows too,
//! so what counts is the launcher's growth over the floor's.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_reports::stats::{Paired, Sorted};
use isolab_reports::units;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::live::{ALIVE, Samples, samples};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;

const LIMITS: Limits = Limits { rounds: 400, time: Duration::from_secs(20), seed: 1 };

fn live(_: &mut Criterion) {
    let Some(mut pair) = isolab_benches::floor_pair() else { return };
    let failed = |error| panic!("a launch failed: {error}");
    let before = samples(&mut pair, LIMITS, &Cancel::new()).unwrap_or_else(failed);
    let crowd = pair.crowd(ALIVE, &Quiet, &Cancel::new()).unwrap_or_else(|error| panic!("a crowd: {error}"));
    let beside = samples(&mut pair, LIMITS, &Cancel::new()).unwrap_or_else(failed);
    crowd.remove().unwrap_or_else(|error| panic!("remove the crowd: {error}"));
    let after = samples(&mut pair, LIMITS, &Cancel::new()).unwrap_or_else(failed);
    for (when, samples) in [("none alive", &before), ("1,000 alive", &beside), ("none again", &after)] {
        println!(
            "live/{when}: core {}, floor {}, core against floor {}",
            median(&samples.core),
            median(&samples.floor),
            ratio(samples).map_or_else(String::new, |ratio| ratio.ratio_line()),
        );
    }
    let over = |samples: &Samples| ratio(samples).map_or(f64::NAN, |ratio| ratio.median);
    let idle = (over(&before) + over(&after)) / 2.0;
    println!("live/growth: the launcher's over the floor's ×{:.3}, goal 1.15", over(&beside) / idle);
}

fn ratio(samples: &Samples) -> Option<Paired> {
    let float = |samples: &[u64]| samples.iter().map(|&sample| sample as f64).collect::<Vec<_>>();
    Paired::ratio(&float(&samples.core), &float(&samples.floor))
}

fn median(samples: &[u64]) -> String {
    units::nanos(Sorted::nanos(samples).median().unwrap_or_default())
}

criterion_group!(benches, live);
criterion_main!(benches);
