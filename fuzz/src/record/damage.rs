//! One mistake in a record that was right, and where it is.

use arbitrary::{Result, Unstructured};
use serde_json::Value;

use super::fields::{Field, Missing, RECORD, What};

/// A mistake.
#[derive(Debug, Clone)]
pub enum Damage {
    /// A value of another type, at this JSON pointer.
    Type(String),
    /// A field that is needed is missing; the pointer is to its table.
    Missing(String, &'static str),
    /// A word that is none of those there are.
    Word(String),
    /// The record ends before its end: so many of 256 parts of it are there.
    Cut(u8),
    /// A format that this build does not know.
    Newer(u32),
}

/// The word that nobody knows.
const NO_WORD: &str = "perhaps";

/// Makes a mistake.
pub(super) fn draw(record: &mut Value, u: &mut Unstructured<'_>) -> Result<Option<Damage>> {
    let kind = u.int_in_range(0..=4)?;
    if kind == 0 {
        return Ok(Some(Damage::Cut(u.arbitrary()?)));
    }
    if kind == 1 {
        let newer = *u.choose(&[3, 4, 1000, u32::MAX])?;
        record["format"] = newer.into();
        return Ok(Some(Damage::Newer(newer)));
    }
    let mut places = Vec::new();
    walk(record, &What::Table(RECORD), String::new(), &mut places);
    places.retain(|(_, damage)| match damage {
        Damage::Type(_) => kind == 2,
        Damage::Missing(..) => kind == 3,
        _ => kind == 4,
    });
    if places.is_empty() {
        return Ok(None);
    }
    let (pointer, damage) = u.choose(&places)?.clone();
    let Some(place) = record.pointer_mut(&pointer) else { return Ok(None) };
    match &damage {
        Damage::Missing(_, name) => drop(place.as_object_mut().and_then(|object| object.remove(*name))),
        Damage::Word(_) => *place = NO_WORD.into(),
        // No field takes both of these.
        _ => *place = if place.is_boolean() { 7.into() } else { true.into() },
    }
    Ok(Some(damage))
}

type Places = Vec<(String, Damage)>;

fn walk(value: &Value, what: &What, pointer: String, places: &mut Places) {
    if matches!(what, What::Any) || value.is_null() {
        return;
    }
    if !pointer.is_empty() {
        places.push((pointer.clone(), Damage::Type(pointer.clone())));
    }
    match what {
        What::Word(_) => places.push((pointer.clone(), Damage::Word(pointer))),
        What::Named(..) if value.is_string() => places.push((pointer.clone(), Damage::Word(pointer))),
        What::Named(_, kinds) => {
            for (word, fields) in *kinds {
                let inner = value.get(word).map(|inner| (inner, format!("{pointer}/{word}")));
                inner
                    .into_iter()
                    .for_each(|(value, pointer)| walk(value, &What::Table(fields), pointer, places));
            }
        }
        What::Tagged(kinds) => {
            let word = value.get("is").and_then(Value::as_str);
            let is = format!("{pointer}/is");
            places.push((is.clone(), Damage::Word(is)));
            let fields =
                kinds.iter().find(|(known, _)| Some(*known) == word).map_or(&[][..], |(_, fields)| *fields);
            table(value, fields, &pointer, places);
        }
        What::Table(fields) => table(value, fields, &pointer, places),
        What::Tables(fields) => {
            let items = value.as_array().into_iter().flatten().enumerate();
            items.for_each(|(index, item)| {
                walk(item, &What::Table(fields), format!("{pointer}/{index}"), places)
            });
        }
        What::Map(what) => {
            for (name, item) in value.as_object().into_iter().flatten() {
                walk(item, what, format!("{pointer}/{}", escaped(name)), places);
            }
        }
        _ => {}
    }
}

fn table(value: &Value, fields: &[Field], pointer: &str, places: &mut Places) {
    for field in fields {
        if field.missing == Missing::Refused {
            places.push((pointer.to_owned(), Damage::Missing(pointer.to_owned(), field.name)));
        }
        if let Some(inner) = value.get(field.name) {
            walk(inner, &field.what, format!("{pointer}/{}", field.name), places);
        }
    }
}

/// RFC 6901, 3.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
