//! `isolab ab`: two things in pairs that take turns, until there is a verdict.

mod arguments;
mod both;
mod kernels;
mod known;
mod say;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_reports::run::Place;
use isolab_reports::verdict::{Calibration, Conclusion, Verdict};
use isolab_scenarios::ab::{self, Measured, Metric, Settings};
use isolab_scenarios::cancel::{Cancel, Cancelled};
use isolab_scenarios::leftovers;
use isolab_scenarios::progress::say;
use isolab_scenarios::ready::Error;
use isolab_scenarios::record;

pub(super) use arguments::Arguments;

use self::both::Both;
use self::say::Said;
use super::bars::Bars;
use super::output::Folder;
use super::{Failure, interrupt};

pub(super) fn ab(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if !arguments.kernel.is_empty() {
        return kernels::compare(arguments);
    }
    let cancel = interrupt::watch()?;
    let begun = Instant::now();
    let folder = arguments.out.as_deref().map(|dir| Folder::new(dir, None)).transpose()?;
    let host = Host::probe();
    for left in leftovers::sweep(&host).map_err(Failure::input)? {
        say(&format!("isolab: {left}"));
    }
    let both = Both::of(arguments, &host, &cancel)?;
    let described = both.launchers();
    let record = record::begin("ab", &host, described, &cancel);
    let mut record = record.map_err(|Cancelled| Failure::Interrupted)?;
    let settings = settings(arguments);
    let bars = Bars::new();
    let measured = both.with(arguments, |a, b| ab::run([a, b], &settings, &bars, &cancel));
    let measured = ended(measured, &cancel)?;
    drop(bars);
    let calibrations =
        if arguments.calibrate { calibrations(arguments, &both, &measured) } else { Vec::new() };
    let [a, b] = both.labels();
    record.costs.push(measured.cost([&a, &b]));
    record.calibrations.clone_from(&calibrations);
    record::end(&mut record, begun);
    let page = folder.map(|folder| folder.write(&record)).transpose()?;
    if arguments.calibrate {
        say::calibrations(&calibrations, arguments.json)?;
        known::keep(&Place::of(&record), &calibrations)?;
        return Ok(ExitCode::SUCCESS);
    }
    let conclusion = conclude(&measured, settings.metric, &settings)?;
    let calibration = known::of(&Place::of(&record), both.subject(), settings.metric);
    let said = Said { names: both.names(), measured: &measured, settings: &settings, calibration, page };
    said.print(&conclusion, arguments.json)?;
    Ok(status(conclusion.verdict, arguments.strict))
}

/// How to compare, as the arguments say.
fn settings(arguments: &Arguments) -> Settings {
    Settings {
        rule: arguments.rule.rule(),
        metric: arguments.metric.into(),
        time: Duration::from_secs(arguments.seconds()),
        seed: arguments.seed,
        rest: Duration::from_millis(arguments.rest),
        until_decided: !arguments.calibrate && !arguments.full,
    }
}

/// The end of a stretch: what a launcher or a program says of what it was given is the user's to mend.
fn ended<T>(result: Result<T, Error>, cancel: &Cancel) -> Result<T, Failure> {
    result.map_err(|error| match error {
        _ if cancel.is_cancelled() => Failure::Interrupted,
        Error::Launcher { ref remedy, .. } => Failure::Input(format!("{error}; {remedy}")),
        _ => Failure::input(error),
    })
}

/// Of both metrics.
fn calibrations(arguments: &Arguments, both: &Both, measured: &Measured) -> Vec<Calibration> {
    let seconds = arguments.window as f64;
    let of = |metric| measured.calibrate(both.subject(), metric, arguments.rule.rule(), seconds);
    [Metric::Time, Metric::Cpu].map(of).to_vec()
}

fn conclude(measured: &Measured, metric: Metric, settings: &Settings) -> Result<Conclusion, Failure> {
    let none = || Failure::Input("not one pair was measured: give it more --seconds".into());
    measured.conclude(metric, settings.rule).ok_or_else(none)
}

/// By the table of exit statuses.
fn status(verdict: Verdict, strict: bool) -> ExitCode {
    match verdict {
        Verdict::Slower => ExitCode::from(1),
        Verdict::Inconclusive if strict => ExitCode::from(3),
        Verdict::Inconclusive | Verdict::Equal | Verdict::Faster => ExitCode::SUCCESS,
    }
}
