//! What a lab says, derived once for every page: kernels are the columns.
//!
//! A pure function of the [`Lab`]. Pages lay figures out; they conclude nothing of their own.

pub mod answers;
pub mod changes;
pub mod columns;
pub mod features;
pub mod gaps;
pub mod guarantees;
pub mod host;
pub mod metrics;
pub mod rule;
pub mod worse;

use super::record::{Clock, Lab};
use crate::figures::answers::Answer;
use crate::figures::verdict::Verdict;
use crate::text::visible;
use crate::units;
use changes::Change;
use columns::Column;
use features::Features;
use gaps::Gap;
use guarantees::Guarantees;
use metrics::{Figure, Metric, Standing};
use rule::Family;

/// How sure the interval of a change must be, at least.
pub const CONFIDENCE: f64 = 0.99;

/// All that the pages show of one lab.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Version of isolab that took it.
    pub isolab: String,
    /// When the run started, in UTC.
    pub started: String,
    /// How long it took: `312 s`.
    pub took: String,
    /// Host and QEMU in one line.
    pub host: String,
    /// What the guests' time is, what that means for the numbers, and why this clock.
    pub clock_line: String,
    /// The answers that the first screen gives.
    pub answers: Vec<Answer>,
    /// The kernels in the order in which they were asked for.
    pub columns: Vec<Column>,
    /// Place of the kernel that the others are compared with.
    pub baseline: usize,
    /// Costs and latencies; what changed most comes first.
    pub metrics: Vec<Metric>,
    /// What of their changes was judged together.
    pub family: Family,
    /// Which kernels cannot be judged yet, and what it takes.
    pub not_judged: Option<String>,
    /// Guarantees; where kernels differ comes first.
    pub guarantees: Guarantees,
    /// What the kernels offer.
    pub features: Features,
    /// What else differs between the guests: a label, and a value for each kernel.
    pub host_rows: Vec<host::Row>,
    /// What could not be tested, where, and how to make it testable.
    pub gaps: Vec<Gap>,
}

/// One metric on two kernels.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared<'a> {
    /// The kernel that is compared with.
    pub from: &'a Figure,
    /// The kernel that is compared.
    pub to: &'a Figure,
    /// From the one to the other.
    pub change: Change,
}

impl Figures {
    /// Derives everything from the lab.
    pub fn of(lab: &Lab) -> Figures {
        let baseline = lab.kernels.iter().position(|kernel| kernel.name == lab.baseline).unwrap_or(0);
        let columns = columns::of(lab, baseline);
        let (metrics, family) = metrics::of(lab, baseline);
        let not_judged = columns::not_judged(&columns, baseline);
        let guarantees = Guarantees::of(lab, baseline);
        let features = Features::of(lab);
        Figures {
            isolab: visible(&lab.isolab),
            started: units::utc(lab.started),
            took: format!("{:.0} s", lab.seconds),
            host: format!(
                "on Linux {} ({}, {} CPUs), {}",
                visible(&lab.host.kernel),
                visible(&lab.host.cpu),
                lab.host.cpus.len(),
                visible(&lab.qemu)
            ),
            clock_line: clock_line(lab),
            answers: vec![
                answers::holds(&guarantees, &columns, baseline),
                answers::costs(&metrics, family, not_judged.as_deref(), &columns),
                answers::features(&features),
                answers::trusts(lab, &columns, &metrics),
            ],
            columns,
            baseline,
            metrics,
            family,
            not_judged,
            guarantees,
            features,
            host_rows: host::of(lab),
            gaps: gaps::of(lab),
        }
    }

    /// The metrics that stand so, what changed most first.
    pub fn standing(&self, standing: Standing) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(move |metric| metric.standing() == standing)
    }

    /// The metrics of which a part differs on some kernel, what changed most first.
    pub fn changed(&self) -> impl Iterator<Item = &Metric> {
        self.standing(Standing::Changed)
    }

    /// A metric by its id, such as `spawn/netns`.
    pub fn metric(&self, id: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.id == id)
    }

    /// A metric on two kernels, of which neither need be the baseline, judged as a report of these two would. `None` where
    /// one of them has no figure of it.
    pub fn compare(&self, id: &str, from: &str, to: &str) -> Option<Compared<'_>> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        let at = self.metrics.iter().position(|metric| metric.id == id)?;
        let (mut changes, _) = metrics::changes(&self.metrics, from, to);
        let change = changes.swap_remove(at)?;
        let figures = &self.metrics[at].figures;
        Some(Compared { from: figures[from].as_ref()?, to: figures[to].as_ref()?, change })
    }

    /// What a guarantee came to on a kernel, the worst over its launchers.
    pub fn verdict(&self, id: &str, kernel: &str) -> Option<Verdict> {
        let place = self.place(kernel)?;
        let rows = self.guarantees.rows.iter().filter(|row| row.id == id);
        rows.filter_map(|row| Some(row.cells[place].as_ref()?.verdict)).min()
    }

    /// Places of the kernels of which anything was measured.
    pub fn measured(&self) -> Vec<usize> {
        let measured = |place: &usize| self.metrics.iter().any(|metric| metric.figures[*place].is_some());
        (0..self.columns.len()).filter(measured).collect()
    }

    /// The names of kernels at these places.
    pub fn names(&self, places: &[usize]) -> String {
        let names = places.iter().map(|place| self.columns[*place].name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    fn place(&self, kernel: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == kernel)
    }
}

/// How many metrics there are of each group: `spawn: 12, overlay-io: 6`.
pub fn by_group<'a>(metrics: impl Iterator<Item = &'a Metric>) -> String {
    let mut groups: Vec<(&str, usize)> = Vec::new();
    for metric in metrics {
        match groups.iter_mut().find(|(group, _)| *group == metric.group()) {
            Some((_, count)) => *count += 1,
            None => groups.push((metric.group(), 1)),
        }
    }
    let groups = groups.iter().map(|(group, count)| format!("{group}: {count}"));
    groups.collect::<Vec<_>>().join(", ")
}

fn clock_line(lab: &Lab) -> String {
    let what = match lab.clock {
        Clock::Real => "real time under KVM: caches, pipeline and the host's noise are in the numbers",
        Clock::Counted => {
            "one nanosecond an instruction, one CPU, under TCG: instructions are counted, not cycles or cache misses"
        }
    };
    match &lab.clock_reason {
        Some(reason) => format!("{what}. Why this clock: {}", visible(reason)),
        None => what.to_string(),
    }
}
