//! Records: what is written is read, what is damaged is refused with its place, and pages show what they were given, and no more.

pub mod bytes;
pub mod damage;
pub mod fields;
pub mod input;
pub mod model;
pub mod pages;
pub mod xml;

use isolab_reports::compare::{self, Comparison, Options, Side};
use isolab_reports::run::Run;
use isolab_reports::{Record, RecordError, Style};
use serde_json::Value;

use crate::target::{Target, draw};
use damage::Damage;
use fields::{RECORD, What};
use input::{Input, Look};

/// See above.
pub const TARGET: Target = Target { name: "record", holds: record, show, live: false };

/// How the file is called.
const FILE: &str = "drawn.json";

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn record(bytes: &[u8]) {
    let Some(input) = draw::<Input>(bytes) else { return };
    if let Some(damage) = &input.damage {
        return refused(damage, &input.record);
    }
    let record = read(&input.record);
    match input.look {
        Look::Read => printed(&record, &input.record),
        Look::Pages => pages::of(&record),
        Look::Trackers => pages::trackers(&record),
        Look::Compare => compared(&record, &read(&input.other)),
    }
}

fn read(drawn: &Value) -> Record {
    match Record::parse(FILE, drawn.to_string().as_bytes()) {
        Ok(record) => record,
        Err(error) => panic!("{error}\nwhere nothing is wrong:\n{drawn:#}"),
    }
}

/// It says what was drawn, and is read again as the same.
fn printed(record: &Record, drawn: &Value) {
    let text = record.print(FILE).unwrap_or_else(|error| panic!("{error}"));
    let again = Record::parse(FILE, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert!(again == *record, "read again, it is another one:\n{text}");
    let seen: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let wanted = model::filled(drawn, &What::Table(RECORD));
    assert!(seen == wanted, "read:\n{seen:#}\ndrawn:\n{wanted:#}");
    let mut infinite = record.clone();
    infinite.seconds = f64::INFINITY;
    assert!(matches!(infinite.print(FILE), Err(RecordError::Lost { .. })), "JSON has no infinite numbers");
}

/// A refusal names the file and the place.
fn refused(damage: &Damage, drawn: &Value) {
    let mut text = format!("{drawn:#}");
    if let Damage::Cut(parts) = damage {
        text = text.chars().take(text.chars().count() * usize::from(*parts) / 256).collect();
    }
    let error = match Record::parse(FILE, text.as_bytes()) {
        Ok(_) => panic!("{damage:?} is not seen:\n{text}"),
        Err(error) => error,
    };
    assert!(error.to_string().starts_with(FILE), "{error}");
    match (damage, &error) {
        (Damage::Newer(format), RecordError::TooNew { found, newest, .. }) => {
            assert_eq!((found, *newest), (format, 2));
            assert!(error.to_string().contains("this isolab is too old"), "{error}");
        }
        (Damage::Cut(_), RecordError::Syntax { source, .. }) => assert!(source.is_eof(), "{error}"),
        (Damage::Missing(_, name), RecordError::Syntax { .. }) => {
            assert!(error.to_string().contains(name), "{name} is missing: {error}");
        }
        (Damage::Type(pointer) | Damage::Word(pointer), RecordError::Syntax { source, .. }) => {
            let line = model::line_of(drawn, pointer).unwrap_or_default();
            // What has a tag is read whole before it is understood.
            let room = if pointer.contains("/outcome") || pointer.contains("/features") { 4 } else { 0 };
            assert!(
                (line..=line + room).contains(&source.line()),
                "{pointer} is in line {line}: {error}\n{text}"
            );
        }
        _ => panic!("{damage:?} is refused by {error:?}"),
    }
}

/// A comparison is the same every time and in any order, and its pages are as well formed as those of one record.
fn compared(one: &Record, other: &Record) {
    let side = |name: &str, records: &[&Record]| Side {
        name: name.to_owned(),
        runs: records.iter().map(|record| Run::of(record)).collect(),
        writers: Vec::new(),
    };
    let options = Options { across_hosts: one.seconds > 0.0, ..Options::default() };
    let of = |order: &[&Record]| {
        Comparison::of(&side("<BASE>", order), &side("NEW|\n\nx", &[other]), &[], options)
    };
    let first = of(&[one, other]);
    // By their words: numbers that are none differ from themselves.
    let words = |comparison: &Result<Comparison, compare::Error>| format!("{comparison:?}");
    assert_eq!(words(&first), words(&of(&[one, other])), "comparing is deterministic");
    assert_eq!(words(&first), words(&of(&[other, one])), "the order of runs is no matter");
    match first {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(comparison) => {
            pages::markdown(&compare::markdown::render(&comparison));
            pages::terminal(&compare::text::render(&comparison, &Style::PLAIN, 100), Style::PLAIN);
            let asked = compare::junit::Asked::default();
            let junit = compare::junit::render(&comparison, asked);
            xml::well_formed(&junit.unwrap_or_else(|error| panic!("{error}")));
        }
    }
}

fn show(bytes: &[u8]) -> String {
    let Some(input) = draw::<Input>(bytes) else { return "too few bytes".to_owned() };
    format!("{:?} {:?}\n{:#}\n{:#}", input.look, input.damage, input.record, input.other)
}
