//! Guarantees on both sides: broken where they held, repaired, or not tested.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Side;
use crate::figures::verdict::Verdict;

/// What became of a guarantee, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It held in BASE and is broken in NEW.
    Broke,
    /// It is broken on both sides.
    StillBroken,
    /// One side or both do not say whether it holds.
    Untested,
    /// It was broken in BASE and holds in NEW.
    Repaired,
    /// It holds on both sides.
    Holds,
}

impl Change {
    /// The words that the pages use.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Change::Broke => "broken in NEW, and not in BASE",
            Change::StillBroken => "broken on both sides",
            Change::Untested => "not tested on both sides",
            Change::Repaired => "repaired",
            Change::Holds => "holds on both sides",
        }
    }
}

/// One guarantee on one launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// `ID/LAUNCHER`.
    pub name: String,
    /// What became of it.
    pub change: Change,
    /// What BASE says of it; `absent` where it says nothing.
    pub base: String,
    /// What NEW says, likewise.
    pub new: String,
}

impl Kept {
    /// Whether one of the sides says nothing of it.
    #[must_use]
    pub fn is_only_on_one_side(&self) -> bool {
        self.base == ABSENT || self.new == ABSENT
    }
}

/// Said where a side says nothing.
const ABSENT: &str = "absent";

/// All guarantees of both sides, worst first.
pub(super) fn compare(base: &Side, new: &Side) -> Vec<Kept> {
    let (base, new) = (words(base), words(new));
    let names: BTreeSet<&String> = base.keys().chain(new.keys()).copied().collect();
    let mut all: Vec<Kept> = names
        .into_iter()
        .map(|name| {
            let word = |side: &BTreeMap<&String, &str>| (*side.get(name).unwrap_or(&ABSENT)).to_owned();
            let (base, new) = (word(&base), word(&new));
            Kept { name: name.clone(), change: change(&base, &new), base, new }
        })
        .collect();
    all.sort_by(|a, b| (a.change, &a.name).cmp(&(b.change, &b.name)));
    all
}

/// The worst that any run of a side says of each.
fn words(side: &Side) -> BTreeMap<&String, &str> {
    let mut worst: BTreeMap<&String, &str> = BTreeMap::new();
    for (name, word) in side.runs.iter().flat_map(|run| &run.guarantees) {
        let kept = worst.entry(name).or_insert(word);
        if rank(word) < rank(kept) {
            *kept = word;
        }
    }
    worst
}

/// Place of a word among the verdicts, worst first; what is not known comes last.
fn rank(word: &str) -> usize {
    Verdict::ALL.iter().position(|verdict| verdict.word() == word).unwrap_or(Verdict::ALL.len())
}

fn change(base: &str, new: &str) -> Change {
    let (broken, holds) = (Verdict::Broken.word(), Verdict::Holds.word());
    match (base, new) {
        (base, new) if base == holds && new == holds => Change::Holds,
        (base, new) if base == holds && new == broken => Change::Broke,
        (base, new) if base == broken && new == holds => Change::Repaired,
        (base, new) if base == broken && new == broken => Change::StillBroken,
        _ => Change::Untested,
    }
}
