//! Scenario files: what is right is read as it was meant, what is wrong is refused with file, line, key and problem.

pub mod bytes;
pub mod damage;
pub mod input;
pub mod keys;
pub mod model;
pub mod names;
pub mod seen;
pub mod tree;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use isolab_scenarios::cost::ladder::Ladder;
use isolab_scenarios::interference::declaration::Matrix;
use isolab_scenarios::schema::{self, Error, Guarantee};
use serde_json::Value;

use crate::target::{Target, draw};
use damage::{Damage, Mistake};
use input::{Input, Kind};
use keys::What;
use tree::{Step, Written};

/// See above.
pub const TARGET: Target = Target { name: "scenario", holds: scenario, show, live: false };

/// How the file is called.
const FILE: &str = "drawn.toml";

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn scenario(bytes: &[u8]) {
    let Some(input) = draw::<Input>(bytes) else { return };
    let written = Written::of(&input.tree, input.choices);
    let read = read(input.kind, &written.text);
    match (&input.damage, read) {
        (None, Ok(seen)) => {
            let declared = schema::kind(FILE, &written.text);
            assert_eq!(declared.map(name), Ok(name_of(input.kind)), "its kind");
            if let Err(problem) = model::same(&seen, Some(&input.tree), &What::Table(input.kind.keys())) {
                panic!("it means something else: {problem}\n{}", written.text);
            }
        }
        (None, Err(error)) => panic!("{error}\nwhere nothing is wrong:\n{}", written.text),
        (Some(damage), Ok(_)) => panic!("{damage:?} is not seen:\n{}", written.text),
        (Some(damage), Err(error)) => refused(damage, &error, &written),
    }
}

/// Whether the input is a file that is right.
#[must_use]
pub fn is_accepted(bytes: &[u8]) -> bool {
    draw::<Input>(bytes)
        .is_some_and(|input| read(input.kind, &Written::of(&input.tree, input.choices).text).is_ok())
}

fn read(kind: Kind, text: &str) -> Result<Value, Error> {
    match kind {
        Kind::Guarantee => Guarantee::parse(FILE, text).map(|guarantee| {
            guarantee.expect.iter().for_each(|(path, _)| printed(path));
            seen::guarantee(&guarantee)
        }),
        Kind::Ladder => schema::parse::<Ladder>(FILE, text).map(|ladder| seen::ladder(&ladder)),
        Kind::Matrix => Matrix::parse(FILE, text).map(|matrix| {
            cells(&matrix);
            seen::matrix(&matrix)
        }),
    }
}

/// A refusal names the file, a line of what is wrong, and the problem.
fn refused(damage: &Damage, error: &Error, written: &Written) {
    let shown = || format!("{error}\n{damage:?}\n{}", written.text);
    assert_eq!(error.file, FILE, "{}", shown());
    assert!(!error.problem.is_empty(), "{}", shown());
    let index = match damage.way.get(1) {
        Some(Step::Index(index)) => Some(*index),
        _ => None,
    };
    match damage.way.first() {
        Some(Step::Key(key)) if damage.what != Mistake::NoFacts => {
            let lines = written.lines(key, index);
            let within = lines.is_some_and(|(first, last)| (first..=last).contains(&error.line));
            assert!(within, "it stands in {lines:?}: {}", shown());
        }
        _ => assert!(error.line <= written.text.lines().count().max(1), "{}", shown()),
    }
    // What a victim does is a word or a table, and of neither is it said what is missing.
    let in_work = damage.way.iter().any(|step| *step == Step::Key("work".into()));
    let names = match damage.what {
        Mistake::Unknown => Some(damage::UNKNOWN),
        Mistake::Missing(name) => Some(name),
        Mistake::Against => Some("nobody at all"),
        _ => None,
    };
    let named = names.is_none_or(|name| error.to_string().contains(name));
    assert!(named || in_work || damage.what == Mistake::Missing("expect"), "{}", shown());
}

/// What is printed of a path is the path.
fn printed<P: Display + FromStr + PartialEq + Debug>(path: &P) {
    let text = path.to_string();
    match text.parse::<P>() {
        Ok(again) => assert_eq!(again, *path, "printed as {text}"),
        Err(_) => panic!("{path:?} is printed as {text}, which is no path"),
    }
}

/// Every cell once, each with a name.
fn cells(matrix: &Matrix) {
    let places = matrix.places();
    for (index, place) in places.iter().enumerate() {
        assert!(!places[..index].contains(place), "{place:?} twice");
        let name = matrix.name_of(*place);
        assert!(name.contains(" beside ") || name.contains(" alone"), "{name}");
    }
}

fn name(kind: schema::Kind) -> &'static str {
    match kind {
        schema::Kind::Guarantee => "guarantee",
        schema::Kind::Cost => "cost",
        schema::Kind::Interference => "interference",
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Guarantee => "guarantee",
        Kind::Ladder => "cost",
        Kind::Matrix => "interference",
    }
}

fn show(bytes: &[u8]) -> String {
    let Some(input) = draw::<Input>(bytes) else { return "too few bytes".to_owned() };
    let written = Written::of(&input.tree, input.choices);
    format!("{:?}\n{}", input.damage, written.text)
}
