//! The figures of a series on one side: which of them count.

use super::row::Of;
use super::{FEWEST_SAMPLES, Measure, Side, Which, Why};
use crate::run::{Figure, Run};
use crate::stats::Sorted;

/// Of a run on a quiet host, and of samples enough.
pub(super) struct Figures<'r>(Vec<&'r Figure>);

impl<'r> Figures<'r> {
    /// Those of a side that count, or why none of them does. `None` where the side does not have the series.
    pub(super) fn of(side: &'r Side, which: Which, series: &str) -> Option<Result<Figures<'r>, Why>> {
        let having: Vec<(&Run, &Figure)> =
            side.runs.iter().filter_map(|run| Some((run, run.figures.get(series)?))).collect();
        let most = having.iter().map(|(_, figure)| figure.samples).max()?;
        let quiet = having.iter().filter(|(run, _)| run.busy.is_empty());
        let counting: Vec<&Figure> =
            quiet.clone().map(|(_, figure)| *figure).filter(|figure| is_enough(figure)).collect();
        Some(match (counting.is_empty(), quiet.count()) {
            (false, _) => Ok(Figures(counting)),
            (true, 0) => Err(Why::Busy { side: which }),
            (true, _) => Err(Why::FewSamples { side: which, most }),
        })
    }

    /// Whether all of them can be measured so.
    pub(super) fn have(&self, measure: Measure) -> bool {
        self.0.iter().all(|figure| measure.of(figure).is_some())
    }

    /// Their values.
    pub(super) fn values(&self, measure: Measure) -> Vec<f64> {
        self.0.iter().filter_map(|figure| measure.of(figure)).collect()
    }

    /// What the report says of them.
    pub(super) fn about(&self, measure: Measure) -> Option<Of> {
        let values = self.values(measure);
        let samples = self.0.iter().map(|figure| figure.samples).sum();
        Some(Of { runs: values.len(), samples, value: Sorted::values(values).median()? })
    }
}

/// Whether a figure stands for samples enough.
pub(super) fn is_enough(figure: &Figure) -> bool {
    figure.samples >= FEWEST_SAMPLES
}
