//! How far a neighbour reaches: slowdowns against the victim alone, with the price of each protection.
//!
//! Latencies within a round depend on each other, so a slowdown is computed round by round and the rounds are
//! compared: its interval is what another run of as many rounds stays within, which is what a reader will meet.

mod burst;
mod condition;
mod finding;
mod heat;
mod question;
mod usage;

pub use burst::Burst;
pub use condition::Condition;
pub use finding::Finding;
pub use heat::Heat;
pub use question::Answered;
pub use usage::Usage;

use crate::record::{Cell, Record};
use crate::text::visible;
use crate::units;

/// One measured workload beside all its neighbours.
#[derive(Debug, Clone, PartialEq)]
pub struct Victim {
    /// Id of its matrix; empty in older records.
    pub matrix: String,
    /// `timer latency`, …
    pub name: String,
    /// What its samples are.
    pub measures: String,
    /// The victim alone; `None` when that was not measured, and then there are no slowdowns.
    pub alone: Option<Condition>,
    /// The victim alone, under each protection that was tried so.
    pub alone_under: Vec<Condition>,
    /// Its neighbours in the record's order.
    pub aggressors: Vec<Aggressor>,
}

/// A victim beside one neighbour.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggressor {
    /// `CPU hog`, `CPU hog at 25 %`, …
    pub name: String,
    /// What a unit of its work is; empty in older records.
    pub unit: String,
    /// Unprotected first, then each protection in the record's order.
    pub conditions: Vec<Condition>,
}

/// All that the pages show of interference.
#[derive(Debug, Clone, PartialEq)]
pub struct Interference {
    /// Victims, matrix by matrix.
    pub victims: Vec<Victim>,
    /// What reaches a victim, and what helps, the worst first.
    pub findings: Vec<Finding>,
    /// Slowdowns of all pairs, a page for each protection.
    pub heat: Vec<Heat>,
    /// Questions that were asked, with their answers.
    pub questions: Vec<Answered>,
}

impl Victim {
    /// Every condition in the order of the pages, with the aggressor that it belongs to.
    pub fn beside(&self) -> impl Iterator<Item = (&Aggressor, &Condition)> {
        self.aggressors.iter().flat_map(|aggressor| aggressor.conditions.iter().map(move |c| (aggressor, c)))
    }
}

impl Aggressor {
    /// Without any protection.
    pub fn unprotected(&self) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.is_unprotected())
    }
}

/// Derives everything.
pub(super) fn of(record: &Record) -> Interference {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for cell in &record.interference {
        let name = (cell.matrix.as_str(), cell.victim.as_str());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let victims: Vec<Victim> = names.into_iter().map(|name| victim(record, name)).collect();
    Interference {
        findings: finding::of(&victims),
        heat: heat::of(&victims),
        questions: question::of(&record.questions, &victims),
        victims,
    }
}

fn victim(record: &Record, (matrix, name): (&str, &str)) -> Victim {
    let is_its = |cell: &&Cell| cell.matrix == matrix && cell.victim == name;
    let cells: Vec<&Cell> = record.interference.iter().filter(is_its).collect();
    let is_alone = |cell: &&&Cell| cell.aggressor.is_none();
    let alone = cells.iter().filter(is_alone).find(|cell| cell.protection.is_none()).copied();
    let under = cells.iter().filter(is_alone).filter(|cell| cell.protection.is_some());
    let mut aggressors: Vec<String> = Vec::new();
    for name in cells.iter().filter_map(|cell| beside(cell)) {
        if !aggressors.contains(&name) {
            aggressors.push(name);
        }
    }
    Victim {
        matrix: visible(matrix),
        name: visible(name),
        measures: cells.first().map_or(String::new(), |cell| visible(&cell.measures)),
        alone: alone.and_then(|cell| Condition::of(cell, None, None)),
        alone_under: under.filter_map(|cell| Condition::of(cell, alone, None)).collect(),
        aggressors: aggressors.iter().map(|name| aggressor(&cells, name, alone)).collect(),
    }
}

fn aggressor(cells: &[&Cell], name: &str, alone: Option<&Cell>) -> Aggressor {
    let is_its = |cell: &&&Cell| beside(cell).as_deref() == Some(name);
    let mut with: Vec<&Cell> = cells.iter().filter(is_its).copied().collect();
    with.sort_by_key(|cell| cell.protection.is_some());
    let bare = with.first().filter(|cell| cell.protection.is_none()).copied();
    Aggressor {
        name: name.to_string(),
        unit: with.first().map_or(String::new(), |cell| visible(&cell.unit)),
        conditions: with.iter().filter_map(|cell| Condition::of(cell, alone, bare)).collect(),
    }
}

/// The words for a cell's neighbour.
fn beside(cell: &Cell) -> Option<String> {
    let name = visible(cell.aggressor.as_deref()?);
    Some(match cell.intensity {
        Some(share) => format!("{name} at {}", units::percent(share)),
        None => name,
    })
}
