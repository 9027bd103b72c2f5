//! Costs: the primitive ladder with its waterfall of steps, and comparisons of variants.

use crate::record::{Cost, Record, Series, StepSamples};
use crate::stats::{Paired, Sorted, Summary};
use crate::text::visible;

/// The id of the cost experiment in which each variant adds a primitive to the one before it.
const LADDER: &str = "primitive-ladder";

/// A launch as primitives are added one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// One sentence.
    pub title: String,
    /// Launcher name.
    pub launcher: String,
    /// The rungs in climbing order.
    pub rungs: Vec<Row>,
    /// The last rung that was split into steps.
    pub waterfall: Option<Waterfall>,
}

/// Variants of one experiment beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Catalogue id.
    pub id: String,
    /// One sentence.
    pub title: String,
    /// Launcher name.
    pub launcher: String,
    /// The variants in their order.
    pub rows: Vec<Row>,
}

/// One variant, or one rung.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Variant.
    pub name: String,
    /// Nanoseconds; `None` when nothing was measured.
    pub total: Option<Summary>,
    /// What it is compared against.
    pub against: Option<String>,
    /// Nanoseconds more than that, round by round.
    pub increment: Option<Paired>,
    /// Times that, round by round.
    pub ratio: Option<Paired>,
    /// Time on CPU, and waiting.
    pub split: Option<Split>,
    /// Asked against got.
    pub enforced: Option<String>,
}

/// What of a variant's time was spent on a CPU, by the launcher and the container, and what waiting: for the kernel's own work
/// (grace periods of RCU, kernel threads), a lock, or a CPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Nanoseconds.
    pub on_cpu: Summary,
    /// Nanoseconds.
    pub waiting: Summary,
}

impl Split {
    fn of(series: &Series) -> Option<Split> {
        let summary = |samples: &[u64]| Sorted::nanos(samples).summary();
        Some(Split { on_cpu: summary(&series.on_cpu)?, waiting: summary(&series.waiting()?)? })
    }
}

/// Where one launch spends its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Waterfall {
    /// The rung that was split.
    pub rung: String,
    /// The whole launch.
    pub total: Summary,
    /// Time on CPU, and waiting.
    pub split: Option<Split>,
    /// The steps in order of their start.
    pub steps: Vec<Step>,
    /// Sum of the steps' median durations by primitive, largest first, in nanoseconds.
    pub primitives: Vec<(String, f64)>,
}

/// One step of a launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The plan's line.
    pub line: String,
    /// Whether the child does it; the parent otherwise.
    pub in_child: bool,
    /// The primitive that it belongs to.
    pub primitive: String,
    /// Median start after the launch began, in nanoseconds.
    pub start: f64,
    /// Duration in nanoseconds.
    pub duration: Summary,
}

impl Ladder {
    /// Whether the rungs' time is split.
    pub fn is_split(&self) -> bool {
        self.rungs.iter().any(|rung| rung.split.is_some())
    }

    /// The last rung: the full launch.
    pub fn top(&self) -> Option<&Row> {
        self.rungs.iter().rev().find(|rung| rung.total.is_some())
    }

    /// The rung that adds most, if any adds more than noise.
    pub fn dearest(&self) -> Option<(&Row, &Paired)> {
        let adds = self.rungs.iter().filter_map(|rung| Some((rung, rung.increment.as_ref()?)));
        let sure = adds.filter(|(_, increment)| increment.excludes(0.0));
        sure.max_by(|(_, a), (_, b)| a.median.total_cmp(&b.median)).filter(|(_, most)| most.median > 0.0)
    }
}

impl Comparison {
    /// Whether the variants' time is split.
    pub fn is_split(&self) -> bool {
        self.rows.iter().any(|row| row.split.is_some())
    }

