//! Metrics: what every measuring boot gives one number for, kernel by kernel.
//!
//! Samples within a boot share its layout and phase, so they say little about another boot: a boot counts once, with
//! its median, and a kernel's figure is the median over its boots.

use super::changes::{Change, Judgement};
use super::rule::{self, Family};
use crate::lab::record::{Kernel, Lab, Outcome, Purpose};
use crate::record::{Cell, Record, Series};
use crate::stats::{Sorted, Summary};
use crate::text::visible;

/// One number that every boot gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// `spawn/netns`, or `timer latency / cpu hog / cpuset p99`.
    pub id: String,
    /// What its samples are.
    pub title: String,
    /// One for each kernel; `None` where it was not measured.
    pub figures: Vec<Option<Figure>>,
    /// One for each kernel; `None` for the baseline, and where one of the two has no figure.
    pub changes: Vec<Option<Change>>,
}

/// A metric on one kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Nanoseconds from begin to end.
    pub total: Spread,
    /// Of these, on a CPU; `None` where a boot did not take it.
    pub on_cpu: Option<Spread>,
    /// Of these, waiting: the rest of each sample.
    pub waiting: Option<Spread>,
    /// Nanoseconds by primitive, for what was split into steps.
    pub steps: Vec<(String, Spread)>,
    /// What the sandbox is not that was asked for, in a boot where it was not enforced.
    pub not_enforced: Option<String>,
}

/// A number over boots.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// Each boot's median (or percentile), in the order of the boots.
    pub boots: Vec<f64>,
    /// Of these.
    pub summary: Summary,
}

/// How a metric stands over all kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It differs on some kernel.
    Changed,
    /// It differs on none of those that can be judged, and some cannot be yet.
    Provisional,
    /// It differs on none.
    Same,
    /// There is nothing to compare: the baseline or all others lack it.
    Alone,
}

impl Metric {
    /// Whether it differs on some kernel.
    pub fn differs(&self) -> bool {
        self.changes.iter().flatten().any(Change::differs)
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let mut changes = self.changes.iter().flatten();
        match self.changes.iter().flatten().count() {
            0 => Standing::Alone,
            _ if self.differs() => Standing::Changed,
            _ if changes.any(|change| change.judgement() == Judgement::Unclear) => Standing::Provisional,
            _ => Standing::Same,
        }
    }

    /// What its id begins with: the cost experiment, or the victim.
    pub fn group(&self) -> &str {
        self.id.split('/').next().unwrap_or_default().trim()
    }

    /// The largest change that cannot be judged yet, as a share of the baseline's total.
    fn provisional(&self) -> f64 {
        self.changes.iter().flatten().map(|change| change.provisional).fold(0.0, f64::max)
    }

    /// The largest change that differs, as a share of the baseline's total.
    pub fn weight(&self) -> f64 {
        self.changes.iter().flatten().map(|change| change.weight).fold(0.0, f64::max)
    }
}

impl Spread {
    /// `None` without boots.
    pub(super) fn of(boots: Vec<f64>) -> Option<Spread> {
        let summary = Sorted::values(boots.iter().copied()).summary()?;
        Some(Spread { boots, summary })
    }
}

/// What one boot says of one metric.
struct Seen {
    id: String,
    title: String,
    total: f64,
    /// On CPU and waiting.
    parts: Option<[f64; 2]>,
    steps: Vec<(String, f64)>,
    not_enforced: Option<String>,
}

/// Derives all metrics, what changed most first, and says what was judged together.
pub(super) fn of(lab: &Lab, baseline: usize) -> (Vec<Metric>, Family) {
    let mut metrics: Vec<Metric> = Vec::new();
    for (place, kernel) in lab.kernels.iter().enumerate() {
        for (id, seen) in by_id(kernel) {
            let at = metrics.iter().position(|metric| metric.id == id).unwrap_or_else(|| {
                let title = seen.first().map_or(String::new(), |seen| seen.title.clone());
                metrics.push(Metric {
                    id,
                    title,
                    figures: vec![None; lab.kernels.len()],
                    changes: vec![None; lab.kernels.len()],
                });
                metrics.len() - 1
            });
            metrics[at].figures[place] = figure(&seen);
        }
    }
    let mut family = Family::default();
    for place in (0..lab.kernels.len()).filter(|place| *place != baseline) {
        let (changes, judged) = changes(&metrics, baseline, place);
        family = family.and(judged);
        for (metric, change) in metrics.iter_mut().zip(changes) {
            metric.changes[place] = change;
        }
    }
    super::changes::hold_against_the_full_launch(&mut metrics);
    let order = |metric: &Metric| (metric.weight(), metric.provisional());
    metrics.sort_by(|a, b| {
        let ((weight, provisional), (other, guess)) = (order(a), order(b));
        other.total_cmp(&weight).then(guess.total_cmp(&provisional))
    });
    (metrics, family)
}

