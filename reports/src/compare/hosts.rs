//! Where the runs of both sides are from, and what must be said of it.

use std::collections::BTreeSet;

use super::Side;
use crate::run::{Place, Run};
use crate::units;

/// The machines of both sides.
pub(super) fn machines<'s>(base: &'s Side, new: &'s Side) -> BTreeSet<&'s str> {
    let runs = base.runs.iter().chain(&new.runs);
    runs.map(|run| run.place.machine.as_str()).collect()
}

/// What must be said with every verdict: other hosts, other kernels, other versions, busy hosts.
pub(super) fn notes(base: &Side, new: &Side) -> Vec<String> {
    let mut notes = Vec::new();
    if machines(base, new).len() > 1 {
        let place = |side: &Side| listed(side.runs.iter().map(|run| run.place.machine.clone()));
        notes.push(format!(
            "different hosts, as asked by --across-hosts: BASE on {}; NEW on {}; a difference may be the hosts'",
            place(base),
            place(new)
        ));
    }
    let kernels = |side: &Side| listed(side.runs.iter().map(|run| run.place.kernel.clone()));
    let (of_base, of_new) = (kernels(base), kernels(new));
    if of_base != of_new || of_base.contains(AND) {
        notes.push(format!("different kernels: BASE on Linux {of_base}; NEW on Linux {of_new}"));
    }
    if base.runs.iter().chain(&new.runs).any(|run| run.place == Place::unknown()) {
        notes.push(
            "criterion keeps nothing of the host: whether it is the same, and whether it was busy, is not known"
                .to_owned(),
        );
    }
    let writers = |side: &Side| listed(side.writers.iter().cloned());
    let (of_base, of_new) = (writers(base), writers(new));
    if of_base != of_new || of_base.contains(AND) {
        notes.push(format!("different writers: BASE by {of_base}; NEW by {of_new}"));
    }
    let both = new.runs.iter().filter(|run| base.runs.contains(run)).count();
    if both > 0 {
        notes.push(format!("on both sides: {}", units::counted(both, "run")));
    }
    let has_series = |side: &Side| side.runs.iter().any(|run| !run.figures.is_empty());
    if !has_series(base) && !has_series(new) {
        return notes;
    }
    notes.extend([("BASE", base), ("NEW", new)].iter().filter_map(|(name, side)| busy(name, &side.runs)));
    notes
}

/// Runs that do not count.
fn busy(name: &str, runs: &[Run]) -> Option<String> {
    let busy: Vec<&Run> = runs.iter().filter(|run| !run.busy.is_empty()).collect();
    let reasons = listed(busy.iter().flat_map(|run| run.busy.iter().cloned()));
    let all = units::counted(runs.len(), "run");
    let are = if busy.len() == 1 { "does" } else { "do" };
    (!busy.is_empty())
        .then(|| format!("a busy host: {} of {all} of {name} {are} not count: {reasons}", busy.len()))
}

/// Between what is listed.
const AND: &str = " and ";

/// Each once, in order.
fn listed(all: impl Iterator<Item = String>) -> String {
    let each: BTreeSet<String> = all.collect();
    match each.len() {
        0 => "what is not known".to_owned(),
        _ => each.into_iter().collect::<Vec<_>>().join(AND),
    }
}
