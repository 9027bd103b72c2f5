//! `isolab ab --kernel`: two kernels, a pair of boots at a time.
//!
//! On the counted clock equal boots are equal to the nanosecond, so that the layouts are what is drawn: of the two seeds of a pair
//! a coin says which kernel gets which.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use isolab_reports::lab::figures::Figures;
use isolab_reports::stats::Sorted;
use isolab_reports::units;
use isolab_reports::verdict::{Conclusion, Pair, Verdict, Watch};
use isolab_scenarios::lab::plan::{Planned, plan};
use isolab_scenarios::lab::question::Question;
use isolab_scenarios::lab::run;
use isolab_scenarios::lab::suite::Suite;
use isolab_scenarios::progress::Progress;
use isolab_scenarios::schedule::Random;
use serde_json::json;

use super::super::kernels::{LabArguments, Setup};
use super::super::{Failure, output};
use super::{Arguments, status};

pub(super) fn compare(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if arguments.kernel.len() != 2 {
        return Err(Failure::Input("--kernel wants two, such as 6.1,6.12".into()));
    }
    let suite = Question::Metric(arguments.of.clone()).suite(&["core".into()]).map_err(Failure::Input)?;
    let setup = Setup::begin(&LabArguments::of(arguments.kernel.clone()), Vec::new())?;
    let (begun, time) = (Instant::now(), Duration::from_secs(arguments.seconds()));
    let (mut watch, mut random) = (Watch::new(arguments.rule.rule()), Random::new(arguments.seed));
    let (mut boots, mut pairs) = (Vec::new(), Vec::new());
    while begun.elapsed() < time {
        let first = 2 * boots.len() as u64 + 1;
        let swapped = random.next() >> 63 == 1;
        let seeds = if swapped { [first + 1, first] } else { [first, first + 1] };
        let both = boot(&setup, &suite, &arguments.of, seeds)?;
        let pair = Pair::of(both);
        boots.push(both);
        pairs.push(pair);
        let so_far = Conclusion::of(arguments.rule.rule(), &pairs).map_or_else(String::new, |it| it.line());
        setup.bars.note(&format!("pair {}: {so_far}", pairs.len()));
        if watch.add(pair.log_ratio) != Verdict::Inconclusive {
            break;
        }
    }
    let none = || Failure::Input("not one pair was booted: give it more --seconds".into());
    let conclusion = Conclusion::of(arguments.rule.rule(), &pairs).ok_or_else(none)?;
    say(arguments, &conclusion, &boots, begun.elapsed().as_secs_f64())?;
    Ok(status(conclusion.verdict, arguments.strict))
}

/// Boots both, and returns the metric of either in nanoseconds.
fn boot(setup: &Setup, suite: &Suite, metric: &str, seeds: [u64; 2]) -> Result<[u64; 2], Failure> {
    let one = |(kernel, seed)| plan(1, &[seed], false).into_iter().map(move |it| Planned { kernel, ..it });
    let planned: Vec<Planned> = seeds.into_iter().enumerate().flat_map(one).collect();
    let mut lab = setup.lab.clone();
    let ran = run::run(planned, &setup.options(suite), &setup.bars, &setup.cancel, |planned, boot| {
        lab.kernels[planned.kernel].boots.extend(boot);
        Ok(())
    });
    setup.end(ran)?;
    let figures = Figures::of(&lab);
    let found = figures.metric(metric).map_or(&[][..], |metric| &metric.figures);
    let figure = |kernel: usize| {
        let boots = found.get(kernel)?.as_ref()?;
        boots.total.boots.first().map(|nanos| nanos.round() as u64)
    };
    let missing = |kernel: usize| {
        let name = &setup.guests[kernel].kernel.name;
        Failure::Input(format!(
            "{name}: a boot gave no {metric}; `isolab kernels {name}` shows what it gives"
        ))
    };
    Ok([figure(0).ok_or_else(|| missing(0))?, figure(1).ok_or_else(|| missing(1))?])
}

fn say(
    arguments: &Arguments,
    conclusion: &Conclusion,
    pairs: &[[u64; 2]],
    seconds: f64,
) -> Result<(), Failure> {
    if arguments.json {
        return output::print_json(&json!({
            "names": arguments.kernel,
            "metric": arguments.of,
            "conclusion": conclusion,
            "seconds": seconds,
            "unit": "ns",
            "samples": {"boots": pairs},
        }));
    }
    let median = |at: usize| {
        let boots: Vec<u64> = pairs.iter().map(|pair| pair[at]).collect();
        units::nanos(Sorted::nanos(&boots).median().unwrap_or_default())
    };
    let [a, b] = [0, 1].map(|at| format!("{}: median {}", arguments.kernel[at], median(at)));
    output::print(&format!(
        "A  {a}\nB  {b}\n{} {}: {}\n  {} pairs of boots in {}\n",
        conclusion.verdict.sign(),
        arguments.of,
        conclusion.line(),
        pairs.len(),
        units::nanos(seconds * 1e9),
    ))
}
