//! Markdown for a pull request or a job summary: what is broken first, the matrix, and the rest folded.

use crate::figures::Figures;
use crate::figures::guarantees::{Check, Finding};
use crate::figures::verdict::Verdict;
use crate::markup::{code, fold, words};
use crate::record::Record;

/// Largest summary that GitHub takes is 1 MiB; what would go beyond is left out and said.
pub(crate) const MOST_BYTES: usize = 1_000_000;
/// Facts shown of a broken guarantee; the HTML page has them all.
const MOST_FACTS: usize = 4;

/// Renders the record.
pub fn render(record: &Record) -> String {
    let figures = Figures::of(record);
    let mut text = format!("## isolab {}: {}\n\n", words(&figures.command), words(&figures.host.kernel));
    for answer in &figures.answers {
        text.push_str(&format!(
            "- **{}** {} {}\n",
            words(&answer.question),
            words(&answer.short),
            words(&answer.spread)
        ));
        text.extend(answer.lines.iter().take(1).map(|line| format!("  - {}\n", words(line))));
    }
    let sections = [trouble(&figures), matrix(&figures), mutants(&figures), gaps(&figures), host(&figures)];
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if text.len() + section.len() > MOST_BYTES {
            text.push_str("\nThe rest is too long for a summary; the HTML report has it all.\n");
            break;
        }
        text.push('\n');
        text.push_str(section);
    }
    text
}

fn trouble(figures: &Figures) -> String {
    let trouble = figures.guarantees.trouble();
    if trouble.is_empty() {
        return String::new();
    }
    let mut text = "### Broken first\n\n".to_owned();
    for (check, finding) in trouble {
        text.push_str(&broken(check, finding));
    }
    text
}

fn broken(check: &Check, finding: &Finding) -> String {
    let (sign, word) = (finding.verdict.sign(), finding.verdict.word());
    let mut text = format!(
        "- {sign} **{}** {word} on {}: {}\n",
        code(&check.id),
        code(&finding.launcher),
        words(&check.promise)
    );
    for fact in finding.against().take(MOST_FACTS) {
        text.push_str(&format!(
            "  - {} {}, found {}\n",
            code(&fact.fact),
            code(&fact.expected),
            code(&fact.found)
        ));
    }
    text.extend(finding.remedy.as_deref().map(|remedy| format!("  - remedy: {}\n", words(remedy))));
    text.extend(finding.again.as_ref().map(|(command, _)| format!("  - again: {}\n", code(command))));
    text
}

/// Every check and launcher, by primitive.
fn matrix(figures: &Figures) -> String {
    let matrix = &figures.guarantees;
    if matrix.is_empty() {
        return String::new();
    }
    let names: Vec<String> = matrix.launchers.iter().map(|launcher| words(&launcher.name)).collect();
    let mut text = format!("{}\n\n", fold(&format!("All checks ({})", matrix.checks())));
    text.push_str(&format!("| check | {} |\n| --- |{}\n", names.join(" | "), " --- |".repeat(names.len())));
    for group in &matrix.groups {
        text.push_str(&format!("| **{}** |{}\n", words(&group.primitive), " |".repeat(names.len())));
        for check in &group.checks {
            let cell = |cell: &Option<Finding>| match cell {
                Some(finding) => format!("{} {}", finding.verdict.sign(), finding.verdict.word()),
                None => "not run".to_owned(),
            };
            let cells: Vec<String> = check.cells.iter().map(cell).collect();
            text.push_str(&format!("| {} | {} |\n", code(&check.id), cells.join(" | ")));
        }
    }
    text.push_str("\n</details>\n");
    text
}

fn mutants(figures: &Figures) -> String {
    if figures.mutants.is_empty() {
        return String::new();
    }
    let mut text =
        "### Mutants\n\n| check | without | launcher | verdict | seen |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    for row in &figures.mutants {
        text.push_str(&format!(
            "| {} | {}{} | {} | {} | {} |\n",
            code(&row.guarantee),
            words(&row.without),
            if row.subtle { " (small)" } else { "" },
            words(&row.launcher),
            row.verdict,
            code(&row.seen)
        ));
    }
    text
}

fn gaps(figures: &Figures) -> String {
    let untested = figures.guarantees.count(Verdict::NotTestable) + figures.gaps.len();
    if untested == 0 {
        return String::new();
    }
    let mut text = format!("{}\n\n", fold(&format!("Could not be tested here ({})", figures.gaps.len())));
    for gap in &figures.gaps {
        let what = gap.what.iter().map(|what| words(what)).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("- {what}: {}; remedy: {}\n", words(&gap.reason), words(&gap.remedy)));
    }
    text.push_str("\n</details>\n");
    text
}

fn host(figures: &Figures) -> String {
    format!(
        "{} · {} · isolab {}\n",
        words(&figures.host.kernel),
        words(&figures.host.machine),
        words(&figures.isolab)
    )
}
