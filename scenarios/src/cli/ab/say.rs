//! What a comparison says, to people and to machines.

use std::path::PathBuf;

use isolab_reports::units;
use isolab_reports::verdict::{Calibration, Conclusion, Verdict};
use isolab_scenarios::ab::{Measured, Metric, Settings};
use serde_json::json;

use super::super::{Failure, output};

/// What there is to say.
pub(super) struct Said<'s> {
    pub(super) names: [&'s str; 2],
    pub(super) measured: &'s Measured,
    pub(super) settings: &'s Settings,
    /// Of what A is, on this machine; `None` where nobody has measured it.
    pub(super) calibration: Option<Calibration>,
    pub(super) page: Option<PathBuf>,
}

impl Said<'_> {
    /// Prints it.
    pub(super) fn print(&self, conclusion: &Conclusion, as_json: bool) -> Result<(), Failure> {
        if as_json {
            output::print_json(&self.json(conclusion))
        } else {
            output::print(&self.text(conclusion))
        }
    }

    fn text(&self, conclusion: &Conclusion) -> String {
        let Settings { metric, rule, .. } = *self.settings;
        let mut lines = Vec::new();
        for (at, (side, name)) in ["A", "B"].into_iter().zip(self.names).enumerate() {
            let [time, cpu] =
                [Metric::Time, Metric::Cpu].map(|it| units::nanos(self.measured.medians(it)[at]));
            lines.push(format!("{side}  {name}: median {time}, {cpu} on CPU"));
        }
        lines.push(format!("{} {}: {}", conclusion.verdict.sign(), metric.name(), conclusion.line()));
        let other = if metric == Metric::Time { Metric::Cpu } else { Metric::Time };
        if let Some(beside) = self.measured.conclude(other, rule) {
            lines.push(format!("  {}: {}, not judged", other.name(), beside.line()));
        }
        let seconds = units::nanos(self.measured.seconds * 1e9);
        let [error, margin] = [rule.error, rule.margin].map(units::percent);
        lines.push(format!(
            "  {} pairs in {seconds}; wrong in at most {error} of comparisons, a change below {margin} \
             does not matter",
            conclusion.pairs,
        ));
        if conclusion.verdict == Verdict::Inconclusive {
            lines.push(format!("  {}", self.missing(conclusion)));
        }
        lines.push(format!("  {}", self.calibrated()));
        if let Some(page) = &self.page {
            lines.push(format!("\nReport: {}", page.display()));
        }
        lines.join("\n") + "\n"
    }

    /// What would decide it.
    fn missing(&self, conclusion: &Conclusion) -> String {
        match (conclusion.needs, conclusion.interval) {
            (Some(times), _) => {
                let seconds = (self.measured.seconds * times).ceil();
                format!("some {} would decide it: --seconds {seconds}", units::nanos(seconds * 1e9))
            }
            (None, None) => "too few pairs: give it more --seconds".into(),
            (None, Some(_)) => {
                "it lies on the margin: no time would decide it, another --margin would".into()
            }
        }
    }

    fn calibrated(&self) -> String {
        self.calibration.as_ref().map_or_else(
            || {
                "not calibrated here: `isolab ab --calibrate` says how often it is wrong on this machine"
                    .into()
            },
            Calibration::line,
        )
    }

    fn json(&self, conclusion: &Conclusion) -> serde_json::Value {
        let samples = |metric| [0, 1].map(|at| self.measured.samples(metric, at));
        json!({
            "names": self.names,
            "metric": self.settings.metric,
            "conclusion": conclusion,
            "seconds": self.measured.seconds,
            "needs_seconds": conclusion.needs.map(|times| times * self.measured.seconds),
            "calibration": self.calibration,
            "unit": "ns",
            "samples": {"time": samples(Metric::Time), "cpu": samples(Metric::Cpu)},
        })
    }
}

/// Prints what a calibration found.
pub(super) fn calibrations(all: &[Calibration], as_json: bool) -> Result<(), Failure> {
    if as_json {
        return output::print_json(&all);
    }
    let mut lines = Vec::new();
    for it in all {
        lines.push(format!("{}, {}: {}", it.subject, it.metric, it.line()));
        // What was just too small, and what was found.
        for power in &it.power[it.power.len().saturating_sub(2)..] {
            lines.push(format!(
                "  a change of {} was found {} of {} times, in {} (median)",
                units::percent(power.times - 1.0),
                power.found.hits,
                power.found.of,
                units::nanos(power.seconds * 1e9),
            ));
        }
    }
    output::print(&(lines.join("\n") + "\n"))
}
