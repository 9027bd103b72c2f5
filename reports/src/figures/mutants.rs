//! Mutants: whether each check sees what it is for.

use crate::figures::answers::{Answer, Tone};
use crate::record::{Mutant, MutantIs, Record};
use crate::text::visible;

/// A launch with something wrong, and what its check said.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The guarantee's id.
    pub guarantee: String,
    /// What was missing or wrong.
    pub without: String,
    /// The launcher that did it.
    pub launcher: String,
    /// Whether it is a small mistake.
    pub subtle: bool,
    /// In a word or two.
    pub verdict: &'static str,
    /// How that is.
    pub tone: Tone,
    /// What was seen, or why nothing was.
    pub seen: String,
}

impl Row {
    fn of(mutant: &Mutant) -> Row {
        let first = mutant.evidence.first();
        let seen = first.map(|one| format!("{}: {}, {}", one.fact, one.found, one.expected));
        let (verdict, tone, seen) = match &mutant.is {
            MutantIs::Red if mutant.others.is_empty() => ("red", Tone::Good, seen.unwrap_or_default()),
            MutantIs::Red => ("red, and others", Tone::Bad, format!("red too: {}", mutant.others.join(", "))),
            MutantIs::Green => ("green", Tone::Bad, "the check does not see it".into()),
            MutantIs::NotLaunched => ("not launched", Tone::Bad, seen.unwrap_or_default()),
            MutantIs::Absent => ("no mutant", Tone::Bad, "nothing shows that this check can fail".into()),
            MutantIs::NotTestable { reason, remedy } => {
                ("not testable here", Tone::Wary, format!("{reason}. Remedy: {remedy}"))
            }
        };
        Row {
            guarantee: visible(&mutant.guarantee),
            without: visible(&mutant.without),
            launcher: visible(&mutant.launcher),
            subtle: mutant.subtle,
            verdict,
            tone,
            seen: visible(&seen),
        }
    }

    /// Whether it is a defect of the check.
    pub fn is_bad(&self) -> bool {
        self.tone == Tone::Bad
    }
}

/// All of them, defects first, then in the record's order.
pub(crate) fn of(record: &Record) -> Vec<Row> {
    let mut rows: Vec<Row> = record.mutants.iter().map(Row::of).collect();
    rows.sort_by_key(|row| !row.is_bad());
    rows
}

/// The page's first answer where mutants are all that it has.
pub(crate) fn answer(rows: &[Row]) -> Answer {
    let (bad, subtle) =
        (rows.iter().filter(|row| row.is_bad()).count(), rows.iter().filter(|row| row.subtle).count());
    let here = rows.iter().filter(|row| row.tone != Tone::Wary).count();
    let spread = String::new();
    let lines = vec![
        format!("{here} of {} mutants could be launched here", rows.len()),
        format!("{subtle} of them are small mistakes: a flag, an entry, the order"),
    ];
    let question = "Can each check fail?";
    match bad {
        0 => Answer { question: question.to_string(), short: "Yes".into(), spread, tone: Tone::Good, lines },
        n => Answer {
            question: question.to_string(),
            short: format!("{n} can not"),
            spread,
            tone: Tone::Bad,
            lines,
        },
    }
}
