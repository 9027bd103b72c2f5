//! What is expected of a fact.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::path::Path;
use isolab_core::planted::planted;
use isolab_reports::record::Evidence;

/// Expectations of one fact; all that are given must agree. A fact that is not there agrees with nothing but
/// `exists = false`: absence is never taken for protection.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Equal to this value.
    pub is: Option<Value>,
    /// Anything but this value.
    pub not: Option<Value>,
    /// One of these values.
    pub one_of: Option<Vec<Value>>,
    /// A list with this item, a text with this part, an object with this key.
    pub contains: Option<Value>,
    /// The opposite of `contains`.
    pub lacks: Option<Value>,
    /// A list that holds these items in any order and nothing else.
    pub set: Option<Vec<Value>>,
    /// A list that holds nothing but some of these.
    pub within: Option<Vec<Value>>,
    /// A number, at most this.
    pub at_most: Option<f64>,
    /// A number, at least this.
    pub at_least: Option<f64>,
    /// Whether the fact is there at all.
    pub exists: Option<bool>,
    /// Equal to another fact.
    #[schemars(with = "Option<String>")]
    pub same_as: Option<Path>,
    /// Unequal to another fact, which must be there.
    #[schemars(with = "Option<String>")]
    pub differs_from: Option<Path>,
    /// A list with the same items as another fact, in any order.
    #[schemars(with = "Option<String>")]
    pub same_set_as: Option<Path>,
}

impl Expect {
    /// Whether nothing is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Expect::default()
    }

    /// Holds every expectation against the fact at `path`.
    #[must_use]
    pub fn judge(&self, path: &Path, facts: &Value) -> Vec<Evidence> {
        let found = path.find(facts);
        let mut evidence = Vec::new();
        let mut add = |expected: String, agrees: bool| {
            evidence.push(Evidence { fact: path.to_string(), expected, found: show(found), agrees });
        };
        if let Some(exists) = self.exists {
            add(if exists { "is there".into() } else { "is not there".into() }, found.is_some() == exists);
        }
        for (words, holds) in self.with_values() {
            add(words, found.is_some_and(holds));
        }
        for (words, other, holds) in self.with_facts() {
            let other_value = other.find(facts);
            let agrees = found.zip(other_value).is_some_and(|(found, other)| holds(found, other));
            add(format!("{words} {other} ({})", show(other_value)), agrees);
        }
        evidence
    }

    /// Expectations that need the fact alone.
    fn with_values(&self) -> Vec<Alone<'_>> {
        let mut list: Vec<Alone<'_>> = Vec::new();
        if let Some(is) = &self.is {
            list.push((format!("is {is}"), Box::new(move |found| equal(found, is))));
        }
        if let Some(not) = &self.not {
            list.push((format!("is not {not}"), Box::new(move |found| !equal(found, not))));
        }
        if let Some(one_of) = &self.one_of {
            let words = format!("is one of {}", join(one_of));
            list.push((words, Box::new(move |found| one_of.iter().any(|one| equal(found, one)))));
        }
        if let Some(item) = &self.contains {
            list.push((
                format!("contains {item}"),
                Box::new(move |found| contains(found, item) == Some(true)),
            ));
        }
        if let Some(item) = &self.lacks {
            list.push((format!("lacks {item}"), Box::new(move |found| contains(found, item) == Some(false))));
        }
        if let Some(set) = &self.set {
            let words = format!("is exactly {{{}}}", join(set));
            list.push((
                words,
                Box::new(move |found| found.as_array().is_some_and(|found| same_set(found, set))),
            ));
        }
        if let Some(allowed) = &self.within {
            let words = format!("holds nothing but {}", join(allowed));
            list.push((
                words,
                Box::new(move |found| found.as_array().is_some_and(|found| subset(found, allowed))),
            ));
        }
        if let Some(most) = self.at_most {
            let holds = move |found: &Value| found.as_f64().is_some_and(|found| found <= most);
            list.push((format!("is at most {most}"), Box::new(holds)));
        }
        if let Some(least) = self.at_least {
            let holds = move |found: &Value| found.as_f64().is_some_and(|found| found >= least);
            list.push((format!("is at least {least}"), Box::new(holds)));
        }
        list
    }

    /// Expectations that compare with another fact.
    fn with_facts(&self) -> Vec<Compared<'_>> {
        let mut list: Vec<Compared<'_>> = Vec::new();
        if let Some(other) = &self.same_as {
            list.push(("is the same as", other, equal));
        }
        if let Some(other) = &self.differs_from {
            list.push(("differs from", other, |found, other| !equal(found, other)));
        }
        if let Some(other) = &self.same_set_as {
            let holds = |found: &Value, other: &Value| match (found.as_array(), other.as_array()) {
                (Some(found), Some(other)) => same_set(found, other),
                _ => false,
            };
            list.push(("has the items of", other, holds));
        }
        list
    }
}

