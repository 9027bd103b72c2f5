//! The section of faults: launchers side by side, then what must not be.

use super::style::Paint;
use super::{Page, Text};
use crate::figures::Figures;
use crate::figures::faults::{COLUMNS, Row};

/// Findings of one problem that are shown; the HTML page has them all.
const MOST: usize = 4;
/// Lines of evidence, likewise.
const MOST_LINES: usize = 2;

pub(super) fn faults(page: &mut Page, figures: &Figures) {
    for faults in &figures.faults {
        page.title(&format!("Faults: {}", faults.title));
        let names = COLUMNS.iter().copied().chain(["found"]);
        let columns: Vec<usize> = names.clone().map(str::len).collect();
        let head: Vec<Text> = names.map(|name| Text::right(name).painted(Paint::Quiet)).collect();
        page.row("", Paint::Plain, &head, &columns);
        for row in &faults.rows {
            let mut cells: Vec<Text> = row.cells().iter().map(|n| Text::right(n.to_string())).collect();
            let paint = if row.found() == 0 { Paint::Good } else { Paint::Bad };
            cells.push(Text::right(row.found().to_string()).painted(paint));
            page.row(&row.launcher, Paint::Plain, &cells, &columns);
        }
        for row in &faults.rows {
            page.labelled(2, &format!("{}:", row.launcher), Paint::Quiet, &row.extent());
            row.notes.iter().for_each(|note| page.paragraph(4, Paint::Plain, note));
            found(page, row);
        }
    }
}

fn found(page: &mut Page, row: &Row) {
    for problem in &row.problems {
        let (launcher, count) = (&row.launcher, problem.findings.len());
        page.paragraph(2, Paint::Bad, &format!("✗ {launcher}: {} ({count})", problem.title));
        for finding in problem.findings.iter().take(MOST) {
            let more = finding.evidence.len().saturating_sub(MOST_LINES);
            let mut text = finding.evidence.iter().take(MOST_LINES).cloned().collect::<Vec<_>>().join("; ");
            if more > 0 {
                text.push_str(&format!("; and {more} more"));
            }
            page.labelled(4, &format!("{}:", finding.injection), Paint::Wary, &text);
        }
        let more = count.saturating_sub(MOST);
        if more > 0 {
            page.paragraph(4, Paint::Quiet, &format!("and {more} more in the HTML report"));
        }
    }
    if !row.not_reached.is_empty() {
        let list = row.not_reached.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        let label = format!("did not happen ({}):", row.not_reached.len());
        page.labelled(4, &label, Paint::Quiet, &list);
    }
}
