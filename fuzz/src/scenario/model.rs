//! What a drawn file means, by its documented keys alone.

use serde_json::{Map, Value};

use super::input::PATHS;
use super::keys::{EXPECT, Key, What};
use super::tree::Node;

/// Whether a text somewhere in it has a placeholder: a name in braces, beginning with a small letter.
#[must_use]
pub fn has_placeholder(node: &Node) -> bool {
    match node {
        Node::Text(text) => text
            .split('{')
            .skip(1)
            .any(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()) && rest.contains('}')),
        Node::List(items) => items.iter().any(has_placeholder),
        Node::Table(entries) => entries.iter().any(|(_, node)| has_placeholder(node)),
        _ => false,
    }
}

/// Holds what was read against what was drawn, and says where they differ.
///
/// # Errors
/// With the way to the difference.
pub fn same(seen: &Value, drawn: Option<&Node>, what: &What) -> Result<(), String> {
    let Some(drawn) = drawn else {
        return if *seen == absent(what) || seen.is_null() {
            Ok(())
        } else {
            Err(format!(": {seen} where nothing is written"))
        };
    };
    match (what, drawn) {
        (What::Table(keys), _) => table(seen, drawn, keys),
        (What::Tables(keys), Node::List(items)) => all(seen, items, &What::Table(keys)),
        (What::Edits, Node::List(items)) => items_alike(seen, items.iter().map(edit)),
        (What::Facts, Node::Table(facts)) => {
            let Value::Object(seen) = seen else { return Err(format!(": {seen} is no table of facts")) };
            if seen.len() != facts.len() {
                return Err(format!(": {} facts, {} written", seen.len(), facts.len()));
            }
            facts.iter().try_for_each(|(path, expected)| {
                let found = seen.get(printed(path)).unwrap_or(&Value::Null);
                table(found, expected, EXPECT).map_err(|problem| format!(".{path}{problem}"))
            })
        }
        (What::Path, Node::Text(path)) => equal(seen, &printed(path).into()),
        (What::Number, number) => equal(seen, &as_float(number)),
        (What::Numbers(_), Node::List(numbers)) => items_alike(seen, numbers.iter().map(as_float)),
        _ => equal(seen, &drawn.json()),
    }
}

/// What stands for a key that is not written.
fn absent(what: &What) -> Value {
    match what {
        What::Flag => false.into(),
        What::Text => "".into(),
        What::Count(_) | What::Signed => 0.into(),
        What::Numbers(one) => Value::Array(vec![(*one).into()]),
        What::Word(words) => words[0].into(),
        What::Texts | What::Against | What::Edits | What::Plan | What::Tables(_) => Value::Array(Vec::new()),
        What::TextMap | What::Facts | What::Map(_) => Value::Object(Map::new()),
        // All of its keys as without it.
        What::Table(keys) => keys.iter().map(|key| (key.name.to_owned(), absent(&key.what))).collect(),
        _ => Value::Null,
    }
}

fn table(seen: &Value, drawn: &Node, keys: &[Key]) -> Result<(), String> {
    let Value::Object(fields) = seen else { return Err(format!(": {seen} is no table")) };
    if let Some(odd) = fields.keys().find(|field| !keys.iter().any(|key| key.name == *field)) {
        return Err(format!(".{odd} is not documented"));
    }
    keys.iter().try_for_each(|key| {
        let field = fields.get(key.name).unwrap_or(&Value::Null);
        same(field, drawn.get(key.name), &key.what).map_err(|problem| format!(".{}{problem}", key.name))
    })
}

fn all(seen: &Value, items: &[Node], what: &What) -> Result<(), String> {
    let list = seen.as_array().filter(|list| list.len() == items.len());
    let list = list.ok_or_else(|| format!(": {seen} is no list of {}", items.len()))?;
    list.iter().zip(items).enumerate().try_for_each(|(index, (seen, item))| {
        same(seen, Some(item), what).map_err(|problem| format!("[{index}]{problem}"))
    })
}

fn items_alike(seen: &Value, wanted: impl Iterator<Item = Value>) -> Result<(), String> {
    equal(seen, &Value::Array(wanted.collect()))
}

fn equal(seen: &Value, wanted: &Value) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!(": {seen}, written {wanted}")) }
}

/// An edit with its path as it is printed.
fn edit(node: &Node) -> Value {
    let mut edit = node.json();
    for key in ["set", "append", "remove"] {
        if let Some(Node::Text(path)) = node.get(key) {
            edit[key] = printed(path).into();
        }
    }
    edit
}

fn printed(path: &str) -> &str {
    PATHS.iter().find(|(written, _)| *written == path).map_or(path, |(_, printed)| printed)
}

fn as_float(node: &Node) -> Value {
    match node {
        Node::Float(number) => (*number).into(),
        Node::Integer(number) => (*number as f64).into(),
        other => other.json(),
    }
}