/// The changes of all metrics between two kernels.
pub(super) fn changes(metrics: &[Metric], from: usize, to: usize) -> (Vec<Option<Change>>, Family) {
    let pairs: Vec<Option<(&Figure, &Figure)>> =
        metrics.iter().map(|metric| metric.figures[from].as_ref().zip(metric.figures[to].as_ref())).collect();
    rule::judge(&pairs)
}

/// What the kernel's measuring boots say, metric by metric, in the order of the records.
fn by_id(kernel: &Kernel) -> Vec<(String, Vec<Seen>)> {
    let mut all: Vec<(String, Vec<Seen>)> = Vec::new();
    for boot in kernel.boots.iter().filter(|boot| boot.purpose == Purpose::Measure) {
        let Outcome::Done { record } = &boot.outcome else { continue };
        for seen in in_record(record) {
            match all.iter_mut().find(|(id, _)| *id == seen.id) {
                Some((_, boots)) => boots.push(seen),
                None => all.push((seen.id.clone(), vec![seen])),
            }
        }
    }
    all
}

fn in_record(record: &Record) -> Vec<Seen> {
    let costs = record.costs.iter().flat_map(|cost| {
        cost.series.iter().filter_map(move |series| {
            // Core is what is measured unless the series or the id says otherwise.
            let id = match cost.launcher.as_str() {
                "core" | "all" => format!("{}/{}", cost.id, series.name),
                other => format!("{}/{} ({other})", cost.id, series.name),
            };
            in_series(visible(&id), visible(&cost.title), series)
        })
    });
    costs.chain(record.interference.iter().flat_map(in_cell)).collect()
}

fn in_series(id: String, title: String, series: &Series) -> Option<Seen> {
    let mut steps: Vec<(String, f64)> = Vec::new();
    for step in &series.steps {
        let Some(median) = Sorted::nanos(&step.duration).median() else { continue };
        match steps.iter_mut().find(|(primitive, _)| *primitive == step.primitive) {
            Some((_, sum)) => *sum += median,
            None => steps.push((step.primitive.clone(), median)),
        }
    }
    let enforced = series.enforced.as_deref();
    Some(Seen {
        id,
        title,
        total: Sorted::nanos(&series.samples).median()?,
        parts: match series.waiting() {
            Some(waiting) => {
                Some([Sorted::nanos(&series.on_cpu).median()?, Sorted::nanos(&waiting).median()?])
            }
            None => None,
        },
        steps,
        not_enforced: enforced.filter(|enforced| *enforced != "enforced").map(visible),
    })
}

/// The median and, where there are samples for it, the 99th percentile.
fn in_cell(cell: &Cell) -> Vec<Seen> {
    let sorted = Sorted::nanos(&cell.samples);
    let conditions = match (&cell.aggressor, &cell.protection) {
        (None, _) => "alone".to_string(),
        (Some(aggressor), None) => format!("{aggressor} / unprotected"),
        (Some(aggressor), Some(protection)) => format!("{aggressor} / {protection}"),
    };
    let percentile = |name: &str, value: Option<f64>| {
        Some(Seen {
            id: visible(&format!("{} / {conditions} {name}", cell.victim)),
            title: visible(&cell.measures),
            total: value?,
            parts: None,
            steps: Vec::new(),
            not_enforced: Some(visible(&cell.enforced)).filter(|enforced| enforced != "enforced"),
        })
    };
    let both = [percentile("p50", sorted.median()), percentile("p99", sorted.percentile(990))];
    both.into_iter().flatten().collect()
}

/// Over the boots of one kernel.
fn figure(seen: &[Seen]) -> Option<Figure> {
    let part = |which: usize| {
        let boots: Option<Vec<f64>> = seen.iter().map(|seen| Some(seen.parts?[which])).collect();
        boots.and_then(Spread::of)
    };
    let mut primitives: Vec<&str> = Vec::new();
    for (primitive, _) in seen.iter().flat_map(|seen| &seen.steps) {
        if !primitives.contains(&primitive.as_str()) {
            primitives.push(primitive);
        }
    }
    let step = |primitive: &&str| {
        let of = |seen: &Seen| seen.steps.iter().find(|(name, _)| name == primitive).map(|(_, nanos)| *nanos);
        Some((visible(primitive), Spread::of(seen.iter().filter_map(of).collect())?))
    };
    Some(Figure {
        total: Spread::of(seen.iter().map(|seen| seen.total).collect())?,
        on_cpu: part(0),
        waiting: part(1),
        steps: primitives.iter().filter_map(step).collect(),
        not_enforced: seen.iter().find_map(|seen| seen.not_enforced.clone()),
    })
}
