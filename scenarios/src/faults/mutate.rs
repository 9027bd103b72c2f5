//! Configs that are wrong in one place: each value of a valid one is replaced by each of what does not belong there.
//!
//! Documents are text, not values, because much of what is wrong cannot be said in values: a key twice, a number that no
//! type holds, half of a surrogate pair.

use serde_json::Value;

/// A wrong document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mutant {
    /// The place, such as `process.rlimits[0].soft`; empty for the whole document.
    pub(super) path: String,
    /// What is wrong, such as `negative`.
    pub(super) how: &'static str,
    /// The document.
    pub(super) text: Vec<u8>,
}

impl Mutant {
    pub(super) fn label(&self) -> String {
        let path = if self.path.is_empty() { "the document" } else { &self.path };
        format!("{path}: {}", self.how)
    }
}

/// What a value is replaced by.
#[derive(Clone, Copy)]
struct Wrong {
    how: &'static str,
    /// JSON, or nothing for a value that is not there.
    json: Option<&'static str>,
}

const fn wrong(how: &'static str, json: &'static str) -> Wrong {
    Wrong { how, json: Some(json) }
}

const MISSING: Wrong = Wrong { how: "missing", json: None };
const NULL: Wrong = wrong("null", "null");
const NUMBERS: [Wrong; 9] = [
    wrong("a text instead of a number", "\"7\""),
    wrong("negative", "-1"),
    wrong("-0", "-0"),
    wrong("2^31", "2147483648"),
    wrong("2^32", "4294967296"),
    wrong("2^63", "9223372036854775808"),
    wrong("2^64", "18446744073709551616"),
    wrong("1e400", "1e400"),
    wrong("a fraction", "1.5"),
];
const TEXTS: [Wrong; 8] = [
    wrong("a number instead of a text", "7"),
    wrong("empty", "\"\""),
    wrong("NUL", "\"a\\u0000b\""),
    wrong("a line break", "\"a\\nb\""),
    wrong("half a surrogate pair", "\"\\ud800\""),
    wrong("a way up", "\"../../../../x\""),
    wrong("a list instead of a text", "[]"),
    wrong("unknown", "\"isolab-unknown\""),
];
const FLAGS: [Wrong; 2] =
    [wrong("a text instead of a flag", "\"true\""), wrong("a number instead of a flag", "1")];
const LISTS: [Wrong; 3] = [
    wrong("an object instead of a list", "{}"),
    wrong("a text instead of a list", "\"x\""),
    wrong("empty", "[]"),
];
const OBJECTS: [Wrong; 3] = [
    wrong("a list instead of an object", "[]"),
    wrong("a text instead of an object", "\"x\""),
    wrong("empty", "{}"),
];

/// Stands for the value in the text until it is replaced. No config holds it.
const MARK: &str = "\u{1}isolab\u{1}";
/// As the serializer writes it.
const WRITTEN: &str = "\"\\u0001isolab\\u0001\"";
/// Of a list of plain values only so many are replaced, from each end: what the reader makes of one it makes of all.
const ENDS: usize = 2;

/// Every document that is wrong in one place of this config.
pub(super) fn mutants(config: &Value) -> Vec<Mutant> {
    let mut all = documents(config);
    let mut places = Vec::new();
    walk(config, String::new(), String::new(), &mut places);
    for (path, pointer) in places {
        let Some(value) = config.pointer(&pointer) else { continue };
        for Wrong { how, json } in kinds(value) {
            let text = match json {
                Some(json) => replaced(config, &pointer, json),
                None => removed(config, &pointer),
            };
            all.extend(text.map(|text| Mutant { path: path.clone(), how, text: text.into_bytes() }));
        }
        all.extend(twice(config, &pointer).map(|text| Mutant {
            path: path.clone(),
            how: "twice",
            text: text.into(),
        }));
        if value.is_string() {
            let long = format!("\"{}\"", "x".repeat(70_000));
            let text = replaced(config, &pointer, &long);
            all.extend(text.map(|text| Mutant { path: path.clone(), how: "very long", text: text.into() }));
            all.extend(invalid(config, &pointer).map(|text| Mutant {
                path: path.clone(),
                how: "no UTF-8",
                text,
            }));
        }
    }
    all
}

fn kinds(value: &Value) -> Vec<Wrong> {
    let of: &[Wrong] = match value {
        Value::Number(_) => &NUMBERS,
        Value::String(_) => &TEXTS,
        Value::Bool(_) | Value::Null => &FLAGS,
        Value::Array(_) => &LISTS,
        Value::Object(_) => &OBJECTS,
    };
    [MISSING, NULL].into_iter().chain(of.iter().copied()).collect()
}

