//! What a record says, derived once for every page.
//!
//! A pure function of the [`Record`]: statistics become [`Summary`](crate::stats::Summary) and
//! [`Paired`](crate::stats::Paired), outcomes become a matrix, and every text that the workload or the host could
//! have chosen has its control characters spelled out. Pages lay figures out; they conclude nothing of their own.

pub mod answers;
pub mod beside;
pub mod costs;
pub mod faults;
pub mod gaps;
pub mod guarantees;
pub mod host;
pub mod interference;
mod judged;
pub mod mutants;
pub mod trust;
pub mod verdict;

use crate::record::Record;
use crate::text::visible;
use crate::units;
use answers::Answer;
use costs::{Comparison, Ladder};
use faults::Faults;
use gaps::Gap;
use guarantees::Matrix;
use host::HostFacts;
use interference::Interference;
use trust::Trust;

/// All that the pages show of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// What ran: `quick look`.
    pub command: String,
    /// Version of isolab that took the record.
    pub isolab: String,
    /// When the run started, in UTC.
    pub started: String,
    /// How long it took: `74 s`.
    pub took: String,
    /// The four answers that the first screen gives.
    pub answers: Vec<Answer>,
    /// Which guarantees hold for which launcher.
    pub guarantees: Matrix,
    /// Launches as primitives are added.
    pub ladders: Vec<Ladder>,
    /// Every other cost experiment.
    pub comparisons: Vec<Comparison>,
    /// How far neighbours reach.
    pub interference: Interference,
    /// Launches in which something failed.
    pub faults: Vec<Faults>,
    /// Launches that are wrong on purpose, and whether their checks saw it.
    pub mutants: Vec<mutants::Row>,
    /// Containers beside guests.
    pub beside: Vec<beside::Beside>,
    /// What could not be tested, and how to make it testable.
    pub gaps: Vec<Gap>,
    /// What this host is.
    pub host: HostFacts,
    /// How far the numbers can be trusted.
    pub trust: Trust,
}

impl Figures {
    /// Derives everything from the record.
    pub fn of(record: &Record) -> Figures {
        let guarantees = Matrix::of(record);
        let (ladders, comparisons) = costs::of(record);
        let interference = interference::of(record);
        let trust = Trust::of(record);
        let faults = faults::of(record);
        let mutants = mutants::of(record);
        let answers = match faults.is_empty() || !guarantees.is_empty() {
            _ if !record.comparisons.is_empty() => {
                judged::answers(record).into_iter().chain([answers::trusts(&trust)]).collect()
            }
            _ if !mutants.is_empty() => vec![mutants::answer(&mutants)],
            _ if !interference.questions.is_empty() => answers::asked(&interference.questions, &trust),
            true => vec![
                answers::holds(&guarantees),
                answers::costs(&ladders, &comparisons),
                answers::reaches(&interference.victims),
                answers::trusts(&trust),
            ],
            false => vec![faults::answer(&faults), answers::trusts(&trust)],
        };
        Figures {
            command: visible(&record.command),
            isolab: visible(&record.isolab),
            started: units::utc(record.started),
            took: format!("{:.0} s", record.seconds),
            answers,
            guarantees,
            ladders,
            comparisons,
            interference,
            faults,
            mutants,
            beside: beside::of(record),
            gaps: gaps::of(record),
            host: HostFacts::of(record),
            trust,
        }
    }
}
