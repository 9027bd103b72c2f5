//! `isolab check --inside`: what the isolation of a container looks like from inside alone.
//!
//! Runs as the first process of a container that something else started, or as any other in it. It needs nothing but
//! itself: what `/proc` would tell is unknown where there is none. It changes nothing: files are opened and closed,
//! system calls are tried in a throw-away process with arguments that have no effect.

mod judge;
mod more;
mod seen;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use seen::Seen;

/// The questions, their reasons and remedies.
const CATALOG: &str = include_str!("../../catalog/inside.toml");

/// How good an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// A wall is missing or thin.
    Weak,
    /// It cannot be seen from here.
    Unknown,
}

/// One fact about this container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Such as `seccomp`.
    pub id: String,
    /// A question that `good` answers with yes.
    pub question: String,
    /// What was seen.
    pub found: String,
    /// Whether that is good.
    pub verdict: Verdict,
    /// Why it matters.
    pub why: String,
    /// What would make it good.
    pub remedy: String,
    /// Guarantees of the catalogue that ask the same from outside, too: `isolab check ID`.
    pub guarantees: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    fact: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    question: String,
    why: String,
    remedy: String,
    #[serde(default)]
    guarantees: Vec<String>,
}

/// Looks at the container that this process is in.
///
/// # Errors
/// None in a release: a test reads the catalogue.
pub fn look() -> Result<Vec<Fact>, crate::schema::Error> {
    judge_all(&Seen::now())
}

fn judge_all(seen: &Seen) -> Result<Vec<Fact>, crate::schema::Error> {
    let catalog: Catalog = crate::schema::parse("inside.toml", CATALOG)?;
    let fact = |entry: Entry| {
        let (verdict, found) = judge::find(&entry.id)
            .map_or_else(|| (Verdict::Unknown, "nothing looks at this".into()), |judge| judge(seen));
        let Entry { id, question, why, remedy, guarantees } = entry;
        Fact { id, question, found, verdict, why, remedy, guarantees }
    };
    Ok(catalog.fact.into_iter().map(fact).collect())
}

/// The facts as plain text, weak ones first, with why and remedy for these.
#[must_use]
pub fn text(facts: &[Fact]) -> String {
    let mut text = String::new();
    let mut add = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        if text.write_fmt(line).is_err() {
            unreachable!("a string takes all text");
        }
    };
    let of = |verdict| facts.iter().filter(move |fact| fact.verdict == verdict);
    let count = |verdict| of(verdict).count();
    add(format_args!(
        "This container, seen from inside: {} good, {} weak, {} unknown\n",
        count(Verdict::Good),
        count(Verdict::Weak),
        count(Verdict::Unknown)
    ));
    for fact in of(Verdict::Weak) {
        add(format_args!("\nweak     {}: {}\n", fact.question, fact.found));
        add(format_args!("         why:    {}\n         remedy: {}\n", fact.why, fact.remedy));
        if !fact.guarantees.is_empty() {
            add(format_args!("         checks: {}\n", fact.guarantees.join(", ")));
        }
    }
    for (verdict, word) in [(Verdict::Unknown, "unknown"), (Verdict::Good, "good")] {
        add(format_args!("\n"));
        for fact in of(verdict) {
            add(format_args!("{word:<8} {}: {}\n", fact.question, fact.found));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_a_judge_and_every_judge_a_fact() {
        let facts = judge_all(&Seen::default()).unwrap();
        assert!(facts.len() >= 20);
        let ids: Vec<_> = facts.iter().map(|fact| fact.id.as_str()).collect();
        assert_eq!(ids, judge::IDS.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    }

    #[test]
    fn the_guarantees_are_in_the_catalogue() {
        let known: Vec<String> =
            crate::catalog::guarantees().unwrap().into_iter().map(|one| one.id).collect();
        for fact in judge_all(&Seen::default()).unwrap() {
            for id in &fact.guarantees {
                assert!(known.contains(id), "{}: {id}", fact.id);
            }
        }
    }

    #[test]
    fn where_nothing_can_be_seen_nothing_is_good_or_weak() {
        for fact in judge_all(&Seen::default()).unwrap() {
            assert_eq!(fact.verdict, Verdict::Unknown, "{}: {}", fact.id, fact.found);
        }
    }

    #[test]
    fn text_puts_weak_facts_first_with_their_remedy() {
        let mut facts = judge_all(&Seen::default()).unwrap();
        facts.truncate(2);
        facts[0].verdict = Verdict::Good;
        facts[1].verdict = Verdict::Weak;
        let text = text(&facts);
        assert!(
            text.starts_with("This container, seen from inside: 1 good, 1 weak, 0 unknown\n\nweak"),
            "{text}"
        );
        assert!(text.contains(&format!("remedy: {}", facts[1].remedy)));
    }

    #[test]
    fn looking_works_here() {
        let facts = look().unwrap();
        assert!(facts.iter().filter(|fact| fact.verdict != Verdict::Unknown).count() >= 15);
    }
}
