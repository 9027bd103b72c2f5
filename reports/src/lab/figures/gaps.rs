//! What could not be tested, on which kernels, and what would make it testable.

use super::columns;
use crate::figures::gaps;
use crate::lab::record::Lab;
use crate::text::visible;

/// Things that could not be tested for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What.
    pub what: Vec<String>,
    /// Names of the kernels; empty for all of them.
    pub kernels: Vec<String>,
    /// Why not.
    pub reason: String,
    /// What would make it testable.
    pub remedy: String,
}

/// Gathers what the lab lists and what each kernel's records list, one entry for each reason and set of kernels.
pub(super) fn of(lab: &Lab) -> Vec<Gap> {
    // (what, reason, remedy) with the kernels that say so.
    let mut all: Vec<([String; 3], Vec<String>)> = Vec::new();
    let mut say = |what: [String; 3], kernel: Option<&str>| {
        let at = all.iter().position(|(known, _)| *known == what).unwrap_or_else(|| {
            all.push((what, Vec::new()));
            all.len() - 1
        });
        let kernel = kernel.map(visible).filter(|kernel| !all[at].1.contains(kernel));
        all[at].1.extend(kernel);
    };
    for gap in &lab.not_tested {
        say([visible(&gap.what), visible(&gap.reason), visible(&gap.remedy)], None);
    }
    for kernel in &lab.kernels {
        let records = kernel.boots.iter().map(|boot| boot.purpose);
        let mut purposes: Vec<_> = records.collect();
        purposes.dedup();
        for record in purposes.into_iter().flat_map(|purpose| columns::records(kernel, purpose)) {
            for gap in gaps::of(record) {
                for what in gap.what {
                    say([what, gap.reason.clone(), gap.remedy.clone()], Some(&kernel.name));
                }
            }
        }
    }
    let booted = lab.kernels.iter().filter(|kernel| columns::guest(kernel).is_some()).count();
    let mut gaps: Vec<Gap> = Vec::new();
    for ([what, reason, remedy], mut kernels) in all {
        if kernels.len() == booted {
            kernels.clear();
        }
        let same = |gap: &&mut Gap| gap.reason == reason && gap.remedy == remedy && gap.kernels == kernels;
        match gaps.iter_mut().find(same) {
            Some(gap) => gap.what.push(what),
            None => gaps.push(Gap { what: vec![what], kernels, reason, remedy }),
        }
    }
    gaps
}
