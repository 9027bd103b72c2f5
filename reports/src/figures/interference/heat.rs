//! Heatmaps: victims against aggressors, one for each protection.

use super::{Condition, Victim};
use crate::stats::Paired;

/// Slowdowns of every pair under one protection.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    /// Its matrix.
    pub matrix: String,
    /// `unprotected`, or the protection.
    pub protection: String,
    /// The columns.
    pub aggressors: Vec<String>,
    /// Victims with a cell for each column; `None` where that pair was not measured so.
    pub rows: Vec<(String, Vec<Option<Paired>>)>,
}

impl Heat {
    /// How many pairs are slowed down by half or more, beyond doubt, and how many were measured.
    pub fn reached(&self) -> (usize, usize) {
        let cells = || self.rows.iter().flat_map(|(_, cells)| cells.iter().flatten());
        (cells().filter(|paired| super::finding::reaches(paired)).count(), cells().count())
    }
}

/// One map for each matrix and protection, in the order in which they come.
pub(super) fn of(victims: &[Victim]) -> Vec<Heat> {
    let mut maps: Vec<Heat> = Vec::new();
    for victim in victims {
        for (_, condition) in victim.beside() {
            if !maps.iter().any(|map| map.matrix == victim.matrix && map.protection == condition.name) {
                maps.push(map(victims, &victim.matrix, &condition.name));
            }
        }
    }
    maps
}

fn map(victims: &[Victim], matrix: &str, protection: &str) -> Heat {
    let its: Vec<&Victim> = victims.iter().filter(|victim| victim.matrix == matrix).collect();
    let is_under = |condition: &Condition| condition.name == protection;
    let mut aggressors: Vec<String> = Vec::new();
    for (aggressor, condition) in its.iter().flat_map(|victim| victim.beside()) {
        if is_under(condition) && !aggressors.contains(&aggressor.name) {
            aggressors.push(aggressor.name.clone());
        }
    }
    let row = |victim: &&Victim| {
        let cell = |name: &String| {
            let mut beside = victim.beside();
            let found = beside.find(|(aggressor, condition)| &aggressor.name == name && is_under(condition));
            found.and_then(|(_, condition)| condition.slowdown().copied())
        };
        (victim.name.clone(), aggressors.iter().map(cell).collect())
    };
    let rows = its.iter().map(row).collect();
    Heat { matrix: matrix.to_string(), protection: protection.to_string(), aggressors, rows }
}
