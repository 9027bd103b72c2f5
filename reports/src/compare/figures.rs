//! The figures of a series on one side: which of them count.

use super::row::Of;
use super::{FEWEST_SAMPLES, Measure, Side, Which, Why};
use crate::run::{Figure, Run};
use crate::stats::Sorted;

/// Some of the figures of a series on one side.
pub(super) struct Figures<'r>(Vec<&'r Figure>);

/// All figures of a series on one side, and those that count.
pub(super) struct Found<'r> {
    pub(super) all: Figures<'r>,
    /// Of runs on a quiet host, and of samples enough; or why there is none.
    pub(super) counting: Result<Figures<'r>, Why>,
}

impl<'r> Found<'r> {
    /// `None` where the side does not have the series.
    pub(super) fn of(side: &'r Side, which: Which, series: &str) -> Option<Found<'r>> {
        let having: Vec<(&Run, &Figure)> =
            side.runs.iter().filter_map(|run| Some((run, run.figures.get(series)?))).collect();
        let most = having.iter().map(|(_, figure)| figure.samples).max()?;
        let quiet: Vec<&Figure> =
            having.iter().filter(|(run, _)| run.busy.is_empty()).map(|(_, figure)| *figure).collect();
        let enough: Vec<&Figure> = quiet.iter().copied().filter(|figure| is_enough(figure)).collect();
        let counting = match (enough.is_empty(), quiet.is_empty()) {
            (false, _) => Ok(Figures(enough)),
            (true, true) => Err(Why::Busy { side: which }),
            (true, false) => Err(Why::FewSamples { side: which, most }),
        };
        Some(Found { all: Figures(having.into_iter().map(|(_, figure)| figure).collect()), counting })
    }
}

impl Figures<'_> {
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
