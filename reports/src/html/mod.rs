//! One self-contained HTML page: no script, no request, readable offline for years.
//!
//! Markup lives in `templates/`, checked when this crate is compiled and escaped by default. The modules here only
//! turn numbers into places on the page.

mod bars;
mod curves;

use askama::Template;

use crate::figures::Figures;
use crate::figures::answers::Tone;
use crate::figures::faults;
use crate::figures::interference::Victim;
use crate::figures::verdict::Verdict;
use crate::record::Record;
use crate::stats::Paired;
use bars::LadderBars;
use curves::Chart;

/// Renders the record as one HTML document.
///
/// # Errors
/// When a template fails to write, which formatting into memory does not do.
pub fn render(record: &Record) -> Result<String, askama::Error> {
    let figures = Figures::of(record);
    let page = Page {
        ladders: figures.ladders.iter().map(LadderBars::of).collect(),
        victims: figures.interference.victims.iter().map(VictimView::of).collect(),
        figures: &figures,
    };
    page.render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    figures: &'a Figures,
    ladders: Vec<LadderBars<'a>>,
    victims: Vec<VictimView<'a>>,
}

/// A victim with a chart for each of its neighbours.
struct VictimView<'a> {
    victim: &'a Victim,
    /// Whether it is shown at once: a matrix of many pairs is read by its heatmaps first.
    open: bool,
    charts: Vec<Chart<'a>>,
}

/// Neighbours of which each has a chart that is shown at once.
const FEW: usize = 3;

impl<'a> VictimView<'a> {
    fn of(victim: &'a Victim) -> VictimView<'a> {
        VictimView {
            victim,
            open: victim.aggressors.len() <= FEW,
            charts: victim.aggressors.iter().map(|beside| Chart::of(victim, beside)).collect(),
        }
    }
}

impl Tone {
    /// The class that gives an answer its colour; its words say the same.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Wary => "wary",
            Tone::Plain => "plain",
        }
    }
}

impl Verdict {
    /// Its class.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Verdict::Broken => "broken",
            Verdict::Unproven => "unproven",
            Verdict::NotTestable => "not-testable",
            Verdict::NotOffered => "not-offered",
            Verdict::Holds => "holds",
        }
    }
}

impl Page<'_> {
    /// The heat of a slowdown, 0 to 5, in steps of about a factor of three. One that could be noise is cold.
    fn heat(&self, slowdown: &Paired) -> usize {
        if slowdown.coverage.is_some() && !slowdown.excludes(1.0) {
            return 0;
        }
        [1.1, 1.5, 3.0, 10.0, 30.0].iter().filter(|step| slowdown.median >= **step).count()
    }

    /// The page in one sentence, for its heading.
    fn headline(&self) -> String {
        let matrix = &self.figures.guarantees;
        let (broken, unproven) = (matrix.count(Verdict::Broken), matrix.count(Verdict::Unproven));
        let named = |verdict: Verdict| {
            let with = matrix.launchers.iter().filter(|launcher| launcher.count(verdict) > 0);
            with.map(|launcher| format!("{} {}", launcher.name, launcher.count(verdict)))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        match (broken, unproven) {
            _ if matrix.is_empty() && !self.figures.faults.is_empty() => {
                let rows = self.figures.faults.iter().flat_map(|faults| &faults.rows);
                match rows.map(faults::Row::found).sum() {
                    0 => "No fault that was tried left anything or weakened a container".to_string(),
                    1 => "1 finding after faults".to_string(),
                    n => format!("{n} findings after faults"),
                }
            }
            _ if !self.figures.mutants.is_empty() => {
                match self.figures.mutants.iter().filter(|row| row.is_bad()).count() {
                    0 => "Every check saw its mutants".to_string(),
                    n => format!("{n} mutant{} unseen by their checks", plural(n)),
                }
            }
            _ if matrix.is_empty() => format!("{} of {}", self.figures.command, self.figures.host.kernel),
            (0, 0) => "Every guarantee that could be tested holds".to_string(),
            (0, n) => {
                format!("{n} guarantee{} unproven, none broken: {}", plural(n), named(Verdict::Unproven))
            }
            (n, _) => format!("{n} broken guarantee{}: {}", plural(n), named(Verdict::Broken)),
        }
    }
}
