//! Placeholders in scenario files: `"{canary.pid}"`, `"{dir}/lower"`.
//!
//! A text that is one placeholder and nothing else becomes the value itself, number or list too; inside a longer text
//! the value is written out. A brace that opens no known placeholder is left alone.

use serde_json::Value;

use crate::path::Path;

/// A placeholder that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("placeholder {{{0}}} leads to nothing; there are: {1}")]
pub(crate) struct Unknown(String, String);

/// Fills in the placeholders of a value, from a tree of values.
///
/// # Errors
/// When a placeholder leads nowhere.
pub(crate) fn fill(value: &Value, values: &Value) -> Result<Value, Unknown> {
    Ok(match value {
        Value::String(text) => fill_text(text, values)?,
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill(item, values)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => {
            let filled = object.iter().map(|(key, value)| Ok((key.clone(), fill(value, values)?)));
            Value::Object(filled.collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

/// Whether there is anything to fill in.
#[must_use]
pub(crate) fn has_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => next(text).is_some(),
        Value::Array(items) => items.iter().any(has_placeholder),
        Value::Object(object) => object.values().any(has_placeholder),
        _ => false,
    }
}

fn fill_text(text: &str, values: &Value) -> Result<Value, Unknown> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = next(rest) {
        let value =
            Path::parse(name).ok().and_then(|path| path.find(values)).ok_or_else(|| unknown(name, values))?;
        if before.is_empty() && after.is_empty() && filled.is_empty() {
            return Ok(value.clone());
        }
        filled.push_str(before);
        filled.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        rest = after;
    }
    filled.push_str(rest);
    Ok(Value::String(filled))
}

/// The first placeholder: the text before it, its name, the text after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let (name, after) = text[at + 1..].split_once('}')?;
        let is_name = name.starts_with(|first: char| first.is_ascii_lowercase());
        is_name.then_some((&text[..at], name, after))
    })
}

fn unknown(name: &str, values: &Value) -> Unknown {
    let known = values.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>().join(", "));
    Unknown(name.into(), known.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fills_whole_values_and_parts_of_texts() {
        let values = json!({"canary": {"pid": 7, "socket": "s"}, "dir": "/tmp/x"});
        let text = json!({"pid": "{canary.pid}", "options": ["lowerdir={dir}/a:{dir}/b"], "n": 1});
        let want = json!({"pid": 7, "options": ["lowerdir=/tmp/x/a:/tmp/x/b"], "n": 1});
        assert_eq!(fill(&text, &values).unwrap(), want);
        assert!(has_placeholder(&text) && !has_placeholder(&want));
    }

    #[test]
    fn a_brace_before_it_hides_no_placeholder() {
        let text = json!("{\"root\": \"{dir}\", {X} {");
        assert_eq!(fill(&text, &json!({"dir": "/x"})).unwrap(), json!("{\"root\": \"/x\", {X} {"));
    }

    #[test]
    fn unknown_placeholders_are_named() {
        let error = fill(&json!("{nobody}"), &json!({"dir": 1})).unwrap_err();
        assert_eq!(error.to_string(), "placeholder {nobody} leads to nothing; there are: dir");
    }
}
