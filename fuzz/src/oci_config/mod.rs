//! Configs: read, understood, and printed again.
//!
//! A drawn config must be read as what it says; what is damaged in it must be ignored, as the spec demands for unknown
//! properties, or refused under its own JSON path. What is read must be refused for exactly what the model finds wrong, or mean
//! what the model reads in it.

pub mod bytes;
mod damage;
pub mod input;
mod meaning;
pub mod model;

use std::collections::BTreeSet;
use std::path::Path;

use isolab_core::config::{Config, Violations};
use isolab_core::oci::{self, ReadError, Spec};
use serde_json::Value;

use crate::target::{Target, draw};
use damage::Expected;
use input::Input;

/// See above.
pub const TARGET: Target = Target { name: "oci_config", holds: oci_config, show, live: false };

fn show(bytes: &[u8]) -> String {
    draw::<Input>(bytes).map_or_else(
        || "too few bytes".to_owned(),
        |input| {
            let (text, expected) = input.written();
            format!("{text}\n{expected:#?}\nwrong: {:#?}", model::wrong(&input.config.spec))
        },
    )
}

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn oci_config(bytes: &[u8]) {
    let Some(input) = draw::<Input>(bytes) else { return };
    let (text, expected) = input.written();
    match expected {
        Expected::As(spec) => reads_as(&text, &spec, input.id),
        Expected::RefusedAt(place) => {
            // What cannot be read anyway may be met first.
            let before = model::unreadable(&input.config.spec);
            let at = read(text.as_bytes()).expect_err("what is damaged is read");
            assert!(at == place || before.contains(&at), "damaged at {place}, refused at {at}");
        }
        Expected::LikeWithout(spec, place) => {
            let before = model::unreadable(&spec);
            match (read(text.as_bytes()), read(spec.to_string().as_bytes())) {
                (Ok(one), Ok(other)) => assert_eq!(one, other, "what cannot be known is heeded"),
                (Err(at), without) => {
                    assert!(at == place || before.contains(&at), "damaged at {place}, refused at {at}");
                    // A null may be no value of a property that could be left out.
                    assert!(text.contains("null") || without.is_err(), "refused, and read without it");
                }
                (Ok(_), Err(at)) => panic!("read, and without it refused at {at}"),
            }
        }
    }
}

/// A config, or the place where it cannot be read.
fn read(text: &[u8]) -> Result<Spec, String> {
    oci::parse(text).map_err(|error| match error {
        ReadError::Syntax { path, problem, .. } => {
            assert!(
                !path.is_empty() && !problem.is_empty(),
                "a refusal without a place: {path:?} {problem:?}"
            );
            path
        }
        other => panic!("bytes can only be wrong in their syntax: {other}"),
    })
}

/// A text must be read as a config, mean what that says, and stay the same when it is printed and read again.
fn reads_as(text: &str, written: &Value, id: &str) {
    let unreadable = model::unreadable(written);
    let spec = match read(text.as_bytes()) {
        Ok(spec) => spec,
        Err(at) => return assert!(unreadable.contains(&at), "refused at {at}"),
    };
    assert_eq!(unreadable, BTreeSet::new(), "what cannot be read is read");
    let printed =
        serde_json::to_vec(&spec).unwrap_or_else(|error| panic!("what was read can be printed: {error}"));
    assert_eq!(read(&printed).as_ref(), Ok(&spec), "printing and reading is the identity");
    let mut wrong = model::wrong(written);
    if !model::is_plain(id) {
        wrong.insert("container id".into());
    }
    match Config::new(&spec, Path::new(meaning::BUNDLE), id) {
        Ok(config) => {
            assert_eq!(wrong, BTreeSet::new(), "what is wrong is accepted");
            meaning::check(&config, written);
        }
        Err(Violations(all)) => {
            assert!(all.iter().all(|one| !one.problem.is_empty()), "{all:?}");
            let named: BTreeSet<String> = all.iter().map(|one| one.path.clone()).collect();
            assert_eq!(named, wrong, "{}", Violations(all.clone()));
            let again = read(text.as_bytes()).map(|spec| Config::new(&spec, Path::new(meaning::BUNDLE), id));
            assert_eq!(again, Ok(Err(Violations(all))), "refusals are repeatable");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::inputs;

    const COUNT: usize = 2000;

    /// Or what is drawn does not get far.
    #[test]
    fn most_of_what_is_drawn_is_accepted() {
        let accepted = |input: &Input| {
            let spec = &input.config.spec;
            model::wrong(spec).is_empty() && model::unreadable(spec).is_empty()
        };
        let drawn: Vec<Input> = inputs(COUNT, 2048).filter_map(|bytes| draw(&bytes)).collect();
        let right = drawn.iter().filter(|input| accepted(input)).count();
        let damaged = drawn.iter().filter(|input| !matches!(input.written().1, Expected::As(_))).count();
        assert!(drawn.len() == COUNT && right * 10 > COUNT * 6, "{right} of {COUNT} are accepted");
        assert!(damaged * 10 > COUNT * 2, "{damaged} of {COUNT} are damaged");
    }

    #[test]
    fn it_holds_for_what_is_drawn_at_random() {
        inputs(COUNT, 2048).for_each(|bytes| oci_config(&bytes));
        inputs(COUNT, 64).for_each(|bytes| oci_config(&bytes));
    }
}
