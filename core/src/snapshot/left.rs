//! The difference between two looks.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{HostSnapshot, Kind};

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// What kind of thing.
    pub kind: Kind,
    /// Which.
    pub what: String,
    /// How it differs.
    pub how: How,
}

/// How a thing differs from before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It was not there before.
    Appeared {
        /// How it is.
        now: String,
    },
    /// It is not there any more.
    Gone {
        /// How it was.
        before: String,
    },
    /// It is there, and is another.
    Changed {
        /// How it was.
        before: String,
        /// How it is.
        now: String,
    },
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Left { kind, what, how } = self;
        match (kind, how) {
            (Kind::Log, How::Appeared { now }) => write!(f, "the kernel's log says: {now}"),
            (Kind::Unseen, How::Appeared { now }) => write!(f, "cannot be looked at any more: {what}: {now}"),
            (_, How::Appeared { now }) if now.is_empty() => write!(f, "{what} is left"),
            (_, How::Appeared { now }) => write!(f, "{what} is left, {now}"),
            (_, How::Gone { before }) if before.is_empty() => write!(f, "{what} is gone"),
            (_, How::Gone { before }) => write!(f, "{what} is gone, it was: {before}"),
            (_, How::Changed { before, now }) => write!(f, "{what} has changed from {before:?} to {now:?}"),
        }
    }
}

impl HostSnapshot {
    /// What differs in a later look at the same scope: of the thing that causes others first.
    #[must_use]
    pub fn diff(&self, after: &HostSnapshot) -> Vec<Left> {
        let kinds: BTreeSet<&Kind> = self.things.keys().chain(after.things.keys()).collect();
        kinds.into_iter().flat_map(|kind| self.of_kind(after, *kind)).collect()
    }

    fn of_kind(&self, after: &HostSnapshot, kind: Kind) -> Vec<Left> {
        let old = self.things.get(&kind);
        let new = after.things.get(&kind);
        let names: BTreeSet<&String> = old.into_iter().chain(new).flat_map(|things| things.keys()).collect();
        let one = |what: &String| {
            let state = |things: Option<&super::Things>| things.and_then(|things| things.get(what).cloned());
            let how = match (state(old), state(new)) {
                (None, Some(now)) => How::Appeared { now },
                // What can be looked at now tells by itself what is left.
                (Some(_), None) if kind == Kind::Unseen => return None,
                (Some(before), None) => How::Gone { before },
                (Some(before), Some(now)) if before != now => How::Changed { before, now },
                _ => return None,
            };
            Some(Left { kind, what: what.clone(), how })
        };
        names.into_iter().filter_map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Things;

    fn snapshot(kind: Kind, things: &[(&str, &str)]) -> HostSnapshot {
        let things: Things =
            things.iter().map(|(what, state)| ((*what).to_owned(), (*state).to_owned())).collect();
        HostSnapshot { things: [(kind, things)].into() }
    }

    fn lines(kind: Kind, before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
        let left = snapshot(kind, before).diff(&snapshot(kind, after));
        left.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_way_to_differ_is_a_line() {
        let (before, after) = (
            [("a", "1"), ("b", "2"), ("c", "3"), ("d", "")],
            [("b", "2"), ("c", "4"), ("e", "5"), ("f", "")],
        );
        let expected = [
            "a is gone, it was: 1",
            "c has changed from \"3\" to \"4\"",
            "d is gone",
            "e is left, 5",
            "f is left",
        ];
        assert_eq!(lines(Kind::Groups, &before, &after), expected);
        assert!(lines(Kind::Groups, &before, &before).is_empty());
    }

    #[test]
    fn what_cannot_be_looked_at_any_more_differs_and_the_opposite_does_not() {
        assert_eq!(
            lines(Kind::Unseen, &[], &[("/x", "EMFILE")]),
            ["cannot be looked at any more: /x: EMFILE"]
        );
        assert!(lines(Kind::Unseen, &[("/x", "EPERM")], &[]).is_empty());
    }
}