/// Places below a value: as isolab names them, and as JSON pointers.
fn walk(value: &Value, path: String, pointer: String, places: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let at = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                places.push((below.clone(), at.clone()));
                walk(value, below, at, places);
            }
        }
        Value::Array(items) => {
            let plain = items.iter().all(|item| !item.is_object() && !item.is_array());
            for (index, item) in items.iter().enumerate() {
                if plain && index >= ENDS && index + ENDS < items.len() {
                    continue;
                }
                let (below, at) = (format!("{path}[{index}]"), format!("{pointer}/{index}"));
                places.push((below.clone(), at.clone()));
                walk(item, below, at, places);
            }
        }
        _ => {}
    }
}

/// The text with something else in a place.
fn replaced(config: &Value, pointer: &str, json: &str) -> Option<String> {
    let mut config = config.clone();
    *config.pointer_mut(pointer)? = MARK.into();
    Some(config.to_string().replacen(WRITTEN, json, 1))
}

fn removed(config: &Value, pointer: &str) -> Option<String> {
    let mut config = config.clone();
    let (parent, last) = split(pointer)?;
    match config.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.remove(&last)),
        Value::Array(items) => drop(items.remove(last.parse().ok()?)),
        _ => return None,
    }
    Some(config.to_string())
}

/// The text with a key or an item twice.
fn twice(config: &Value, pointer: &str) -> Option<String> {
    let (parent, last) = split(pointer)?;
    let value = config.pointer(pointer)?;
    match config.pointer(parent)? {
        Value::Object(_) => replaced(config, pointer, &format!("{value},{}:{value}", Value::from(last))),
        _ => replaced(config, pointer, &format!("{value},{value}")),
    }
}

/// The text with bytes that are no text in a place.
fn invalid(config: &Value, pointer: &str) -> Option<Vec<u8>> {
    let mut config = config.clone();
    *config.pointer_mut(pointer)? = MARK.into();
    let text = config.to_string();
    let at = text.find(WRITTEN)?;
    let mut bytes = text.as_bytes()[..at].to_vec();
    bytes.extend_from_slice(b"\"\xff\xfe\"");
    bytes.extend_from_slice(&text.as_bytes()[at + WRITTEN.len()..]);
    Some(bytes)
}

/// Where the value is, and its own name there.
fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, last) = pointer.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

/// Documents that are wrong as a whole.
fn documents(config: &Value) -> Vec<Mutant> {
    let whole = |how, text: Vec<u8>| Mutant { path: String::new(), how, text };
    let text = config.to_string();
    let mut all = vec![
        whole("empty", Vec::new()),
        whole("no JSON", b"ociVersion: 1.2.0\n".into()),
        whole("null", b"null".into()),
        whole("a list", b"[]".into()),
        whole("an empty object", b"{}".into()),
        whole("a byte order mark", [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat()),
        whole("something after its end", format!("{text} x").into()),
        whole("very deep", "[".repeat(200_000).into()),
    ];
    let cuts = (1..20).map(|part| whole("truncated", text.as_bytes()[..text.len() * part / 20].to_vec()));
    all.extend(cuts);
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text_of(mutants: &[Mutant], path: &str, how: &str) -> String {
        let mutant = mutants.iter().find(|mutant| mutant.path == path && mutant.how == how).unwrap();
        String::from_utf8_lossy(&mutant.text).into_owned()
    }

    #[test]
    fn each_place_is_wrong_in_each_way() {
        let mutants = mutants(&json!({"a": {"n": 1}, "l": ["x"], "x/y": true}));
        let at = |path, how| text_of(&mutants, path, how);
        assert_eq!(at("a.n", "2^63"), r#"{"a":{"n":9223372036854775808},"l":["x"],"x/y":true}"#);
        assert_eq!(at("a.n", "missing"), r#"{"a":{},"l":["x"],"x/y":true}"#);
        assert_eq!(at("a.n", "twice"), r#"{"a":{"n":1,"n":1},"l":["x"],"x/y":true}"#);
        assert_eq!(at("l[0]", "twice"), r#"{"a":{"n":1},"l":["x","x"],"x/y":true}"#);
        assert_eq!(at("l[0]", "half a surrogate pair"), r#"{"a":{"n":1},"l":["\ud800"],"x/y":true}"#);
        assert_eq!(at("x/y", "null"), r#"{"a":{"n":1},"l":["x"],"x/y":null}"#);
        assert!(at("l[0]", "no UTF-8").contains('\u{fffd}'));
    }

    #[test]
    fn long_lists_of_plain_values_are_wrong_at_their_ends() {
        let list: Vec<String> = (0..400).map(|number| number.to_string()).collect();
        let paths: Vec<String> =
            mutants(&json!({ "l": list })).into_iter().map(|mutant| mutant.path).collect();
        let has = |path: &str| paths.iter().any(|one| one == path);
        assert!(has("l[0]") && has("l[1]") && has("l[398]") && has("l[399]") && !has("l[2]"));
    }
}
