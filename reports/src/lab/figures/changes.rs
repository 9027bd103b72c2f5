//! Changes: how a metric differs from the baseline kernel's, on CPU and waiting, and in which primitives.

use super::CONFIDENCE;
use super::metrics::{Figure, Metric, Spread};
use super::rule::LEAST;
use crate::stats::Unpaired;

/// The cost experiment of each primitive alone, and its variant that has them all.
const SPAWN: &str = "spawn/";
const FULL: &str = "spawn/full";

/// How many primitives a change is attributed to.
const MOST_STEPS: usize = 3;

/// What a comparison of two kernels came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// A change, by [`rule`](super::rule).
    Differs,
    /// None, by the same.
    Within,
    /// Too few boots for an interval.
    Unclear,
}

/// A metric on one kernel against the same on another.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// From begin to end.
    pub total: Delta,
    /// On a CPU.
    pub on_cpu: Option<Delta>,
    /// Waiting.
    pub waiting: Option<Delta>,
    /// The largest of the three that differs, in shares of the other kernel's total; 0 when none does.
    pub weight: f64,
    /// The same of what cannot be judged yet.
    pub provisional: f64,
    /// Whether a launch with every primitive changed likewise; `None` for that launch itself and for other metrics.
    pub in_full: Option<InFull>,
    /// The primitives whose steps changed most, when it differs, or may.
    pub steps: Vec<StepChange>,
}

/// One number's change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delta {
    /// The new over the old; `None` where the old is zero.
    pub ratio: Option<Unpaired>,
    /// Nanoseconds more.
    pub difference: Unpaired,
    /// Whether it is large enough to matter, if it is one.
    pub matters: bool,
    /// What that means.
    pub judgement: Judgement,
    /// How it reads best.
    pub unit: Unit,
}

/// In what a change is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Percent.
    Percent,
    /// Nanoseconds, for waiting: a microsecond becoming a millisecond is no "+99900 %" to anyone.
    Time,
}

/// Whether a change of one primitive's launch is there in the full launch too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFull {
    /// The same part of it differs in the same direction, by half as much time or more.
    Survives,
    /// It does not, or by less.
    Gone,
}

/// The change of one primitive's steps.
#[derive(Debug, Clone, PartialEq)]
pub struct StepChange {
    /// `net namespace`, `teardown`, …
    pub primitive: String,
    /// Nanoseconds more.
    pub difference: Unpaired,
}

impl Change {
    /// How `to` differs from `from`, not judged yet.
    pub(super) fn between(from: &Figure, to: &Figure) -> Option<Change> {
        let total = from.total.summary.median;
        let of_itself = |delta: &Delta| delta.ratio.is_none_or(|ratio| (ratio.median - 1.0).abs() > LEAST);
        let of_total = |delta: &Delta| delta.difference.median.abs() >= total * LEAST;
        let part = |from: &Option<Spread>, to: &Option<Spread>| Delta::between(from.as_ref()?, to.as_ref()?);
        let mut change = Change {
            total: Delta::between(&from.total, &to.total)?,
            on_cpu: part(&from.on_cpu, &to.on_cpu),
            waiting: part(&from.waiting, &to.waiting),
            weight: 0.0,
            provisional: 0.0,
            in_full: None,
            steps: Vec::new(),
        };
        change.total.matters = of_total(&change.total);
        if let Some(on_cpu) = &mut change.on_cpu {
            on_cpu.matters = of_itself(on_cpu);
        }
        if let Some(waiting) = &mut change.waiting {
            waiting.matters = of_total(waiting);
            waiting.unit = Unit::Time;
        }
        Some(change)
    }

    /// Judges it; `bound` is the chance up to which something of these sizes is a change.
    pub(super) fn judge(&mut self, from: &Figure, to: &Figure, mut bound: impl FnMut([usize; 2]) -> f64) {
        let parts = [Some(&mut self.total), self.on_cpu.as_mut(), self.waiting.as_mut()];
        for delta in parts.into_iter().flatten() {
            let sure = delta.difference.chance <= bound(delta.difference.sizes) + f64::EPSILON;
            delta.judgement = match delta.difference.coverage {
                None => Judgement::Unclear,
                Some(_) if sure && delta.matters => Judgement::Differs,
                Some(_) => Judgement::Within,
            };
        }
        let most = |which: fn(&Delta) -> bool| {
            let parts = self.parts().into_iter().flatten().filter(|delta| which(delta));
            parts.map(|delta| delta.difference.median.abs()).fold(0.0, f64::max)
                / from.total.summary.median.max(1.0)
        };
        (self.weight, self.provisional) = (most(Delta::differs), most(Delta::may_differ));
        if self.differs() || self.may_differ() {
            self.steps = steps(from, to);
        }
    }

    /// Total, on CPU, waiting.
    pub fn parts(&self) -> [Option<&Delta>; 3] {
        [Some(&self.total), self.on_cpu.as_ref(), self.waiting.as_ref()]
    }

    /// Whether any part differs.
    pub fn differs(&self) -> bool {
        self.parts().into_iter().flatten().any(Delta::differs)
    }

    /// Whether no part differs, and one may that cannot be judged yet.
    pub fn may_differ(&self) -> bool {
        !self.differs() && self.parts().into_iter().flatten().any(Delta::may_differ)
    }

