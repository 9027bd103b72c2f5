//! The loop that overlay I/O is measured with against `fio`: the same jobs on one cached file, in turns. Where both time the
//! same system calls, they are to agree within 10 %.
//!
//! What overlays cost is measured in containers: `isolab bench overlay-axes`.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_benches::Recording;
use isolab_reports::stats::{Paired, Sorted};
use isolab_reports::units;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::fio::{self, Pair, pairs};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;

const LIMITS: Limits = Limits { rounds: 20, time: Duration::from_secs(60), seed: 1 };

fn overlay(_: &mut Criterion) {
    let mut recording = Recording::begin("overlay");
    let (version, pairs) = match pairs(LIMITS, &Quiet, &Cancel::new()) {
        Ok(measured) => measured,
        Err(error) => {
            eprintln!("overlay: not testable here: {error}; `apt-get install fio`");
            return;
        }
    };
    for Pair { job, isolab, fio: theirs } in &pairs {
        println!(
            "overlay/{}: isolab {}, {version} {}, ratio {}, goal 0.9 to 1.1",
            job.name,
            median(isolab),
            median(theirs),
            ratio(isolab, theirs)
        );
        let names = ["fio", "isolab"].map(|who| format!("{}, {who}", job.name));
        let variants = [(names[0].as_str(), theirs.as_slice()), (names[1].as_str(), isolab.as_slice())];
        recording.add_samples(fio::ID, "The same jobs on one file by isolab and by fio", &variants);
    }
    recording.write();
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
