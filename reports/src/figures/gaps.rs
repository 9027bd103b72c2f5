//! What could not be tested, and what would make it testable.

use crate::record::{Outcome, Record};
use crate::text::visible;

/// Things that could not be tested for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What: scenarios, launchers, protections, or `check (launcher)`.
    pub what: Vec<String>,
    /// Why not.
    pub reason: String,
    /// What would make it testable.
    pub remedy: String,
}

/// Gathers what the record lists and the checks that found no way to decide, one entry a reason.
pub(crate) fn of(record: &Record) -> Vec<Gap> {
    let listed = record.not_tested.iter().map(|gap| (gap.what.clone(), &gap.reason, &gap.remedy));
    let undecided = record.guarantees.iter().filter_map(|guarantee| match &guarantee.outcome {
        Outcome::NotTestable { reason, remedy } => {
            Some((format!("{} ({})", guarantee.id, guarantee.launcher), reason, remedy))
        }
        _ => None,
    });
    let mut gaps: Vec<Gap> = Vec::new();
    for (what, reason, remedy) in listed.chain(undecided) {
        let (what, reason, remedy) = (visible(&what), visible(reason), visible(remedy));
        match gaps.iter_mut().find(|gap| gap.reason == reason && gap.remedy == remedy) {
            Some(gap) if gap.what.contains(&what) => {}
            Some(gap) => gap.what.push(what),
            None => gaps.push(Gap { what: vec![what], reason, remedy }),
        }
    }
    gaps
}
