//! The summary for people at a terminal: what failed and what was lost first, then what changed most.
//!
//! Pure: the caller prints the text.

mod costs;

use std::path::Path;

use super::Lab;
use super::figures::Figures;
use super::figures::columns::State;
use super::figures::features::Offer;
use crate::figures::verdict::Verdict;
use crate::terminal::{Page, Paint, Style, sections};

/// Facts shown for a kernel's verdict, likewise.
const MOST_FACTS: usize = 2;
/// Lines of a failed kernel's log, likewise.
const MOST_LINES: usize = 6;

/// Renders the lab for `width` columns. `html` is named at the end for those who want to see more.
pub fn render(lab: &Lab, style: &Style, width: usize, html: Option<&Path>) -> String {
    let figures = Figures::of(lab);
    let mut page = Page::new(style, width);
    head(&mut page, &figures);
    kernels(&mut page, &figures);
    guarantees(&mut page, &figures);
    costs::costs(&mut page, &figures);
    features(&mut page, &figures);
    host(&mut page, &figures);
    gaps(&mut page, &figures);
    page.finish(html)
}

fn head(page: &mut Page, figures: &Figures) {
    page.paragraph(0, Paint::Strong, &format!("isolab {}: kernels, {}", figures.isolab, figures.started));
    page.paragraph(0, Paint::Quiet, &format!("{}, took {}", figures.host, figures.took));
    page.blank();
    let widest = figures.answers.iter().map(|answer| answer.question.chars().count()).max().unwrap_or(0);
    for answer in &figures.answers {
        sections::answer(page, answer, widest, 6);
    }
}

fn kernels(page: &mut Page, figures: &Figures) {
    page.title("Kernels");
    let widest = figures.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    for column in &figures.columns {
        let release = column.release.as_deref().unwrap_or(&column.source);
        let baseline = if column.is_baseline { ", the baseline" } else { "" };
        let paint = match column.state {
            State::Failed => Paint::Bad,
            State::Partial => Paint::Wary,
            State::Complete => Paint::Plain,
        };
        let label = format!("{:<widest$}", column.name);
        page.labelled(2, &label, paint, &format!("{release}{baseline}: {}", column.status()));
        for failure in &column.failures {
            page.paragraph(4, Paint::Wary, &format!("{}: {}", failure.boots.join(", "), failure.how));
            for line in failure.tail.iter().skip(failure.tail.len().saturating_sub(MOST_LINES)) {
                page.paragraph(6, Paint::Quiet, line);
            }
            if let Some(log) = &failure.log {
                page.paragraph(6, Paint::Quiet, &format!("log: {log}"));
            }
        }
    }
}

fn guarantees(page: &mut Page, figures: &Figures) {
    let rows = &figures.guarantees.rows;
    if rows.is_empty() {
        return;
    }
    page.title(&format!(
        "Guarantees ({} differ, {} alike)",
        figures.guarantees.differing().count(),
        figures.guarantees.same().count()
    ));
    let worth = |row: &&crate::lab::figures::guarantees::Row| row.differs || row.worst() <= Verdict::Unproven;
    for row in rows.iter().filter(worth) {
        page.paragraph(2, Paint::Strong, &format!("{}, {}", row.id, row.launcher));
        page.paragraph(4, Paint::Quiet, &row.promise);
        for (places, finding) in row.findings() {
            let mut text = format!("{} {}", finding.verdict.sign(), finding.verdict.word());
            for fact in finding.against().take(MOST_FACTS) {
                text.push_str(&format!("; {}: expected {}, found {}", fact.fact, fact.expected, fact.found));
            }
            text.extend(finding.reason.iter().map(|reason| format!("; {reason}")));
            let label = format!("{}:", figures.names(&places));
            page.labelled(4, &label, sections::paint_of(finding.verdict), &text);
        }
    }
}

fn features(page: &mut Page, figures: &Figures) {
    if figures.features.differing.is_empty() {
        return;
    }
    page.title("Features that differ");
    for row in &figures.features.differing {
        page.paragraph(2, Paint::Strong, &row.name);
        for (column, cell) in figures.columns.iter().zip(&row.cells) {
            match cell {
                Some(Offer::Available) => page.labelled(4, &column.name, Paint::Good, "✓ available"),
                Some(Offer::Missing(reason)) => {
                    page.labelled(4, &column.name, Paint::Wary, &format!("– {reason}"))
                }
                None => {}
            }
        }
    }
}

fn host(page: &mut Page, figures: &Figures) {
    if figures.host_rows.is_empty() {
        return;
    }
    page.title("What else differs between the kernels (–: no such option)");
    for row in &figures.host_rows {
        let values =
            row.values().into_iter().map(|(places, value)| format!("{value} on {}", figures.names(&places)));
        page.labelled(2, &format!("{}:", row.label), Paint::Plain, &values.collect::<Vec<_>>().join("; "));
    }
}

fn gaps(page: &mut Page, figures: &Figures) {
    if figures.gaps.is_empty() {
        return;
    }
    page.title("Could not be tested");
    for gap in &figures.gaps {
        let kernels = match gap.kernels.is_empty() {
            true => String::new(),
            false => format!(" on {}", gap.kernels.join(", ")),
        };
        page.labelled(2, "?", Paint::Plain, &format!("{}{kernels}", gap.what.join(", ")));
        page.labelled(4, "why:", Paint::Quiet, &gap.reason);
        page.labelled(4, "try:", Paint::Plain, &gap.remedy);
    }
}
