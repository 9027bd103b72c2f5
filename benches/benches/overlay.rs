//! The loop that overlay I/O is measured with against `fio`: the same jobs on one cached file, in turns. Where both time the
//! same system calls, they are to agree within 10 %.
//!
//! What overlays cost is measured in containers: `isolab bench overlay-axes`.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_reports::stats::{Paired, Sorted};
use isolab_reports::units;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::fio::{Pair, pairs};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;

const LIMITS: Limits = Limits { rounds: 20, time: Duration::from_secs(60), seed: 1 };

fn overlay(_: &mut Criterion) {
    let (version, pairs) = match pairs(LIMITS, &Quiet, &Cancel::new()) {
        Ok(measured) => measured,
        Err(error) => {
            eprintln!("overlay: not testable here: {error}; `apt-get install fio`");
            return;
        }
    };
    for Pair { job, isolab, fio } in &pairs {
        println!(
            "overlay/{}: isolab {}, {version} {}, ratio {}, goal 0.9 to 1.1",
            job.name,
            median(isolab),
            median(fio),
            ratio(isolab, fio)
        );
    }
}

fn ratio(ours: &[u64], theirs: &[u64]) -> String {
    let float = |samples: &[u64]| samples.iter().map(|&sample| sample as f64).collect::<Vec<_>>();
    Paired::ratio(&float(ours), &float(theirs)).map_or_else(String::new, |ratio| ratio.ratio_line())
}

fn median(samples: &[u64]) -> String {
    units::nanos(Sorted::nanos(samples).median().unwrap_or_default())
}

criterion_group!(benches, overlay);
criterion_main!(benches);
