//! One self-contained HTML page of a lab: no script, no request, as for one record.

use askama::Template;

use super::Lab;
use super::figures::changes::{Change, Delta, Judgement};
use super::figures::columns::{Column, State};
use super::figures::features::Offer;
use super::figures::metrics::{Figure, Metric, Spread, Standing};
use super::figures::{Figures, by_group};
use crate::units;

/// Renders the lab as one HTML document.
///
/// # Errors
/// When a template fails to write, which formatting into memory does not do.
pub fn render(lab: &Lab) -> Result<String, askama::Error> {
    let figures = Figures::of(lab);
    Page { figures: &figures }.render()
}

#[derive(Template)]
#[template(path = "lab.html")]
struct Page<'a> {
    figures: &'a Figures,
}

/// A metric with its rows.
struct MetricView<'a> {
    metric: &'a Metric,
    parts: Vec<Part<'a>>,
    strips: Vec<Strip<'a>>,
}

/// A row of cells: `total`, `on CPU` or `waiting`.
struct Part<'a> {
    name: &'static str,
    cells: Vec<Cell<'a>>,
}

/// A part on one kernel.
struct Cell<'a> {
    spread: Option<&'a Spread>,
    delta: Option<&'a Delta>,
    not_enforced: Option<&'a str>,
}

/// The boots of one kernel on a line, in percent of it.
struct Strip<'a> {
    kernel: &'a str,
    dots: Vec<f64>,
    median: f64,
    range: String,
}

impl<'a> MetricView<'a> {
    fn of(metric: &'a Metric, columns: &'a [Column]) -> MetricView<'a> {
        type Select = (&'static str, fn(&Figure) -> Option<&Spread>, fn(&Change) -> Option<&Delta>);
        const PARTS: [Select; 3] = [
            ("total", |figure| Some(&figure.total), |change| Some(&change.total)),
            ("on CPU", |figure| figure.on_cpu.as_ref(), |change| change.on_cpu.as_ref()),
            ("waiting", |figure| figure.waiting.as_ref(), |change| change.waiting.as_ref()),
        ];
        let part = |(name, spread, delta): Select| {
            let cell = |(figure, change): (&'a Option<Figure>, &'a Option<Change>)| Cell {
                spread: figure.as_ref().and_then(spread),
                delta: change.as_ref().and_then(delta),
                not_enforced: figure.as_ref().and_then(|figure| figure.not_enforced.as_deref()),
            };
            Part { name, cells: metric.figures.iter().zip(&metric.changes).map(cell).collect() }
        };
        let parts = PARTS.into_iter().map(part);
        MetricView {
            metric,
            parts: parts.filter(|part| part.cells.iter().any(|cell| cell.spread.is_some())).collect(),
            strips: strips(metric, columns),
        }
    }

    /// Whether a kernel has several boots to show one by one.
    fn has_boots(&self) -> bool {
        self.strips.iter().any(|strip| strip.dots.len() > 1)
    }

    /// Whether there is anything to say of where a change lies.
    fn has_causes(&self) -> bool {
        let changes = self.metric.changes.iter().flatten();
        changes.into_iter().any(|change| !change.steps.is_empty() || change.in_full.is_some())
    }
}

/// Every boot's total on one scale for all kernels.
fn strips<'a>(metric: &'a Metric, columns: &'a [Column]) -> Vec<Strip<'a>> {
    let boots = || metric.figures.iter().flatten().flat_map(|figure| &figure.total.boots).copied();
    let (low, high) = (boots().fold(f64::INFINITY, f64::min), boots().fold(f64::NEG_INFINITY, f64::max));
    // Dots at the ends keep clear of the edges.
    let place = |nanos: f64| 2.0 + (nanos - low) / (high - low).max(1.0) * 96.0;
    let strip = |(figure, column): (&Option<Figure>, &'a Column)| {
        let total = &figure.as_ref()?.total;
        let [least, most] = total.summary.range.map(units::nanos);
        Some(Strip {
            kernel: &column.name,
            dots: total.boots.iter().copied().map(place).collect(),
            median: place(total.summary.median),
            range: format!("{least} to {most}"),
        })
    };
    metric.figures.iter().zip(columns).filter_map(strip).collect()
}

