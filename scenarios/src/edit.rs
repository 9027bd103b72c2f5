//! Edits on a config by path: the difference between two configs, small enough to read.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::path::{Path, Step};

/// One edit, as a scenario file writes it.
///
/// ```toml
/// set = "process.noNewPrivileges"        # makes the keys that are missing on the way
/// to = false
/// ```
/// ```toml
/// append = "linux.namespaces"            # makes the list when it is missing
/// value = { type = "time" }
/// ```
/// ```toml
/// remove = "linux.namespaces[type=pid]"  # an error when there is nothing to remove
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(!try_from, untagged, deny_unknown_fields)]
pub enum Edit {
    /// Puts a value in place.
    Set {
        /// Where.
        #[schemars(with = "String")]
        set: Path,
        /// What.
        to: Value,
    },
    /// Adds an item to a list.
    Append {
        /// The list.
        #[schemars(with = "String")]
        append: Path,
        /// The item.
        value: Value,
    },
    /// Takes something out.
    Remove {
        /// What.
        #[schemars(with = "String")]
        remove: Path,
    },
}

/// An edit as written; exactly one of the three forms is an [`Edit`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    set: Option<Path>,
    to: Option<Value>,
    append: Option<Path>,
    value: Option<Value>,
    remove: Option<Path>,
}

impl TryFrom<Written> for Edit {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Edit, &'static str> {
        match written {
            Written { set: Some(set), to: Some(to), append: None, value: None, remove: None } => {
                Ok(Edit::Set { set, to })
            }
            Written { append: Some(append), value: Some(value), set: None, to: None, remove: None } => {
                Ok(Edit::Append { append, value })
            }
            Written { remove: Some(remove), set: None, to: None, append: None, value: None } => {
                Ok(Edit::Remove { remove })
            }
            _ => Err("an edit is `set` with `to`, or `append` with `value`, or `remove`"),
        }
    }
}

/// An edit that does not fit the config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} `{path}` in the config: {problem}")]
pub struct Error {
    operation: &'static str,
    path: String,
    problem: &'static str,
}

/// Applies edits in their order.
///
/// # Errors
/// Of the first that does not fit; those before it stay applied.
pub fn apply(config: &mut Value, edits: &[Edit]) -> Result<(), Error> {
    edits.iter().try_for_each(|edit| edit.apply(config))
}

impl Edit {
    /// Applies the edit.
    ///
    /// # Errors
    /// When the path leads through something that is not there (for `remove`: when there is nothing to remove).
    pub fn apply(&self, config: &mut Value) -> Result<(), Error> {
        let (operation, path) = match self {
            Edit::Set { set, .. } => ("set", set),
            Edit::Append { append, .. } => ("append to", append),
            Edit::Remove { remove } => ("remove", remove),
        };
        let fail = |problem| Error { operation, path: path.to_string(), problem };
        match self {
            Edit::Set { set, to } => *make(config, set.steps()).map_err(fail)? = to.clone(),
            Edit::Append { append, value } => {
                let list = make(config, append.steps()).map_err(fail)?;
                if list.is_null() {
                    *list = Value::Array(Vec::new());
                }
                list.as_array_mut().ok_or_else(|| fail("it is not a list"))?.push(value.clone());
            }
            Edit::Remove { remove } => take(config, remove.steps()).map_err(fail)?,
        }
        Ok(())
    }
}

/// The value at the end of the path; objects and keys that are missing on the way are made.
fn make<'v>(at: &'v mut Value, steps: &[Step]) -> Result<&'v mut Value, &'static str> {
    let Some((step, rest)) = steps.split_first() else { return Ok(at) };
    let next = match step {
        Step::Key(key) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            let object =
                at.as_object_mut().ok_or("the path goes by name through something that is no object")?;
            object.entry(key.clone()).or_insert(Value::Null)
        }
        Step::Index(_) | Step::Match(..) | Step::Item(_) => {
            let index = step.position(at).ok_or("no such item in the list")?;
            at.get_mut(index).ok_or("no such item in the list")?
        }
    };
    make(next, rest)
}

fn take(config: &mut Value, steps: &[Step]) -> Result<(), &'static str> {
    const ABSENT: &str = "there is no such thing";
    let (last, way) = steps.split_last().ok_or(ABSENT)?;
    let mut at = config;
    for step in way {
        at = match step {
            Step::Key(key) => at.get_mut(key).ok_or(ABSENT)?,
            Step::Index(_) | Step::Match(..) | Step::Item(_) => {
                let index = step.position(at).ok_or(ABSENT)?;
                at.get_mut(index).ok_or(ABSENT)?
            }
        };
    }
    match last {
        Step::Key(key) => {
            at.as_object_mut().and_then(|object| object.remove(key)).ok_or(ABSENT)?;
        }
        Step::Index(_) | Step::Match(..) | Step::Item(_) => {
            let index = last.position(at).ok_or(ABSENT)?;
            at.as_array_mut().ok_or(ABSENT)?.remove(index);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edit(text: &str) -> Edit {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn sets_appends_and_removes() {
        let mut config = json!({"linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]}});
        edit("remove = 'linux.namespaces[type=pid]'").apply(&mut config).unwrap();
        edit("append = 'linux.maskedPaths'\nvalue = '/x'").apply(&mut config).unwrap();
        edit("set = 'process.user.umask'\nto = 63").apply(&mut config).unwrap();
        let want = json!({"linux": {"namespaces": [{"type": "mount"}], "maskedPaths": ["/x"]},
            "process": {"user": {"umask": 63}}});
        assert_eq!(config, want);
    }

    #[test]
    fn removing_what_is_not_there_is_an_error() {
        let error = edit("remove = 'linux.namespaces[type=pid]'").apply(&mut json!({})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot remove `linux.namespaces[type=pid]` in the config: there is no such thing"
        );
        assert!(toml::from_str::<Edit>("set = 'a'").is_err());
        assert!(toml::from_str::<Edit>("remove = 'a'\nto = 1").is_err());
    }
}
