//! What a matrix says in plain sentences: who reaches whom, what does not help, what does, and what that costs.

use super::{Aggressor, Condition, Victim};
use crate::stats::Paired;
use crate::units;

/// The slowdown from which on a neighbour counts as reaching a victim.
const REACHES: f64 = 1.5;
/// A protection that leaves this share of the slowdown, or less, helps.
const HELPS: f64 = 0.5;

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The victim.
    pub victim: String,
    /// Its neighbour.
    pub aggressor: String,
    /// The unprotected slowdown.
    pub slowdown: Paired,
    /// The sentence.
    pub text: String,
}

/// Whether a slowdown is large, and beyond doubt.
pub(super) fn reaches(paired: &Paired) -> bool {
    paired.excludes(1.0) && paired.median >= REACHES
}

/// The worst first.
pub(super) fn of(victims: &[Victim]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = victims
        .iter()
        .flat_map(|victim| victim.aggressors.iter().filter_map(|aggressor| finding(victim, aggressor)))
        .collect();
    findings.sort_by(|one, other| other.slowdown.median.total_cmp(&one.slowdown.median));
    findings
}

fn finding(victim: &Victim, aggressor: &Aggressor) -> Option<Finding> {
    let bare = aggressor.unprotected()?;
    let slowdown = *bare.slowdown().filter(|paired| reaches(paired))?;
    let mut text = format!(
        "{} slows {} down: {} {}",
        aggressor.name,
        victim.name,
        bare.decides(),
        slowdown.ratio_value()
    );
    if let Some(burst) = bare.burst.filter(super::Burst::is_stalled) {
        text.push_str(&format!(", in short stalls ({} of {} windows of 20 ms)", burst.hit, burst.windows));
    }
    text.push_str("; ");
    text.push_str(&protections(aggressor, slowdown.median));
    let (victim, aggressor) = (victim.name.clone(), aggressor.name.clone());
    Some(Finding { victim, aggressor, slowdown, text })
}

/// What does not help, and what helps best.
fn protections(aggressor: &Aggressor, unprotected: f64) -> String {
    let tried = || aggressor.conditions.iter().filter(|condition| !condition.is_unprotected());
    let with = |condition: &Condition| condition.slowdown().map(|paired| paired.median);
    let helps = |condition: &&Condition| {
        with(condition).is_some_and(|left| left - 1.0 <= HELPS * (unprotected - 1.0))
    };
    let useless: Vec<&str> =
        tried().filter(|condition| !helps(condition)).map(|condition| condition.name.as_str()).collect();
    let best = tried()
        .filter(helps)
        .min_by(|one, other| with(one).unwrap_or(f64::MAX).total_cmp(&with(other).unwrap_or(f64::MAX)));
    let mut parts = Vec::new();
    if !useless.is_empty() {
        let verb = if useless.len() == 1 { "does" } else { "do" };
        parts.push(format!("{} {verb} not protect from it here", useless.join(", ")));
    }
    if let Some(best) = best {
        parts.push(helped(best));
    }
    if parts.is_empty() { "no protection was tried".to_string() } else { parts.join("; ") }
}

fn helped(best: &Condition) -> String {
    let left = best.slowdown().map_or(String::new(), Paired::ratio_value);
    let mut text = format!("{} brings it to {left}", best.name);
    if let Some(price) = &best.price {
        text.push_str(&format!(", at {} of the neighbour's work", units::percent(price.median)));
    }
    if let Some(together) = best.together.filter(|together| together.excludes(1.0) && together.median < 0.9) {
        text.push_str(&format!(" and {} of the CPU time of both", units::percent(together.median)));
    }
    text
}