impl<'a> Page<'a> {
    /// Cells with the kernels that they belong to.
    fn beside<'c, T>(&self, cells: &'c [T]) -> Vec<(&'a Column, &'c T)> {
        self.figures.columns.iter().zip(cells).collect()
    }

    fn changed(&self) -> Vec<MetricView<'a>> {
        self.views(Standing::Changed)
    }

    fn provisional(&self) -> Vec<MetricView<'a>> {
        self.views(Standing::Provisional)
    }

    /// What is folded: a name for it, how many by group, and the metrics.
    fn folded(&self) -> Vec<(&'static str, String, Vec<MetricView<'a>>)> {
        let all = [
            ("without a change to be seen", Standing::Same),
            ("with nothing to compare them with", Standing::Alone),
        ];
        let view = |(name, standing)| (name, by_group(self.figures.standing(standing)), self.views(standing));
        all.map(view).into_iter().filter(|(_, _, views)| !views.is_empty()).collect()
    }

    fn views(&self, standing: Standing) -> Vec<MetricView<'a>> {
        let columns = &self.figures.columns;
        self.figures.standing(standing).map(|metric| MetricView::of(metric, columns)).collect()
    }

    fn baseline(&self) -> &str {
        self.figures.columns.get(self.figures.baseline).map_or("nothing", |column| &column.name)
    }

    fn names(&self) -> String {
        self.figures.names(&(0..self.figures.columns.len()).collect::<Vec<_>>())
    }

    /// The kernels of which anything was measured.
    fn measured(&self) -> Vec<&'a Column> {
        self.figures.measured().into_iter().map(|place| &self.figures.columns[place]).collect()
    }

    /// Cells of these kernels.
    fn beside_measured<'c, T>(&self, cells: &'c [T]) -> Vec<(&'a Column, &'c T)> {
        self.figures
            .measured()
            .into_iter()
            .map(|place| (&self.figures.columns[place], &cells[place]))
            .collect()
    }

    /// The page in one sentence, for its heading.
    fn headline(&self) -> String {
        let figures = self.figures;
        let plural = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        let differ = |n: usize, one: &str| plural(n, one) + if n == 1 { " differs" } else { " differ" };
        let kernels = plural(figures.columns.len(), "kernel");
        let failed = figures.columns.iter().filter(|column| column.state == State::Failed).count();
        let (lost, changed) = (figures.guarantees.differing().count(), figures.changed().count());
        let features = figures.features.differing.len();
        let unjudged = changed == 0 && figures.standing(Standing::Provisional).count() > 0;
        let said = [
            (failed, format!("{failed} failed")),
            (lost, differ(lost, "guarantee")),
            (changed, plural(changed, "cost") + " changed"),
            (usize::from(unjudged), "costs not judged yet".to_string()),
            (features, differ(features, "feature")),
        ];
        let said: Vec<String> = said.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| text).collect();
        match said.is_empty() {
            true if figures.columns.len() == 1 => format!("{kernels}, and nothing to compare it with"),
            true => format!("{kernels}, and no difference to be seen"),
            false => format!("{kernels}: {}", said.join(", ")),
        }
    }

    /// The class of a kernel's state.
    fn state(&self, state: &State) -> &'static str {
        match state {
            State::Failed => "failed",
            State::Partial => "partial",
            State::Complete => "complete",
        }
    }

    /// The class of a change; its sign says the same.
    fn judged(&self, delta: &Delta) -> &'static str {
        match delta.judgement {
            Judgement::Differs if delta.difference.median > 0.0 => "slower",
            Judgement::Differs => "faster",
            Judgement::Within => "within",
            Judgement::Unclear if delta.matters => "unclear",
            Judgement::Unclear => "unclear small",
        }
    }

    fn sign(&self, delta: &Delta) -> &'static str {
        match delta.judgement {
            Judgement::Differs => "",
            Judgement::Within => "≈\u{a0}",
            Judgement::Unclear => "?\u{a0}",
        }
    }
}
