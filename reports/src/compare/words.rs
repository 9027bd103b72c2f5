//! The comparison in words: what all forms of the report say alike.

use super::{About, Change, Comparison, Measure, Of, Row, Why};
use crate::units;
use crate::verdict::Verdict;

impl Comparison {
    /// The whole in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let count = |verdict| self.with(verdict).count();
        let slower = count(Verdict::Slower);
        let broke = self.guarantees_with(Change::Broke).count();
        let mut said = Vec::new();
        if let Some(worst) = self.with(Verdict::Slower).next() {
            let change = units::change(worst.ratio.unwrap_or(1.0));
            said.push(format!("{slower} series slower, {} by {change}", worst.name));
        }
        if broke > 0 {
            said.push(units::counted(broke, "guarantee") + " broken that held");
        }
        if said.is_empty() {
            said.push("Nothing is worse".to_owned());
        }
        let mut rest = Vec::new();
        let within = format!("equal within {}", units::percent(self.rule.margin));
        let kinds = [
            (count(Verdict::Faster), "faster"),
            (count(Verdict::Equal), within.as_str()),
            (count(Verdict::Inconclusive), "inconclusive"),
            (self.rows.iter().filter(|row| row.verdict.is_none()).count(), "on one side only"),
            (self.guarantees_with(Change::Repaired).count(), "repaired"),
            (self.guarantees_with(Change::Untested).count(), "guarantees not tested on both sides"),
        ];
        rest.extend(
            kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
        );
        let rest = if rest.is_empty() { String::new() } else { format!("; {}", rest.join(", ")) };
        format!("{}{rest}.", said.join(", "))
    }

    /// What the verdicts mean.
    #[must_use]
    pub fn meaning(&self) -> String {
        format!(
            "Slower or faster: by more than {} surely; each verdict is wrong with a probability of at most {}, and of the \
             changes at most {} as is expected.",
            units::percent(self.rule.margin),
            units::percent(self.rule.error),
            units::percent(super::FALSE)
        )
    }
}

impl About {
    /// `runs/a: 6 runs, 2026-01-02 03:04 UTC to 2026-01-02 04:05 UTC, revision 0123abc`.
    #[must_use]
    pub fn line(&self) -> String {
        let [first, last] = self.started.map(units::utc);
        let until = if first == last { String::new() } else { format!(" to {last}") };
        let revisions = match self.revisions.as_slice() {
            [] => String::new(),
            revisions => format!(", revision {}", revisions.join(" and ")),
        };
        format!("{}: {}, {first}{until}{revisions}", self.name, units::counted(self.runs, "run"))
    }
}

impl Of {
    /// With its unit.
    #[must_use]
    pub fn value(&self, by: Measure) -> String {
        match by {
            Measure::Time => units::nanos(self.value),
            Measure::Against => format!("×{:.3}", self.value),
        }
    }
}

impl Row {
    /// A sign of one column.
    #[must_use]
    pub fn sign(&self) -> &'static str {
        self.verdict.map_or("–", Verdict::sign)
    }

    /// What is concluded, in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.verdict.map_or("on one side only", Verdict::word)
    }

    /// The change with its sign; empty where there is none.
    #[must_use]
    pub fn change(&self) -> String {
        self.ratio.map_or(String::new(), units::change)
    }

    /// Its interval: `−1.20 % to +3.10 %`; empty where there is none.
    #[must_use]
    pub fn bounds(&self) -> String {
        let ends = |low, high| format!("{} to {}", units::change(low), units::change(high));
        self.interval.map_or(String::new(), |interval| ends(interval.low, interval.high))
    }

    /// Both sides: `1.24 ms → 1.31 ms`; empty where one is not known.
    #[must_use]
    pub fn values(&self) -> String {
        let both = self.base.zip(self.new);
        both.map_or(String::new(), |(base, new)| format!("{} → {}", base.value(self.by), new.value(self.by)))
    }

    /// Why it has no other verdict; empty where it needs none.
    #[must_use]
    pub fn reason(&self) -> String {
        self.why.as_ref().map_or(String::new(), Why::to_string)
    }

    /// All of it but its name: `+3.12 % (+2.90 % to +3.40 %), 1.24 ms → 1.31 ms; about 12 runs a side would decide`.
    #[must_use]
    pub fn line(&self) -> String {
        let bounds = self.bounds();
        let bounds = if bounds.is_empty() { bounds } else { format!(" ({bounds})") };
        let parts = [self.change() + &bounds, self.values()].into_iter().filter(|part| !part.is_empty());
        let (measured, reason) = (parts.collect::<Vec<_>>().join(", "), self.reason());
        let between = if measured.is_empty() || reason.is_empty() { "" } else { "; " };
        format!("{measured}{between}{reason}")
    }
}
