//! Paths into a JSON tree: `linux.namespaces[type=pid]`, `outside.mounts["/proc/sys"].options`.
//!
//! A path is a list of steps. `name` goes into an object by key; `["any text"]` does so too, for keys with dots or
//! slashes; `[3]` goes into a list by position; `[key=text]` picks the first object of a list whose `key` is `text`;
//! `[=text]` picks the first item of a list that is `text` itself.

use std::fmt;

use isolab_core::planted::planted;
use serde_json::Value;

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into an object.
    Key(String),
    /// Into a list by position.
    Index(usize),
    /// Into a list, to the first object with this text under this key.
    Match(String, String),
    /// Into a list, to the first item that is this text.
    Item(String),
}

/// A path that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path `{path}`: {problem}")]
pub struct PathError {
    path: String,
    problem: &'static str,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// When a bracket is not closed, or a step is empty.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let fail = |problem| PathError { path: text.into(), problem };
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = bracket(inside).map_err(fail)?;
                steps.push(step);
                rest = after;
            } else {
                let name = if steps.is_empty() { rest } else { rest.strip_prefix('.').unwrap_or(rest) };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                if end == 0 {
                    return Err(fail("a name is missing"));
                }
                steps.push(Step::Key(name[..end].into()));
                rest = &name[end..];
                if rest == "." {
                    return Err(fail("it ends in a dot"));
                }
            }
        }
        if steps.is_empty() { Err(fail("it is empty")) } else { Ok(Path(steps)) }
    }

    /// Through objects by these keys, whatever is in them.
    #[must_use]
    pub(crate) fn keys<const N: usize>(keys: [&str; N]) -> Path {
        const { assert!(N > 0, "a path has a step") };
        Path(keys.map(|key| Step::Key(key.into())).into())
    }

    /// The steps, of which there is at least one.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// What the path leads to in `tree`.
    #[must_use]
    pub fn find<'t>(&self, tree: &'t Value) -> Option<&'t Value> {
        self.0.iter().try_fold(tree, |at, step| match step {
            Step::Key(key) => at.get(key),
            Step::Index(_) | Step::Match(..) | Step::Item(_) => at.as_array()?.get(step.position(at)?),
        })
    }
}

impl Step {
    /// Where in the list `at` this step leads; `None` for steps into objects too.
    #[must_use]
    pub(crate) fn position(&self, at: &Value) -> Option<usize> {
        let items = at.as_array()?;
        match self {
            Step::Key(_) => None,
            Step::Index(index) => (*index < items.len()).then_some(*index),
            Step::Match(key, text) => {
                let found = |item: &Value| item.get(key).is_some_and(|at| is(at, text));
                if planted("last-match-taken") {
                    items.iter().rposition(found)
                } else {
                    items.iter().position(found)
                }
            }
            Step::Item(text) => items.iter().position(|item| is(item, text)),
        }
    }
}

/// Whether a value is this text.
fn is(value: &Value, text: &str) -> bool {
    value.as_str() == Some(text)
}

/// What follows a `[`: the step, and the text after its `]`.
fn bracket(inside: &str) -> Result<(Step, &str), &'static str> {
    if let Some(quoted) = inside.strip_prefix('"') {
        let (key, rest) = quoted.split_once('"').ok_or("a quote is not closed")?;
        let rest = rest.strip_prefix(']').ok_or("a bracket is not closed")?;
        return Ok((Step::Key(key.into()), rest));
    }
    let (body, rest) = inside.split_once(']').ok_or("a bracket is not closed")?;
    let step = match body.split_once('=') {
        Some(("", text)) => Step::Item(text.into()),
        Some((key, text)) => Step::Match(key.into(), text.into()),
        None => Step::Index(body.parse().map_err(|_| "a bracket holds neither a position nor key=text")?),
    };
    Ok((step, rest))
}

/// Whether a key is printed in quotes. One that holds a quote was not read from within quotes, and so is a plain name.
fn is_quoted(key: &str) -> bool {
    let special = key.contains(['.', '/']) || key.contains('[') && !planted("bracket-in-a-key-bare");
    !key.contains('"') && (key.is_empty() || special)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if is_quoted(key) => write!(f, "[\"{key}\"]")?,
                Step::Key(key) if index == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Match(key, text) => write!(f, "[{key}={text}]")?,
                Step::Item(text) => write!(f, "[={text}]")?,
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Path, PathError> {
        Path::parse(text)
    }
}

impl<'de> serde::Deserialize<'de> for Path {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Path, D::Error> {
        let text = String::deserialize(deserializer)?;
        Path::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_by_every_step() {
        let tree = json!({"linux": {"namespaces": [{"type": "pid"}, {"type": "mount", "path": "/x"}],
            "maskedPaths": ["/a", "/b"], "mounts": {"/proc/sys": {"options": ["ro"]}}}});
        let find = |path: &str| Path::parse(path).unwrap().find(&tree).cloned();
        assert_eq!(find("linux.namespaces[type=mount].path"), Some(json!("/x")));
        assert_eq!(find("linux.namespaces[0].type"), Some(json!("pid")));
        assert_eq!(find("linux.maskedPaths[=/b]"), Some(json!("/b")));
        assert_eq!(find("linux.mounts[\"/proc/sys\"].options[0]"), Some(json!("ro")));
        assert_eq!(find("linux.namespaces[type=user]"), None);
        assert_eq!(find("linux.namespaces[2]"), None);
    }

    #[test]
    fn refuses_what_is_no_path_and_prints_what_it_read() {
        for bad in ["", ".", "a.", "a..b", "a[", "a[x]", "a[\"b]"] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
        for good in
            ["a", "a.b[0].c", "a[type=pid]", "a[=/x]", "a[\"/x.y\"].b", "a[\"\"]", "[\"\"].b", "a\"/b"]
        {
            assert_eq!(Path::parse(good).unwrap().to_string(), good);
        }
    }
}
