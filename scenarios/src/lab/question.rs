//! What a bisection asks of each kernel: a metric, a guarantee, or a feature.

use isolab_core::host::Feature;
use isolab_reports::lab::Lab;
use isolab_reports::lab::figures::Figures;
use isolab_reports::lab::figures::changes::Judgement;
use isolab_reports::lab::record::Outcome;
use isolab_reports::units;

use super::bisect::Look;
use super::suite::Suite;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Such as `spawn/netns`.
    Metric(String),
    /// `guarantee/ID`.
    Guarantee(String),
    /// `feature/NAME`, as `isolab host` names it.
    Feature(String),
}

/// What a kernel answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Against the first kernel.
    pub look: Look,
    /// In a few words, such as `1.31 ms, +4.2 %`.
    pub words: String,
}

impl Question {
    /// Reads it.
    #[must_use]
    pub fn parse(text: &str) -> Question {
        match text.split_once('/') {
            Some(("guarantee", id)) => Question::Guarantee(id.into()),
            Some(("feature", name)) => Question::Feature(name.into()),
            _ => Question::Metric(text.into()),
        }
    }

    /// What a guest runs to answer it.
    ///
    /// # Errors
    /// When there is no such metric, guarantee or feature.
    pub fn suite(&self, launchers: &[String]) -> Result<Suite, String> {
        let check = |id: &str| Suite { guarantees: vec![id.into()], ..Suite::quick(launchers.to_vec()) };
        match self {
            Question::Metric(metric) => Suite::for_metric(metric, launchers.to_vec()),
            Question::Guarantee(id) => {
                let all = crate::catalog::guarantees().map_err(|error| error.to_string())?;
                match all.iter().any(|guarantee| guarantee.id == *id) {
                    true => Ok(check(id)),
                    false => Err(format!("no guarantee {id:?}; `isolab check --list` shows them")),
                }
            }
            Question::Feature(name) if isolab_core::host::FEATURES.contains(&name.as_str()) => {
                // Features are probed by every command; this is the quickest.
                Ok(check("pidns-init-is-1"))
            }
            Question::Feature(name) => {
                Err(format!("no feature {name:?}; there are {}", isolab_core::host::FEATURES.join(", ")))
            }
        }
    }

    /// Whether measuring boots are needed, with seeds; one boot that checks is enough otherwise.
    #[must_use]
    pub fn measures(&self) -> bool {
        matches!(self, Question::Metric(_))
    }

    /// What `kernel` answers, against `from`.
    #[must_use]
    pub fn answer(&self, lab: &Lab, from: &str, kernel: &str) -> Answer {
        let answer = match self {
            Question::Metric(metric) => metric_answer(&Figures::of(lab), metric, from, kernel),
            Question::Guarantee(id) => {
                let figures = Figures::of(lab);
                let word =
                    |kernel: &str| figures.verdict(id, kernel).map(|verdict| verdict.word().to_owned());
                same(word(from), word(kernel))
            }
            Question::Feature(name) => same(feature(lab, from, name), feature(lab, kernel, name)),
        };
        answer.unwrap_or_else(|| Answer { look: Look::Unknown, words: failure(lab, kernel) })
    }
}

fn metric_answer(figures: &Figures, metric: &str, from: &str, kernel: &str) -> Option<Answer> {
    let compared = figures.compare(metric, from, kernel)?;
    let value = units::nanos(compared.to.total.summary.median);
    let change = &compared.change;
    let look = match change.judgement() {
        Judgement::Differs => Look::Changed,
        Judgement::Within => Look::Same,
        Judgement::Unclear => Look::Unknown,
    };
    let words = match from == kernel {
        true => value,
        false => format!("{value}, {}", change.line()),
    };
    Some(Answer { look, words: words.replace('\u{a0}', " ") })
}

fn same(from: Option<String>, to: Option<String>) -> Option<Answer> {
    let (from, to) = (from?, to?);
    Some(Answer { look: if from == to { Look::Same } else { Look::Changed }, words: to })
}

/// What a feature's probe says on a kernel.
fn feature(lab: &Lab, kernel: &str, name: &str) -> Option<String> {
    let kernel = lab.kernels.iter().find(|it| it.name == kernel)?;
    kernel.boots.iter().find_map(|boot| match &boot.outcome {
        Outcome::Done { record } => record.host.features.get(name).map(|feature| match feature {
            Feature::Available => "available".to_owned(),
            Feature::Missing { reason, .. } => format!("missing: {reason}"),
        }),
        Outcome::Failed { .. } => None,
    })
}

/// Why a kernel gave no answer.
fn failure(lab: &Lab, kernel: &str) -> String {
    let boots = lab.kernels.iter().filter(|it| it.name == kernel).flat_map(|it| &it.boots);
    let mut failures = boots.filter_map(|boot| match &boot.outcome {
        Outcome::Failed { how, .. } => Some(how.clone()),
        Outcome::Done { .. } => None,
    });
    failures.next().unwrap_or_else(|| "it was not measured, or in too few boots".into())
}
