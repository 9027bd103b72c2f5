//! The sections of words: the answers, what is broken, what could not be tested.

use super::style::Paint;
use super::{Page, Text};
use crate::figures::Figures;
use crate::figures::answers::{Answer, Tone};
use crate::figures::verdict::Verdict;

/// Facts shown for one broken guarantee; the HTML page has them all.
const MOST_FACTS: usize = 4;
/// Places in a reason's list of what it concerns, likewise.
const MOST_NAMES: usize = 6;

/// Who measured what where, and the four answers.
pub(super) fn head(page: &mut Page, figures: &Figures) {
    let title = format!("isolab {}: {}, {}", figures.isolab, figures.command, figures.started);
    page.paragraph(0, Paint::Strong, &title);
    page.paragraph(0, Paint::Quiet, &format!("{}, {}", figures.host.kernel, figures.host.machine));
    page.blank();
    let widest = figures.answers.iter().map(|answer| answer.question.chars().count()).max().unwrap_or(0);
    for answer in &figures.answers {
        self::answer(page, answer, widest, 1);
    }
}

/// A question with its answer and the first lines of what it rests on.
pub(crate) fn answer(page: &mut Page, answer: &Answer, widest: usize, lines: usize) {
    let paint = match answer.tone {
        Tone::Good => Paint::Good,
        Tone::Bad => Paint::Bad,
        Tone::Wary => Paint::Wary,
        Tone::Plain => Paint::Strong,
    };
    let question = format!("{:<widest$}", answer.question);
    page.labelled(0, &question, paint, &format!("{} {}", answer.short, answer.spread));
    for line in answer.lines.iter().take(lines) {
        page.labelled(0, &" ".repeat(widest), Paint::Plain, line);
    }
}

/// What is broken, and what cannot be believed, with the facts.
pub(super) fn trouble(page: &mut Page, figures: &Figures) {
    let trouble = figures.guarantees.trouble();
    if trouble.is_empty() {
        return;
    }
    page.title("Broken first");
    for (check, finding) in trouble {
        let paint = paint_of(finding.verdict);
        let (sign, word) = (finding.verdict.sign(), finding.verdict.word());
        page.paragraph(2, paint, &format!("{sign} {word}: {}, {}", check.id, finding.launcher));
        page.paragraph(4, Paint::Plain, &check.promise);
        for fact in finding.against().take(MOST_FACTS) {
            let text = format!("expected: {}; found: {}", fact.expected, fact.found);
            page.labelled(4, &fact.fact, Paint::Wary, &text);
        }
        let more = finding.against().count().saturating_sub(MOST_FACTS);
        if more > 0 {
            page.paragraph(4, Paint::Quiet, &format!("and {more} more facts in the HTML report"));
        }
        if let Some(remedy) = &finding.remedy {
            page.labelled(4, "remedy:", Paint::Plain, remedy);
        }
        if let Some((command, _)) = &finding.again {
            page.labelled(4, "again:", Paint::Plain, command);
        }
        if finding.verdict == Verdict::Unproven {
            page.paragraph(4, Paint::Quiet, finding.control);
        }
    }
}

/// The tally of verdicts, one line a launcher.
pub(super) fn guarantees(page: &mut Page, figures: &Figures) {
    let matrix = &figures.guarantees;
    if matrix.is_empty() {
        return;
    }
    page.title(&format!("Guarantees ({} checks)", matrix.checks()));
    let columns: Vec<usize> = Verdict::ALL.iter().map(|verdict| verdict.word().len()).collect();
    let head: Vec<Text> = Verdict::ALL.iter().map(|v| Text::right(v.word()).painted(Paint::Quiet)).collect();
    page.row("", Paint::Plain, &head, &columns);
    for launcher in &matrix.launchers {
        let cell = |verdict: &Verdict| match launcher.count(*verdict) {
            0 => Text::right("0").painted(Paint::Quiet),
            n => Text::right(n.to_string()).painted(paint_of(*verdict)),
        };
        let cells: Vec<Text> = Verdict::ALL.iter().map(cell).collect();
        page.row(&launcher.name, Paint::Plain, &cells, &columns);
    }
}

/// How far the numbers can be trusted, and how to read them.
pub(super) fn trust(page: &mut Page, figures: &Figures) {
    page.title("How much to trust the numbers");
    for line in figures.trust.lines() {
        page.paragraph(2, Paint::Plain, &line);
    }
    let legend = "±: half of the samples lie within it of the median. n: samples, or rounds of a comparison. \
                  (a–b) covers the median with 95 % confidence; [a–b] is the range of fewer than 6 rounds.";
    page.paragraph(2, Paint::Quiet, legend);
}

/// What could not be tested, and how to make it testable.
pub(super) fn gaps(page: &mut Page, figures: &Figures) {
    if figures.gaps.is_empty() {
        return;
    }
    page.title("Could not be tested here");
    for gap in &figures.gaps {
        let shown = gap.what.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
        let more = gap.what.len().saturating_sub(MOST_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        page.labelled(2, "?", Paint::Plain, &format!("{shown}{more}"));
        page.labelled(4, "why:", Paint::Quiet, &gap.reason);
        page.labelled(4, "try:", Paint::Plain, &gap.remedy);
    }
}

pub(crate) fn paint_of(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Broken => Paint::Bad,
        Verdict::Unproven => Paint::Wary,
        Verdict::Holds => Paint::Good,
        Verdict::NotTestable | Verdict::NotOffered => Paint::Quiet,
    }
}