/// An expectation in words, and whether a fact meets it.
type Alone<'e> = (String, Box<dyn Fn(&Value) -> bool + 'e>);
/// The same, with the fact that it is compared with.
type Compared<'e> = (&'static str, &'e Path, fn(&Value, &Value) -> bool);

/// Numbers are equal by value (1 and 1.0), everything else as JSON has it.
fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) if a.is_f64() || b.is_f64() || planted("numbers-compared-as-floats") => x == y,
        _ => a == b,
    }
}

/// `None` when `found` is nothing that could contain `item`.
fn contains(found: &Value, item: &Value) -> Option<bool> {
    match found {
        Value::Array(items) => Some(items.iter().any(|one| equal(one, item))),
        Value::Object(object) => Some(object.contains_key(item.as_str()?)),
        Value::String(text) => Some(text.contains(item.as_str()?)),
        _ => None,
    }
}

fn subset(some: &[Value], all: &[Value]) -> bool {
    some.iter().all(|one| all.iter().any(|other| equal(one, other)))
}

fn same_set(a: &[Value], b: &[Value]) -> bool {
    subset(a, b) && subset(b, a)
}

fn join(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

/// A fact as evidence shows it: short, on one line.
fn show(found: Option<&Value>) -> String {
    const LONGEST: usize = 240;
    let Some(found) = found else { return "nothing".into() };
    let text = found.as_str().map_or_else(|| found.to_string(), |text| format!("{text:?}"));
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn agrees(expect: &str, fact: &str) -> bool {
        let facts =
            json!({"n": 5, "text": "seccomp: 2", "list": ["a", "b"], "other": ["b", "a"], "off": false});
        let expect: Expect = toml::from_str(expect).unwrap();
        let evidence = expect.judge(&Path::parse(fact).unwrap(), &facts);
        assert!(!evidence.is_empty());
        evidence.iter().all(|evidence| evidence.agrees)
    }

    #[test]
    fn each_expectation_agrees_and_disagrees() {
        for (expect, fact, want) in [
            ("is = 5", "n", true),
            ("is = 5.0", "n", true),
            ("is = 6", "n", false),
            ("not = 5", "n", false),
            ("one_of = [1, 5]", "n", true),
            ("at_most = 4", "n", false),
            ("at_least = 4\nat_most = 5", "n", true),
            ("contains = 'a'", "list", true),
            ("lacks = 'a'", "list", false),
            ("lacks = 'c'", "list", true),
            ("contains = 'comp'", "text", true),
            ("set = ['b', 'a']", "list", true),
            ("set = ['b']", "list", false),
            ("within = ['a', 'b', 'c']", "list", true),
            ("within = ['a']", "list", false),
            ("same_set_as = 'other'", "list", true),
            ("same_as = 'other'", "list", false),
            ("differs_from = 'n'", "list", true),
            ("exists = true", "off", true),
        ] {
            assert_eq!(agrees(expect, fact), want, "{fact} {expect}");
        }
    }

    #[test]
    fn what_is_not_there_agrees_with_nothing_but_its_absence() {
        for expect in
            ["is = 5", "not = 5", "lacks = 'x'", "at_most = 9", "differs_from = 'n'", "exists = true"]
        {
            assert!(!agrees(expect, "nowhere"), "{expect}");
        }
        assert!(!agrees("differs_from = 'nowhere'", "n"));
        assert!(agrees("exists = false", "nowhere"));
    }
}
