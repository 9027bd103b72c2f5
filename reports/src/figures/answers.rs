//! The four answers of the first screen: does it hold, what does it cost, how far does a neighbour reach, and how much
//! to trust the numbers.

use super::costs::{Comparison, Ladder, Row};
use super::guarantees::{Column, Matrix};
use super::interference::{Aggressor, Answered, Condition, Victim};
use super::trust::Trust;
use super::verdict::Verdict;
use crate::stats::Paired;

/// How an answer should make the reader feel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Look here first.
    Bad,
    /// Read with care.
    Wary,
    /// A number, no judgement.
    Plain,
}

/// A question, its short answer, and what the answer rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: String,
    /// A few words or one number.
    pub short: String,
    /// The number's spread and count; empty for words.
    pub spread: String,
    /// Lines below it.
    pub lines: Vec<String>,
    /// Its tone.
    pub tone: Tone,
}

/// What is short for a question that the run did not ask.
const NOTHING: &str = "Nothing was tested";
const NOT_MEASURED: &str = "Not measured";

impl Answer {
    /// Whether the run had nothing to do with the question.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [NOTHING, NOT_MEASURED].contains(&self.short.as_str())
    }
}

/// Does it hold?
pub(super) fn holds(matrix: &Matrix) -> Answer {
    let (broken, unproven) = (matrix.count(Verdict::Broken), matrix.count(Verdict::Unproven));
    let (short, tone) = match (broken, unproven, matrix.count(Verdict::Holds)) {
        (0, 0, 0) => (NOTHING.to_string(), Tone::Wary),
        (0, 0, _) => ("All that was tested holds".to_string(), Tone::Good),
        (0, n, _) => (format!("{n} unproven"), Tone::Wary),
        (n, _, _) => (format!("No: {n} broken"), Tone::Bad),
    };
    let line = |launcher: &Column| {
        let rest = Verdict::ALL.iter().filter(|verdict| **verdict != Verdict::Holds);
        let rest = rest.filter_map(|verdict| match launcher.count(*verdict) {
            0 => None,
            n => Some(format!(", {n} {}", verdict.word())),
        });
        let holds = launcher.count(Verdict::Holds);
        format!("{}: {holds} of {} hold{}", launcher.name, launcher.total(), rest.collect::<String>())
    };
    Answer {
        question: "Does it hold?".to_string(),
        short,
        spread: String::new(),
        lines: matrix.launchers.iter().map(line).collect(),
        tone,
    }
}

/// What does it cost?
pub(super) fn costs(ladders: &[Ladder], comparisons: &[Comparison]) -> Answer {
    let question = "What does it cost?";
    let ladder = ladders.first();
    let Some(total) = ladder.and_then(Ladder::top).and_then(|top| top.total) else {
        return not_measured(question, "no launch was timed in this run");
    };
    let mut lines = vec!["for a launch with every rung of the ladder".to_string()];
    if let Some((rung, increment)) = ladder.and_then(Ladder::dearest) {
        let name = rung.name.trim_start_matches(['+', ' ']);
        lines.push(format!("dearest: {name}, {}", increment.difference_line()));
    }
    if let Some((row, ratio)) = worst_ratio(comparisons, "spawn-floor") {
        let against = row.against.as_deref().unwrap_or("the floor");
        lines.push(format!("{} against {against}: {}", row.name, ratio.ratio_line()));
    }
    if let Some((row, ratio)) = worst_ratio(comparisons, "overlay-io") {
        lines.push(format!("dearest on overlay: {}, {}", row.name, ratio.ratio_line()));
    }
    Answer {
        question: question.to_string(),
        short: total.value(),
        spread: total.spread(),
        lines,
        tone: Tone::Plain,
    }
}

/// How far does a neighbour reach?
pub(super) fn reaches(victims: &[Victim]) -> Answer {
    let question = "How far does a neighbour reach?";
    let Some((victim, aggressor, _, worst)) = furthest(victims) else {
        return not_measured(question, "no interference was measured in this run");
    };
    let percentile = if aggressor.conditions.iter().any(|c| c.p99.is_some()) { "p99" } else { "p50" };
    let mut lines = vec![format!("at {percentile}: {} beside {}, unprotected", victim.name, aggressor.name)];
    let protected = aggressor.conditions.iter().filter(|condition| !condition.is_unprotected());
    let best = protected
        .filter_map(|condition| Some((condition, condition.slowdown()?)))
        .min_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    match best {
        Some((condition, best)) => {
            lines.push(format!("best protection: {}, {}", condition.name, best.ratio_line()));
            if let Some(price) = &condition.price {
                lines.push(format!("its price, the neighbour's work: {}", price.change_line()));
            }
        }
        None => lines.push("no protection could be tried here".to_string()),
    }
    let tone = if worst.excludes(1.0) && worst.median > 1.0 { Tone::Wary } else { Tone::Plain };
    Answer {
        question: question.to_string(),
        short: worst.ratio_value(),
        spread: worst.ratio_spread(),
        lines,
        tone,
    }
}

/// Questions that the run itself asked.
pub(super) fn asked(questions: &[Answered], trust: &Trust) -> Vec<Answer> {
    let answer = |question: &Answered| Answer {
        question: question.asks.clone(),
        short: question.answer.clone(),
        spread: String::new(),
        lines: question.because.iter().take(2).cloned().collect(),
        tone: if question.reaches { Tone::Wary } else { Tone::Good },
    };
    questions.iter().map(answer).chain([trusts(trust)]).collect()
}

/// How much to trust the numbers?
pub(super) fn trusts(trust: &Trust) -> Answer {
    let (short, tone) = match trust.busy.is_empty() {
        true => ("Quiet host".to_string(), Tone::Good),
        false => ("Busy host".to_string(), Tone::Wary),
    };
    let lines = trust.lines();
    Answer { question: "How much to trust it?".to_string(), short, spread: String::new(), lines, tone }
}

fn not_measured(question: &'static str, why: &str) -> Answer {
    let short = NOT_MEASURED.to_string();
    Answer {
        question: question.to_string(),
        short,
        spread: String::new(),
        lines: vec![why.to_string()],
        tone: Tone::Plain,
    }
}

/// The unprotected condition with the largest slowdown.
fn furthest(victims: &[Victim]) -> Option<(&Victim, &Aggressor, &Condition, &Paired)> {
    let all =
        victims.iter().flat_map(|victim| victim.beside().map(move |(a, condition)| (victim, a, condition)));
    let bare = all.filter(|(_, _, condition)| condition.is_unprotected());
    bare.filter_map(|(victim, aggressor, condition)| {
        Some((victim, aggressor, condition, condition.slowdown()?))
    })
    .max_by(|(_, _, _, a), (_, _, _, b)| a.median.total_cmp(&b.median))
}

fn worst_ratio<'a>(comparisons: &'a [Comparison], id: &str) -> Option<(&'a Row, &'a Paired)> {
    let rows =
        comparisons.iter().filter(|comparison| comparison.id == id).flat_map(|comparison| &comparison.rows);
    let ratios = rows.filter_map(|row| Some((row, row.ratio.as_ref()?)));
    ratios.max_by(|(_, a), (_, b)| a.median.total_cmp(&b.median))
}
