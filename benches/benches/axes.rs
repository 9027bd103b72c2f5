//! What a launch costs along one axis: namespaces in pairs, id maps, mounts, filters, the program; groups one operation at
//! a time; teardown; and a launcher with many mounts of its own.
//!
//! `cargo bench --bench axes -- pairs groups` measures some of them. Medians with the time on CPU go to the terminal,
//! everything to the record. Nothing of it is criterion's: the samples of all variants take turns.

use isolab_benches::{Recording, options, program};
use isolab_core::host::Host;
use isolab_reports::record::{Cost, NotTested, Series};
use isolab_reports::stats::Sorted;
use isolab_reports::units;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::{axes, crowded, groups, ladder, teardown};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::ready::Error;

/// Beside the ladders of [`axes::NAMES`].
const OTHERS: [&str; 3] = ["groups", "teardown", "crowded"];

fn main() {
    // cargo adds `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let mut recording = Recording::begin("axes");
    for name in axes::NAMES.into_iter().chain(OTHERS) {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            let measured = measure(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            say(&measured);
            recording.add(measured);
        }
    }
    recording.write();
}

fn measure(name: &str) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let (host, own, cancel) = (Host::probe(), program(), Cancel::new());
    // The one axis that is about the program itself: isolab's, which lies beside the folder of the benches.
    let beside = own.parent().and_then(|deps| deps.parent()).map(|release| release.join("isolab"));
    let program = beside.filter(|path| name == "programs" && path.exists()).unwrap_or(own);
    let options = |limits| options(&program, limits);
    match (name, axes::named(name)) {
        ("groups", _) => groups::run(&options(groups::QUICK), &host, &Quiet, &cancel),
        ("teardown", _) => teardown::run(&options(teardown::QUICK), &host, &Quiet, &cancel),
        ("crowded", _) => crowded::run(&options(crowded::QUICK), &host, &Quiet, &cancel),
        (_, Some(axis)) => ladder::run(&axis, &options(axes::QUICK), &host, &Quiet, &cancel),
        (_, None) => Ok((Vec::new(), Vec::new())),
    }
}

fn say((costs, not_tested): &(Vec<Cost>, Vec<NotTested>)) {
    for cost in costs {
        for series in &cost.series {
            println!("{}/{}: {}", cost.id, series.name, split(series));
        }
        for (pair, beyond) in
            axes::namespaces::interactions(cost).iter().filter(|(_, found)| found.excludes(0.0))
        {
            println!("{}/{pair} beyond the sum of both: {}", cost.id, beyond.difference_line());
        }
    }
    for gap in not_tested {
        eprintln!("{}: not testable here: {}; {}", gap.what, gap.reason, gap.remedy);
    }
}

fn split(series: &Series) -> String {
    let median = |samples: &[u64]| units::nanos(Sorted::nanos(samples).median().unwrap_or_default());
    let parts = series.waiting().map_or_else(String::new, |waiting| {
        format!(", on CPU {}, waiting {}", median(&series.on_cpu), median(&waiting))
    });
    format!("{}{parts}", median(&series.samples))
}