    /// Differs when any part does.
    pub fn judgement(&self) -> Judgement {
        if self.differs() { Judgement::Differs } else { self.total.judgement }
    }

    /// The change in words: of the total where that differs, else of the part that does.
    pub fn line(&self) -> String {
        let said = |delta: &Delta| format!("{} {}", delta.value(), delta.bounds()).trim_end().to_string();
        let part = |part: &Option<Delta>| part.filter(|delta| self.shows(delta));
        match (self.shows(&self.total), part(&self.on_cpu), part(&self.waiting)) {
            (false, Some(on_cpu), _) => format!("on CPU {}", said(&on_cpu)),
            (false, None, Some(waiting)) => format!("waiting {}", said(&waiting)),
            _ if self.nature().is_empty() => said(&self.total),
            _ => format!("{}, {}", said(&self.total), self.nature()),
        }
    }

    /// Where the difference is: `on CPU`, `waiting`, both, or empty where that is not known.
    pub fn nature(&self) -> &'static str {
        let shows = |delta: &Option<Delta>| delta.as_ref().is_some_and(|delta| self.shows(delta));
        match (shows(&self.on_cpu), shows(&self.waiting)) {
            (true, true) => "on CPU and waiting",
            (true, false) => "on CPU",
            (false, true) => "waiting",
            (false, false) => "",
        }
    }

    /// Whether the change is in this part of it: judged where anything is, else as far as it can be seen.
    fn shows(&self, delta: &Delta) -> bool {
        if self.differs() { delta.differs() } else { delta.may_differ() }
    }

    /// Whether the same part of `full` changed in the same direction, and by half as many nanoseconds or more.
    fn survives_in(&self, full: &Change) -> bool {
        self.parts().into_iter().zip(full.parts()).any(|(a, b)| match (a, b) {
            (Some(a), Some(b)) => {
                let kept = b.difference.median / a.difference.median;
                self.shows(a) && full.shows(b) && kept >= 0.5
            }
            _ => false,
        })
    }
}

impl InFull {
    /// The words that the pages use.
    pub fn words(self) -> &'static str {
        match self {
            InFull::Survives => "in the full launch too",
            InFull::Gone => "not in the full launch",
        }
    }
}

impl Delta {
    fn between(from: &Spread, to: &Spread) -> Option<Delta> {
        Some(Delta {
            ratio: Unpaired::ratio(&to.boots, &from.boots, CONFIDENCE),
            difference: Unpaired::difference(&to.boots, &from.boots, CONFIDENCE)?,
            matters: false,
            judgement: Judgement::Unclear,
            unit: Unit::Percent,
        })
    }

    /// Whether it differs.
    pub fn differs(&self) -> bool {
        self.judgement == Judgement::Differs
    }

    /// Whether it is large enough to matter, and there are too few boots to say whether it is one.
    pub fn may_differ(&self) -> bool {
        self.judgement == Judgement::Unclear && self.matters
    }

    /// The change in its unit; in nanoseconds where the old is zero.
    pub fn value(&self) -> String {
        self.percent().map_or_else(|| self.difference.difference_value(), |ratio| ratio.change_value())
    }

    /// Its bounds, likewise.
    pub fn bounds(&self) -> String {
        self.percent().map_or_else(|| self.difference.difference_bounds(), |ratio| ratio.change_bounds())
    }

    fn percent(&self) -> Option<Unpaired> {
        self.ratio.filter(|_| self.unit == Unit::Percent)
    }
}

/// The primitives whose steps differ by what matters to the whole, what changed most first; without an interval, those
/// that may. A primitive that one side does not have took no time there.
fn steps(from: &Figure, to: &Figure) -> Vec<StepChange> {
    let names = from.steps.iter().chain(&to.steps).map(|(primitive, _)| primitive);
    let mut changes: Vec<StepChange> = Vec::new();
    for name in names {
        let of = |figure: &Figure| {
            let step = figure.steps.iter().find(|(primitive, _)| primitive == name);
            step.map_or_else(|| vec![0.0; figure.total.boots.len()], |(_, spread)| spread.boots.clone())
        };
        let Some(difference) = Unpaired::difference(&of(to), &of(from), CONFIDENCE) else { continue };
        let sure = difference.coverage.is_none() || difference.excludes(0.0);
        let matters = difference.median.abs() >= from.total.summary.median * LEAST;
        if sure && matters && changes.iter().all(|change| change.primitive != *name) {
            changes.push(StepChange { primitive: name.clone(), difference });
        }
    }
    changes.sort_by(|a, b| b.difference.median.abs().total_cmp(&a.difference.median.abs()));
    changes.truncate(MOST_STEPS);
    changes
}

/// Says of each primitive's own launch whether its change is there in the full launch too: alone it can wait for what
/// the others wait for anyway.
pub(super) fn hold_against_the_full_launch(metrics: &mut [Metric]) {
    let Some(full) = metrics.iter().find(|metric| metric.id == FULL).map(|metric| metric.changes.clone())
    else {
        return;
    };
    for metric in metrics.iter_mut().filter(|metric| metric.id.starts_with(SPAWN) && metric.id != FULL) {
        for (change, full) in metric.changes.iter_mut().zip(&full) {
            if let (Some(change), Some(full)) = (change, full)
                && (change.differs() || change.may_differ())
            {
                let survives = change.survives_in(full);
                change.in_full = Some(if survives { InFull::Survives } else { InFull::Gone });
            }
        }
    }
}
