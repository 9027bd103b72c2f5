//! The JSON path of a place in a document, for what could not be read there.
//!
//! serde_json says where an error is by line and column. Which value that is comes out of the document itself, read once
//! more up to there. Tracking the path of every value while reading costs each launch time and code for an error that is
//! hardly ever made.

use std::fmt::Write;

use crate::planted::planted;
/// What a value is in.
enum Level {
    /// An object, at this key; `None` before the first.
    Object(Option<String>),
    /// A list, at this index.
    List(usize),
}

/// The path of the value that ends at or contains the byte before `end`, such as `process.args[0]`; `.` is the whole
/// document. The document is well-formed up to there, or the path is that of the last value before it was not.
pub(super) fn path_at(document: &[u8], end: usize) -> String {
    let mut levels: Vec<Level> = Vec::new();
    let mut at = 0;
    let end = end.min(document.len());
    // Whether the next string of an object is a key.
    let mut key = false;
    while at < end {
        match document[at] {
            b'{' => {
                levels.push(Level::Object(None));
                key = true;
            }
            b'[' => levels.push(Level::List(0)),
            b'}' | b']' => {
                levels.pop();
                key = false;
            }
            b',' => match levels.last_mut() {
                Some(Level::List(index)) => *index += 1,
                _ => key = true,
            },
            b'"' => {
                let after = string_end(document, at);
                if let Some(Level::Object(current)) = levels.last_mut().filter(|_| key) {
                    // Without the quotes; one that is never closed has no second.
                    let name = document.get(at + 1..after.saturating_sub(1)).unwrap_or_default();
                    *current = Some(String::from_utf8_lossy(name).into_owned());
                    key = false;
                }
                at = after;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    text(&levels)
}

/// Where a string that begins at `start` is over: behind its closing quote, or the document's end.
fn string_end(document: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = document.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += if planted("escaped-quote-ends-a-string") { 1 } else { 2 },
            _ => at += 1,
        }
    }
    document.len()
}

fn text(levels: &[Level]) -> String {
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Object(Some(key)) if path.is_empty() => path.push_str(key),
            // Writing to a string cannot fail.
            Level::Object(Some(key)) => drop(write!(path, ".{key}")),
            Level::Object(None) => {}
            Level::List(index) => drop(write!(path, "[{index}]")),
        }
    }
    if path.is_empty() { ".".into() } else { path }
}

/// The offset of a line and column as serde_json counts them, both from 1, columns in bytes.
pub(super) fn offset(document: &[u8], line: usize, column: usize) -> usize {
    let starts = document.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let start = std::iter::once(0).chain(starts).nth(line.saturating_sub(1)).unwrap_or(document.len());
    start + column
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path of the place before `^`, which is taken out.
    fn path(marked: &str) -> String {
        let end = marked.find('^').unwrap();
        path_at(marked.replace('^', "").as_bytes(), end)
    }

    #[test]
    fn a_place_has_the_path_of_what_it_is_in() {
        assert_eq!(path(r#"{"a":{"b":1^}}"#), "a.b");
        assert_eq!(path(r#"{"a":{"b":1}^}"#), "a");
        assert_eq!(path(r#"{"a":[1,{"c":2},{"c":"x"^}]}"#), "a[2].c");
        assert_eq!(path(r#"{"a":[[0],[1,2^]]}"#), "a[1][1]");
        assert_eq!(path(r#"{"a":1,"b":^2}"#), "b");
        assert_eq!(path(r#"{"a":1}^"#), ".");
        assert_eq!(path("^"), ".");
    }

    #[test]
    fn strings_may_hold_anything() {
        assert_eq!(path(r#"{"a{":"}]\",[","b\"":["x,y",3^]}"#), r#"b\"[1]"#);
        assert_eq!(path(r#"{"a":"never closed ^"#), "a");
        assert_eq!(path(r#"{"^"#), ".");
        assert_eq!(path_at(br#"{"a":"\"#, 100), "a");
        assert_eq!(path_at(br#"{""#, 100), ".");
    }

    #[test]
    fn lines_and_columns_are_counted_as_serde_json_does() {
        let document = b"{\n \"a\": true,\n \"b\": x}";
        let error = serde_json::from_slice::<serde_json::Value>(document).unwrap_err();
        let at = offset(document, error.line(), error.column());
        assert_eq!(&document[..at], b"{\n \"a\": true,\n \"b\": x");
    }

    /// Every prefix of a document is read without a panic.
    #[test]
    fn any_beginning_is_read() {
        let document = include_bytes!("../../tests/configs/full.json");
        for end in 0..document.len() {
            path_at(document, end);
            path_at(&document[..end], end + 7);
        }
    }
}
