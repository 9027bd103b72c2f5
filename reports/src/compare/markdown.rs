//! The comparison for a pull request or a job summary: worst first, what is equal folded away.

use super::{Change, Comparison, Row};
use crate::markdown::MOST_BYTES;
use crate::markup::{code, fold, words};
use crate::text::visible;
use crate::verdict::Verdict;

/// Kept free for the lines that say what was left out, and for the end.
const RESERVE: usize = 10_000;

/// Renders the comparison.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let mut page = Page { text: String::new(), left_out: 0 };
    page.add(&format!("## isolab compare: {}\n\n", words(&visible(&comparison.sentence()))));
    page.add(&format!("- BASE {}\n", words(&visible(&comparison.base.line()))));
    page.add(&format!("- NEW {}\n", words(&visible(&comparison.new.line()))));
    for note in &comparison.notes {
        page.add(&format!("- **{}**\n", words(&visible(note))));
    }
    let differ = |row: &&Row| row.verdict != Some(Verdict::Equal);
    guarantees(&mut page, comparison);
    rows(&mut page, None, comparison.rows.iter().filter(differ));
    let equal = comparison.with(Verdict::Equal).count();
    rows(&mut page, Some(&format!("Equal ({equal})")), comparison.with(Verdict::Equal));
    if page.left_out > 0 {
        let said = format!(
            "\n{} lines are left out, which would be too long for a summary; `--json` has them all.\n",
            page.left_out
        );
        page.text.push_str(&said);
    }
    if !comparison.rows.is_empty() {
        page.text.push_str(&format!("\n{}\n", words(&comparison.meaning())));
    }
    page.text
}

/// Text that stays below what a summary may have.
struct Page {
    text: String,
    /// Lines that had no room.
    left_out: usize,
}

impl Page {
    fn add(&mut self, line: &str) {
        if self.text.len() + line.len() > MOST_BYTES - RESERVE {
            self.left_out += 1;
        } else {
            self.text.push_str(line);
        }
    }
}

fn guarantees(page: &mut Page, comparison: &Comparison) {
    let worth = |change: Change| comparison.guarantees_with(change);
    for change in [Change::Broke, Change::StillBroken, Change::Repaired] {
        for kept in worth(change) {
            page.add(&format!("- {} **{}**\n", code(&visible(&kept.name)), change.words()));
        }
    }
    let untested = worth(Change::Untested).count();
    if untested > 0 {
        page.text.push_str(&format!(
            "\n{}\n\n",
            fold(&format!("Guarantees not tested on both sides ({untested})"))
        ));
        for kept in worth(Change::Untested) {
            page.add(&format!(
                "- {}: BASE {}, NEW {}\n",
                code(&visible(&kept.name)),
                words(&visible(&kept.base)),
                words(&visible(&kept.new))
            ));
        }
        page.text.push_str("\n</details>\n");
    }
}

/// A table, folded away below its title where it has one.
fn rows<'r>(page: &mut Page, title: Option<&str>, rows: impl Iterator<Item = &'r Row>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    if let Some(title) = title {
        page.text.push_str(&format!("\n{}\n", fold(title)));
    }
    page.text.push_str(
        "\n| | series | NEW over BASE | interval | medians | why |\n| --- | --- | ---: | --- | --- | --- |\n",
    );
    for row in rows {
        page.add(&format!(
            "| {} {} | {} | {} | {} | {} | {} |\n",
            row.sign(),
            row.word(),
            code(&visible(&row.name)),
            row.change(),
            row.bounds(),
            row.values(),
            words(&visible(&row.reason()))
        ));
    }
    if title.is_some() {
        page.text.push_str("\n</details>\n");
    }
}
