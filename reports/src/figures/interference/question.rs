//! Questions from practice, answered by the cells of their matrix.

use super::{Condition, Victim};
use crate::record::Question;
use crate::stats::Paired;
use crate::text::visible;

/// A question with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The question.
    pub asks: String,
    /// The answer in a few words.
    pub answer: String,
    /// Whether something reaches that far.
    pub reaches: bool,
    /// Every cell that it rests on, the worst first.
    pub because: Vec<String>,
}

pub(super) fn of(questions: &[Question], victims: &[Victim]) -> Vec<Answered> {
    questions.iter().map(|question| answered(question, victims)).collect()
}

fn answered(question: &Question, victims: &[Victim]) -> Answered {
    let its = victims.iter().filter(|victim| victim.matrix == question.matrix);
    let mut cells: Vec<(String, &Condition, &Paired)> = its.flat_map(cells).collect();
    cells.sort_by(|(_, _, one), (_, _, other)| other.median.total_cmp(&one.median));
    let reaches =
        cells.iter().any(|(_, _, paired)| paired.median >= question.matters && paired.excludes(1.0));
    let answer = match (cells.is_empty(), reaches) {
        (true, _) => "not answered: nothing could be measured",
        (false, true) => &question.yes,
        (false, false) => &question.no,
    };
    Answered {
        asks: visible(&question.asks),
        answer: visible(answer),
        reaches,
        because: cells.iter().map(|(name, condition, paired)| because(name, condition, paired)).collect(),
    }
}

/// All cells but the victim alone and unchanged.
fn cells(victim: &Victim) -> Vec<(String, &Condition, &Paired)> {
    let alone = victim.alone_under.iter().map(|condition| (format!("{} alone", victim.name), condition));
    let beside = victim
        .beside()
        .map(|(aggressor, condition)| (format!("{} beside {}", victim.name, aggressor.name), condition));
    let all = alone.chain(beside);
    all.filter_map(|(name, condition)| Some((name, condition, condition.slowdown()?))).collect()
}

fn because(name: &str, condition: &Condition, paired: &Paired) -> String {
    let mut line = format!("{name}, {}: {} {}", condition.name, condition.decides(), paired.ratio_line());
    if let Some(work) = &condition.work {
        line.push_str(&format!(", neighbour {}", crate::units::rate(work.median)));
    }
    if let Some(usage) = &condition.usage {
        line.push_str(&format!("; {}", usage.line()));
    }
    line
}
