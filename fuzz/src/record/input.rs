//! Records by their documented fields, with whatever a workload could have printed for texts.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Map, Value, json};

use super::damage::{self, Damage};
use super::fields::{Field, Missing, RECORD, What};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub enum Look {
    /// Reading, and printing again.
    Read,
    /// The pages of one record.
    Pages,
    /// What trackers read.
    Trackers,
    /// The comparison of two records.
    Compare,
}

/// A record, and what is done with it.
#[derive(Debug)]
pub struct Input {
    /// What is looked at.
    pub look: Look,
    /// The record, with the damage, where there is one.
    pub record: Value,
    /// Another one.
    pub other: Value,
    /// What is wrong.
    pub damage: Option<Damage>,
}

impl Arbitrary<'_> for Input {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Input> {
        let (look, damaged, alike) = (Look::arbitrary(u)?, chance(u, 4)?, chance(u, 6)?);
        let mut record = table(RECORD, u, 0)?;
        if chance(u, 4)? {
            relate(&mut record);
        }
        let other = match look {
            Look::Compare if alike => later(&record, u)?,
            Look::Compare => table(RECORD, u, 0)?,
            _ => Value::Null,
        };
        let damage = if damaged && look == Look::Read { damage::draw(&mut record, u)? } else { None };
        Ok(Input { look, record, other, damage })
    }
}

/// True `eighths` times of eight; false when there are no more bytes, so that records end.
fn chance(u: &mut Unstructured<'_>, eighths: u8) -> Result<bool> {
    Ok(u8::arbitrary(u)? % 8 >= 8 - eighths)
}

fn table(fields: &[Field], u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let mut object = Map::new();
    for field in fields {
        if field.missing == Missing::Refused || chance(u, 5)? {
            object.insert(field.name.to_owned(), draw(&field.what, u, depth + 1)?);
        } else if field.missing == Missing::Null && chance(u, 4)? {
            object.insert(field.name.to_owned(), Value::Null);
        }
    }
    Ok(Value::Object(object))
}

fn draw(what: &What, u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    Ok(match what {
        What::Text => text(u)?.into(),
        What::Flag => bool::arbitrary(u)?.into(),
        What::Count(most) => count(u, *most)?.into(),
        What::Number => number(u)?.into(),
        What::Texts => list(u, 2, |u| Ok(text(u)?.into()))?,
        What::Counts(most) => counts(u, *most)?,
        What::Numbers(Some(length)) => {
            Value::Array((0..*length).map(|_| Ok(number(u)?.into())).collect::<Result<_>>()?)
        }
        What::Numbers(None) => list(u, 4, |u| Ok(number(u)?.into()))?,
        What::Word(words) => (*u.choose(words)?).into(),
        What::TextMap => map(u, |u| Ok(text(u)?.into()))?,
        What::Map(what) => map(u, |u| draw(what, u, depth))?,
        What::Any => any(u, 0)?,
        What::Table(fields) => table(fields, u, depth)?,
        What::Tables(fields) => list(u, if depth > 3 { 2 } else { 3 }, |u| table(fields, u, depth))?,
        What::Tagged(kinds) => {
            let (word, fields) = u.choose(kinds)?;
            let mut object = table(fields, u, depth)?;
            object["is"] = (*word).into();
            object
        }
        What::Named(words, kinds) if chance(u, 2)? || words.is_empty() => {
            let (word, fields) = u.choose(kinds)?;
            json!({*word: table(fields, u, depth)?})
        }
        What::Named(words, _) => (*u.choose(words)?).into(),
    })
}

