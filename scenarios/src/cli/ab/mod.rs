//! `isolab ab`: two things in pairs that take turns, until there is a verdict.

mod arguments;
mod both;
mod kernels;
mod known;
mod say;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_reports::record::{Judged, Record};
use isolab_reports::run::Place;
use isolab_reports::verdict::Verdict;
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
    let record = record::begin("ab", &host, both.launchers(), &cancel);
    let mut record = record.map_err(|Cancelled| Failure::Interrupted)?;
    let settings = settings(arguments);
    let bars = Bars::new();
    let measured = both.with(arguments, |a, b| ab::run([a, b], &settings, &bars, &cancel));
    let measured = ended(measured, &cancel)?;
    drop(bars);
    let [a, b] = both.labels();
    record.costs.push(measured.cost([&a, &b]));
    record::end(&mut record, begun);
    if arguments.calibrate {
        calibrate(arguments, &both, &measured, record, folder)
    } else {
        judge(arguments, &both, &measured, record, folder)
    }
}

/// Says how often the rule is wrong here, and keeps it for later comparisons.
fn calibrate(
    arguments: &Arguments,
    both: &Both,
    measured: &Measured,
    mut record: Record,
    folder: Option<Folder>,
) -> Result<ExitCode, Failure> {
    let (rule, seconds) = (arguments.rule.rule(), arguments.window as f64);
    let of = |metric| measured.calibrate(both.subject(), metric, rule, seconds);
    record.calibrations = [Metric::Time, Metric::Cpu].map(of).to_vec();
    folder.map(|folder| folder.write(&record)).transpose()?;
    say::calibrations(&record.calibrations, arguments.json)?;
    known::keep(&Place::of(&record), &record.calibrations)?;
    Ok(ExitCode::SUCCESS)
}

/// Says the verdict, with what is known of the rule here.
fn judge(
    arguments: &Arguments,
    both: &Both,
    measured: &Measured,
    mut record: Record,
    folder: Option<Folder>,
) -> Result<ExitCode, Failure> {
    let settings = settings(arguments);
    let [a, b] = both.labels();
    let calibration = known::of(&Place::of(&record), both.subject(), settings.metric);
    record.comparisons.push(Judged {
        cost: ab::ID.into(),
        a,
        b,
        on_cpu: settings.metric == Metric::Cpu,
        rule: settings.rule,
        calibration: calibration.clone(),
    });
    let none = || Failure::Input("not one pair was measured: give it more --seconds".into());
    let conclusion = measured.conclude(settings.metric, settings.rule).ok_or_else(none)?;
    let page = folder.map(|folder| folder.write(&record)).transpose()?;
    let said = Said { names: both.names(), measured, settings: &settings, calibration, page };
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

/// By the table of exit statuses.
fn status(verdict: Verdict, strict: bool) -> ExitCode {
    match verdict {
        Verdict::Slower => ExitCode::from(1),
        Verdict::Inconclusive if strict => ExitCode::from(3),
        Verdict::Inconclusive | Verdict::Equal | Verdict::Faster => ExitCode::SUCCESS,
    }
}
