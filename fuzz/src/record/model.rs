//! What a record holds when its optional fields are filled in, and where in its text a value stands.

use serde_json::{Map, Value};

use super::fields::{Field, Missing, What};

/// The record with every field.
#[must_use]
pub fn filled(value: &Value, what: &What) -> Value {
    match what {
        What::Table(fields) => Value::Object(table(value, fields)),
        What::Tables(fields) => {
            value.as_array().into_iter().flatten().map(|item| filled(item, &What::Table(fields))).collect()
        }
        What::Tagged(kinds) => {
            let word = value["is"].as_str().unwrap_or_default();
            let fields =
                kinds.iter().find(|(known, _)| *known == word).map_or(&[][..], |(_, fields)| *fields);
            let mut object = table(value, fields);
            object.insert("is".to_owned(), word.into());
            Value::Object(object)
        }
        What::Map(what) => {
            let items = value.as_object().into_iter().flatten();
            items.map(|(name, item)| (name.clone(), filled(item, what))).collect()
        }
        _ => value.clone(),
    }
}

fn table(value: &Value, fields: &[Field]) -> Map<String, Value> {
    let field = |field: &Field| match value.get(field.name) {
        Some(Value::Null) | None => absent(field),
        Some(value) => filled(value, &field.what),
    };
    fields.iter().map(|one| (one.name.to_owned(), field(one))).collect()
}

fn absent(field: &Field) -> Value {
    match (field.missing, &field.what) {
        (Missing::Empty, What::Text) => "".into(),
        (Missing::Empty, What::Count(_)) => 0.into(),
        (Missing::Empty, What::Table(fields)) => {
            fields.iter().map(|field| (field.name.to_owned(), Value::from(0))).collect()
        }
        (Missing::Empty, _) => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

/// The line, from 1, on which the value at a pointer begins when the record is printed with indents.
#[must_use]
pub fn line_of(record: &Value, pointer: &str) -> Option<usize> {
    const MARK: &str = "\u{1}here\u{1}";
    let mut marked = record.clone();
    *marked.pointer_mut(pointer)? = MARK.into();
    let text = serde_json::to_string_pretty(&marked).ok()?;
    text.lines().position(|line| line.contains("\\u0001here\\u0001")).map(|line| line + 1)
}
