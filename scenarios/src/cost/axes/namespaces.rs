//! Namespaces alone and in pairs: whether two cost more, or less, than the sum of what each costs alone.
//!
//! Namespaces are no independent parts of a clone: a mount namespace is copied while the child's credentials may be those of
//! a new user namespace, an ipc namespace mounts a file system of its own, and the ends of several meet in the same
//! grace periods of RCU.

use isolab_reports::record::{Cost, Series};
use isolab_reports::stats::Paired;
use serde_json::json;

use super::super::ladder::{Ladder, Rung};
use super::{alone, namespace, rung, set};
use crate::edit::Edit;

/// Id of the cost in the record.
pub const ID: &str = "namespace-pairs";
/// All kinds, in the runtime-spec's words.
pub const KINDS: [&str; 8] = ["pid", "mount", "network", "user", "ipc", "uts", "cgroup", "time"];
/// The rung without any.
const NONE: &str = "none";
/// Between the names of a pair.
const AND: &str = " + ";

/// No namespace, each of the 8 alone, and all 28 pairs.
#[must_use]
pub fn ladder() -> Ladder {
    let alone_each = KINDS.iter().map(|kind| rung(*kind, edits(kind)));
    let first = rung(NONE, Vec::new());
    let rungs: Vec<Rung> = std::iter::once(first).chain(alone_each).chain(pairs()).collect();
    alone(ID, "Launch, run a program that only exits, remove: namespaces alone and in pairs", rungs)
}

fn pairs() -> impl Iterator<Item = Rung> {
    let both =
        |one: &str, other: &str| rung(format!("{one}{AND}{other}"), [edits(one), edits(other)].concat());
    KINDS
        .iter()
        .enumerate()
        .flat_map(move |(index, one)| KINDS[index + 1..].iter().map(move |other| both(one, other)))
}

/// A namespace with what it cannot be had without.
fn edits(kind: &str) -> Vec<Edit> {
    let own = |id: &str| json!([{"containerID": 0, "hostID": id, "size": 1}]);
    let with = match kind {
        "user" => {
            vec![set(["linux", "uidMappings"], own("{uid}")), set(["linux", "gidMappings"], own("{gid}"))]
        }
        "time" => vec![set(["linux", "timeOffsets"], json!({"monotonic": {"secs": 3600, "nanosecs": 0}}))],
        _ => Vec::new(),
    };
    std::iter::once(namespace(kind)).chain(with).collect()
}

/// What each pair costs beyond the sum of what its two cost alone, in nanoseconds, round by round: pair + none − (one +
/// other). Pairs that were not measured, with both of their parts, are left out.
#[must_use]
pub fn interactions(cost: &Cost) -> Vec<(String, Paired)> {
    let find = |name: &str| cost.series.iter().find(|series| series.name == name);
    let beyond = |pair: &Series| {
        let (one, other) = pair.name.split_once(AND)?;
        let sum = |a: &Series, b: &Series| -> Vec<f64> {
            a.samples.iter().zip(&b.samples).map(|(a, b)| *a as f64 + *b as f64).collect()
        };
        let together = sum(pair, find(NONE)?);
        let apart = sum(find(one)?, find(other)?);
        Some((pair.name.clone(), Paired::difference(&together, &apart)?))
    };
    cost.series.iter().filter_map(beyond).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_28_pairs_and_each_has_both() {
        let ladder = ladder();
        assert_eq!(ladder.rung.len(), 1 + 8 + 28);
        for pair in &ladder.rung[9..] {
            let (one, other) = pair.name.split_once(AND).unwrap();
            assert_ne!(one, other);
            assert_eq!(pair.edits, [edits(one), edits(other)].concat());
        }
    }

    #[test]
    fn what_a_pair_costs_beyond_its_parts() {
        let constant = |name: &str, value: u64| {
            Series::of(name, None, (0..20).map(|round| value + round * 10).collect())
        };
        let mut series = vec![constant(NONE, 1000), constant("pid", 1200), constant("user", 1300)];
        series.extend([constant("pid + user", 1650), constant("user + time", 1)]);
        let cost = Cost { id: ID.into(), title: String::new(), launcher: "core".into(), series };
        let found = interactions(&cost);
        assert_eq!(found.len(), 1, "time was not measured");
        assert_eq!((found[0].0.as_str(), found[0].1.median), ("pid + user", 150.0));
    }
}
