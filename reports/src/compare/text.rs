//! The comparison for people at a terminal: worst first, a line for each series that is not equal, and one sentence at the end.
//!
//! Pure: the caller prints the text.

use std::collections::BTreeMap;

use super::{Change, Comparison, Row, Why};
use crate::terminal::{Page, Paint, Style};
use crate::text::visible;
use crate::verdict::Verdict;

/// Series shown of those that share a reason for having no interval; `--json` has them all.
const MOST_ALIKE: usize = 8;

/// Renders the comparison for `width` columns.
#[must_use]
pub fn render(comparison: &Comparison, style: &Style, width: usize) -> String {
    let mut page = Page::new(style, width);
    head(&mut page, comparison);
    section(&mut page, "Slower", Paint::Bad, comparison.with(Verdict::Slower));
    let inconclusive = || comparison.with(Verdict::Inconclusive);
    section(&mut page, "Inconclusive", Paint::Wary, inconclusive().filter(|row| row.interval.is_some()));
    without_interval(&mut page, inconclusive().filter(|row| row.interval.is_none()));
    without_interval(&mut page, comparison.rows.iter().filter(|row| row.verdict.is_none()));
    section(&mut page, "Faster", Paint::Good, comparison.with(Verdict::Faster));
    guarantees(&mut page, comparison);
    page.blank();
    if !comparison.rows.is_empty() {
        page.paragraph(0, Paint::Quiet, &comparison.meaning());
    }
    page.paragraph(0, Paint::Strong, &visible(&comparison.sentence()));
    page.finish(None)
}

fn head(page: &mut Page, comparison: &Comparison) {
    page.labelled(0, "BASE", Paint::Plain, &visible(&comparison.base.line()));
    page.labelled(0, "NEW ", Paint::Plain, &visible(&comparison.new.line()));
    for note in &comparison.notes {
        page.labelled(0, "!", Paint::Wary, &visible(note));
    }
}

fn section<'r>(page: &mut Page, title: &str, paint: Paint, rows: impl Iterator<Item = &'r Row>) {
    let rows: Vec<&Row> = rows.collect();
    if rows.is_empty() {
        return;
    }
    page.title(&format!("{title} ({})", rows.len()));
    for row in rows {
        line(page, paint, row);
    }
}

fn line(page: &mut Page, paint: Paint, row: &Row) {
    page.paragraph(2, paint, &format!("{} {}: {}", row.sign(), visible(&row.name), row.line()));
}

/// Those that share a reason have it said once.
fn without_interval<'r>(page: &mut Page, rows: impl Iterator<Item = &'r Row>) {
    let mut by_reason: BTreeMap<Why, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(why) = row.why {
            by_reason.entry(why).or_default().push(row);
        }
    }
    for (why, rows) in by_reason {
        page.title(&format!("{why} ({})", rows.len()));
        for row in rows.iter().take(MOST_ALIKE) {
            line(page, Paint::Plain, &Row { why: None, ..(*row).clone() });
        }
        if rows.len() > MOST_ALIKE {
            let more = rows.len() - MOST_ALIKE;
            page.paragraph(2, Paint::Quiet, &format!("and {more} more: --json has all"));
        }
    }
}

fn guarantees(page: &mut Page, comparison: &Comparison) {
    let worth = [Change::Broke, Change::StillBroken, Change::Untested, Change::Repaired];
    let holds = comparison.guarantees_with(Change::Holds).count();
    if comparison.guarantees.is_empty() {
        return;
    }
    page.title(&format!("Guarantees ({holds} hold on both sides)"));
    for change in worth {
        let paint = match change {
            Change::Broke => Paint::Bad,
            Change::Repaired => Paint::Good,
            _ => Paint::Wary,
        };
        let all: Vec<_> = comparison.guarantees_with(change).collect();
        let most = if change == Change::Untested { MOST_ALIKE } else { usize::MAX };
        for kept in all.iter().take(most) {
            let text =
                format!("{}: BASE {}, NEW {}", change.words(), visible(&kept.base), visible(&kept.new));
            page.paragraph(2, paint, &format!("{}: {text}", visible(&kept.name)));
        }
        let more = all.len().saturating_sub(most);
        if more > 0 {
            page.paragraph(2, Paint::Quiet, &format!("and {more} more {}: --json has all", change.words()));
        }
    }
}
