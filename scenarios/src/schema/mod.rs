//! Scenario files: TOML that a person writes, read strictly.
//!
//! A key that is not known is an error, and every error names the file, the line, the key and what is wrong.

pub mod guarantee;
pub mod json;
pub mod recipe;

use serde::de::DeserializeOwned;

pub use guarantee::Guarantee;
pub use recipe::{Case, Control, Make, PlanEdit, Rig, Second, Swap};

/// What a scenario file can declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something that isolation promises.
    Guarantee,
    /// A launch or an operation, measured.
    Cost,
    /// A victim and an aggressor, measured.
    Interference,
}

/// A scenario file that cannot be read as what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {key}{problem}")]
pub struct Error {
    /// The file, as it was named.
    pub file: String,
    /// From 1; 0 when the fault is the whole file's.
    pub line: usize,
    /// The key on that line, as `` `key`: ``; empty when there is none.
    pub key: String,
    /// What is wrong.
    pub problem: String,
}

/// Reads a scenario file of a known kind.
///
/// # Errors
/// With file, line and key, when the text is no TOML or does not have the shape of `T`.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map(|span| span.start);
        at_offset(file, text, at, error.message().trim().to_owned())
    })
}

/// What the file declares itself to be.
///
/// # Errors
/// When the text is no TOML or its `kind` is missing or unknown.
pub fn kind(file: &str, text: &str) -> Result<Kind, Error> {
    #[derive(serde::Deserialize)]
    struct Head {
        kind: Kind,
    }
    parse::<Head>(file, text).map(|head| head.kind)
}

/// An error at a place in the text. It is told in one line, whatever names are in it.
pub(crate) fn at_offset(file: &str, text: &str, offset: Option<usize>, problem: String) -> Error {
    let problem = problem.replace(['\n', '\r'], " ");
    let Some(offset) = offset else {
        return Error { file: file.into(), line: 0, key: String::new(), problem };
    };
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let key =
        text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map_or("", |(key, _)| key.trim());
    // `[table]` headings and continued values have no key of their own.
    let is_key = !key.is_empty() && !key.starts_with(['[', '{', '#']);
    let key = if is_key { format!("`{key}`: ") } else { String::new() };
    Error { file: file.into(), line, key, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_file_line_and_key() {
        let text = "kind = \"guarantee\"\nid = \"x\"\npromise = 5\n";
        let error = Guarantee::parse("my.toml", text).unwrap_err();
        assert_eq!(error.to_string(), "my.toml:3: `promise`: invalid type: integer `5`, expected a string");
    }

    #[test]
    fn the_kind_is_read_first() {
        assert_eq!(kind("a.toml", "kind = 'cost'\nwhatever = 1").unwrap(), Kind::Cost);
        let error = kind("a.toml", "kind = 'price'").unwrap_err().to_string();
        assert!(error.starts_with("a.toml:1: `kind`: unknown variant `price`"), "{error}");
        assert!(kind("a.toml", "id = 'x'").unwrap_err().to_string().contains("missing field `kind`"));
    }
}
