//! Verdicts: what a check and its positive control say together.

use crate::record::{Guarantee, Outcome};

/// What a check says about a launcher, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A fact contradicts the promise.
    Broken,
    /// It looks as if it held, but the positive control stayed green too: the oracle cannot see a failure.
    Unproven,
    /// Nothing can be said here.
    NotTestable,
    /// The launcher has no such feature.
    NotOffered,
    /// Inside and outside agree that it holds.
    Holds,
}

impl Verdict {
    /// All of them, worst first.
    pub const ALL: [Verdict; 5] =
        [Verdict::Broken, Verdict::Unproven, Verdict::NotTestable, Verdict::NotOffered, Verdict::Holds];

    /// The word that the pages use.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Broken => "broken",
            Verdict::Unproven => "unproven",
            Verdict::NotTestable => "not testable",
            Verdict::NotOffered => "not offered",
            Verdict::Holds => "holds",
        }
    }

    /// A sign of one column.
    pub fn sign(self) -> &'static str {
        match self {
            Verdict::Broken => "✗",
            Verdict::Unproven => "!",
            Verdict::NotTestable => "?",
            Verdict::NotOffered => "–",
            Verdict::Holds => "✓",
        }
    }

    /// The verdict of one result, doubted where its control did not turn red.
    pub(crate) fn of(guarantee: &Guarantee) -> Verdict {
        match (&guarantee.outcome, guarantee.control_red) {
            (Outcome::Broken, _) => Verdict::Broken,
            (Outcome::Holds, Some(false)) => Verdict::Unproven,
            (Outcome::Holds, _) => Verdict::Holds,
            (Outcome::NotOffered { .. }, _) => Verdict::NotOffered,
            (Outcome::NotTestable { .. }, _) => Verdict::NotTestable,
        }
    }
}