fn list(
    u: &mut Unstructured<'_>,
    most: usize,
    mut item: impl FnMut(&mut Unstructured<'_>) -> Result<Value>,
) -> Result<Value> {
    let length = u.int_in_range(0..=most)?;
    Ok(Value::Array((0..length).map(|_| item(u)).collect::<Result<_>>()?))
}

fn map(
    u: &mut Unstructured<'_>,
    mut value: impl FnMut(&mut Unstructured<'_>) -> Result<Value>,
) -> Result<Value> {
    let mut object = Map::new();
    for _ in 0..u.int_in_range(0..=2)? {
        object.insert(text(u)?, value(u)?);
    }
    Ok(Value::Object(object))
}

fn count(u: &mut Unstructured<'_>, most: u64) -> Result<u64> {
    const OTHERS: [u64; 10] = [0, 1, 2, 3, 999, 1_000_000, 1 << 31, 1 << 32, 1 << 63, u64::MAX];
    let free = chance(u, 2)?;
    Ok(if free { u64::arbitrary(u)? } else { *u.choose(&OTHERS)? }.min(most))
}

/// Samples: few of any size, or many around one, as they are taken.
fn counts(u: &mut Unstructured<'_>, most: u64) -> Result<Value> {
    let length: usize = *u.choose(&[0, 1, 2, 3, 6, 10, 11, 40])?;
    if length < 7 {
        return Ok(Value::Array((0..length).map(|_| Ok(count(u, most)?.into())).collect::<Result<_>>()?));
    }
    let (first, step) = (count(u, most)?, u64::from(u8::arbitrary(u)?));
    let sample = |place: u64| first.saturating_add(place * 7 % 11 * step).min(most);
    Ok((0..length as u64).map(sample).collect())
}

fn number(u: &mut Unstructured<'_>) -> Result<f64> {
    const OTHERS: [f64; 12] = [0.0, -0.0, 1.0, 0.5, 0.01, -1.0, 1e15, 1e300, 5e-324, f64::MAX, f64::MIN, 0.1];
    if chance(u, 2)? {
        let free = f64::from_bits(u64::arbitrary(u)?);
        return Ok(if free.is_finite() { free } else { 0.0 });
    }
    Ok(*u.choose(&OTHERS)?)
}

/// What names and findings hold: words, and what a hostile workload or host would print.
const TEXTS: &[&str] = &[
    "core",
    "runc",
    "pid namespace",
    "umask-exact",
    "primitive-ladder",
    "child",
    "",
    " ",
    "a|b\\|c",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=y>",
    "]]>",
    "<!--",
    "-->",
    "</details>",
    "&lt;&amp;&",
    "`",
    "``` \n```",
    "two\n\nparagraphs",
    "\r\n| --- |",
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "\u{202e}\u{2066}",
    "\u{0}\u{1}\u{7f}\u{85}",
    "\u{fffe}\u{ffff}",
    "@everyone",
    "[x](javascript:alert(1))",
    "{{7*7}}",
    "# x",
    "\\",
    "ü",
    "\u{1f980}",
];

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for _ in 0..u.int_in_range(0..=2)? {
        text.push_str(u.choose(TEXTS)?);
    }
    // Longer than any page shows, and now and then longer than a summary may be.
    let times = match u8::arbitrary(u)? {
        0..=253 => 1,
        255 if chance(u, 1)? => 20_000,
        _ => 200,
    };
    Ok(if text.is_empty() { "core".repeat(times) } else { text.repeat(times) })
}

fn any(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    Ok(match u.int_in_range(0..=if depth > 2 { 3 } else { 5 })? {
        0 => Value::Null,
        1 => text(u)?.into(),
        2 => count(u, u64::MAX)?.into(),
        3 => number(u)?.into(),
        4 => list(u, 2, |u| any(u, depth + 1))?,
        _ => map(u, |u| any(u, depth + 1))?,
    })
}

/// Names what refers to others by names that are there, so that pairs and launchers are found.
fn relate(record: &mut Value) {
    let first = record.pointer("/launchers/0/name").cloned();
    for kind in ["guarantees", "costs", "mutants", "sweeps"] {
        let items = record.get_mut(kind).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            item["launcher"] = first.clone().unwrap_or_else(|| item["launcher"].clone());
        }
    }
    for cost in record["costs"].as_array_mut().into_iter().flatten() {
        let name = cost.pointer("/series/0/name").cloned();
        for series in cost["series"].as_array_mut().into_iter().flatten().skip(1) {
            series["against"] = name.clone().into();
        }
    }
    let cost = record.pointer("/costs/0").cloned().unwrap_or_default();
    for judged in record.get_mut("comparisons").and_then(Value::as_array_mut).into_iter().flatten() {
        for (field, way) in [("cost", "/id"), ("a", "/series/0/name"), ("b", "/series/1/name")] {
            if let Some(name) = cost.pointer(way) {
                judged[field] = name.clone();
            }
        }
    }
}

/// The same again, later, with samples that are larger by a factor.
fn later(record: &Value, u: &mut Unstructured<'_>) -> Result<Value> {
    let (mut again, times) = (record.clone(), f64::from(*u.choose(&[1.0_f32, 1.001, 1.5, 0.5, 1e9])?));
    again["started"] = (record["started"].as_u64().unwrap_or_default() / 2).into();
    let costs = again["costs"].as_array_mut().into_iter().flatten();
    for series in costs.filter_map(|cost| cost["series"].as_array_mut()).flatten() {
        for sample in series["samples"].as_array_mut().into_iter().flatten() {
            *sample = ((sample.as_f64().unwrap_or_default() * times) as u64).into();
        }
    }
    Ok(again)
}
