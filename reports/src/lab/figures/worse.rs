//! What became worse than on the baseline kernel: what an exit status rests on.

use std::fmt;

use super::Figures;
use super::changes::Delta;

/// One thing that became worse on one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worse {
    /// A cost or a latency grew.
    Cost {
        /// The metric's id.
        metric: String,
        /// The kernel on which it grew.
        kernel: String,
        /// By how much, with the interval.
        change: String,
    },
    /// A guarantee that holds on the baseline is broken.
    Guarantee {
        /// Catalogue id.
        id: String,
        /// Launcher name.
        launcher: String,
        /// The kernel on which it is broken.
        kernel: String,
    },
}

impl fmt::Display for Worse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Worse::Cost { metric, kernel, change } => write!(f, "{metric} on {kernel}: {change}"),
            Worse::Guarantee { id, launcher, kernel } => write!(f, "{id} ({launcher}) is broken on {kernel}"),
        }
    }
}

impl Figures {
    /// Guarantees that hold on the baseline and are broken elsewhere, then the metrics of which the total, or the time on
    /// CPU, grew by more than `percent` as surely as an interval is: its lower end is beyond that.
    pub fn worse(&self, percent: f64) -> Vec<Worse> {
        let lost = self.guarantees.rows.iter().flat_map(|row| {
            row.lost(self.baseline).into_iter().map(|place| Worse::Guarantee {
                id: row.id.clone(),
                launcher: row.launcher.clone(),
                kernel: self.columns[place].name.clone(),
            })
        });
        let grown = self.metrics.iter().flat_map(|metric| {
            metric.changes.iter().zip(&self.columns).filter_map(move |(change, column)| {
                let change = change.as_ref()?;
                let grew = |delta: &Delta| {
                    let beyond = delta.ratio.is_some_and(|ratio| ratio.low > 1.0 + percent / 100.0);
                    beyond && delta.differs()
                };
                let grew = grew(&change.total) || change.on_cpu.as_ref().is_some_and(grew);
                grew.then(|| Worse::Cost {
                    metric: metric.id.clone(),
                    kernel: column.name.clone(),
                    change: change.line().replace('\u{a0}', " "),
                })
            })
        });
        lost.chain(grown).collect()
    }
}