    /// What the ratios are against, in words.
    pub fn baseline(&self) -> String {
        let names = |row: &Row| row.against.as_ref().map(|against| (row.name.clone(), against.clone()));
        let pairs: Vec<(String, String)> = self.rows.iter().filter_map(names).collect();
        let follows = |pair: &[Row]| pair[1].against.as_ref().is_none_or(|against| *against == pair[0].name);
        match pairs.split_first() {
            None => String::new(),
            Some(((_, first), rest)) if rest.iter().all(|(_, against)| against == first) => {
                format!("ratio: against {first}, round by round")
            }
            Some(_) if self.rows.windows(2).all(follows) => {
                "ratio: against the variant above it, round by round".to_string()
            }
            Some(_) => {
                let all: Vec<String> =
                    pairs.iter().map(|(name, against)| format!("{name} / {against}")).collect();
                format!("ratio, round by round: {}", all.join("; "))
            }
        }
    }
}

impl Row {
    /// Whether the difference from what it is compared against could be noise.
    pub fn within_noise(&self) -> bool {
        self.increment.is_some_and(|increment| !increment.excludes(0.0))
    }
}

impl Waterfall {
    /// Time within steps, in nanoseconds; the rest of the launch is waiting or lies between steps.
    pub fn attributed(&self) -> f64 {
        self.primitives.iter().map(|(_, nanos)| nanos).sum()
    }

    /// Time of the launch that no step accounts for, in nanoseconds.
    pub fn rest(&self) -> f64 {
        (self.total.median - self.attributed()).max(0.0)
    }

    /// Nanoseconds as a share of the whole launch.
    pub fn share(&self, nanos: f64) -> f64 {
        nanos / self.total.median.max(1.0)
    }
}

/// Derives ladders and comparisons.
pub(super) fn of(record: &Record) -> (Vec<Ladder>, Vec<Comparison>) {
    let (ladders, others): (Vec<&Cost>, Vec<&Cost>) = record.costs.iter().partition(|cost| cost.id == LADDER);
    let ladders = ladders.into_iter().map(|cost| Ladder {
        title: visible(&cost.title),
        launcher: visible(&cost.launcher),
        rungs: rows(cost),
        waterfall: cost.series.iter().rev().find_map(waterfall),
    });
    let comparisons = others.into_iter().map(|cost| Comparison {
        id: visible(&cost.id),
        title: visible(&cost.title),
        launcher: visible(&cost.launcher),
        rows: rows(cost),
    });
    (ladders.collect(), comparisons.collect())
}

fn rows(cost: &Cost) -> Vec<Row> {
    let floats = |series: &Series| series.samples.iter().map(|&nanos| nanos as f64).collect::<Vec<f64>>();
    let row = |series: &Series| {
        let baseline = series.against.as_ref().and_then(|name| cost.series.iter().find(|s| s.name == *name));
        let pair = baseline.map(|baseline| (floats(series), floats(baseline)));
        Row {
            name: visible(&series.name),
            total: Sorted::nanos(&series.samples).summary(),
            against: series.against.as_deref().map(visible),
            increment: pair.as_ref().and_then(|(variant, baseline)| Paired::difference(variant, baseline)),
            ratio: pair.as_ref().and_then(|(variant, baseline)| Paired::ratio(variant, baseline)),
            split: Split::of(series),
            enforced: series.enforced.as_deref().map(visible),
        }
    };
    cost.series.iter().map(row).collect()
}

fn waterfall(series: &Series) -> Option<Waterfall> {
    let mut steps: Vec<Step> = series.steps.iter().filter_map(step).collect();
    if steps.is_empty() {
        return None;
    }
    steps.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut primitives: Vec<(String, f64)> = Vec::new();
    for step in &steps {
        match primitives.iter_mut().find(|(primitive, _)| *primitive == step.primitive) {
            Some((_, sum)) => *sum += step.duration.median,
            None => primitives.push((step.primitive.clone(), step.duration.median)),
        }
    }
    primitives.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let total = Sorted::nanos(&series.samples).summary()?;
    Some(Waterfall { rung: visible(&series.name), total, split: Split::of(series), steps, primitives })
}

fn step(samples: &StepSamples) -> Option<Step> {
    Some(Step {
        line: visible(&samples.step),
        in_child: samples.side == "child",
        primitive: visible(&samples.primitive),
        start: Sorted::nanos(&samples.start).median()?,
        duration: Sorted::nanos(&samples.duration).summary()?,
    })
}
