//! Asked versus got, stated a second time: from the spec and the manual pages alone, over the text of `/proc`.
//!
//! `isolab_core::observe` says the same with the core's own readers and words; a mistake that both sides of that share is seen
//! here. What is covered is what [`crate::drawn::Launchable`] draws.

mod groups;
pub mod inside;
mod mounts;
mod process;
mod refusal;

use std::fmt::Debug;

use serde_json::Value;

use super::outside::Outside;

pub use groups::groups;
pub use refusal::refusals;

/// What is not as it should be, a line each.
#[derive(Debug, Default)]
pub struct Findings(Vec<String>);

impl Findings {
    fn equal<T: PartialEq + Debug>(&mut self, what: &str, asked: T, got: T) {
        if asked != got {
            self.0.push(format!("{what}: asked {asked:?}, got {got:?}"));
        }
    }

    fn check(&mut self, what: &str, asked: &str, got: impl Debug, agrees: bool) {
        if !agrees {
            self.0.push(format!("{what}: asked {asked}, got {got:?}"));
        }
    }

    /// The lines.
    #[must_use]
    pub fn lines(self) -> Vec<String> {
        self.0
    }
}

/// Compares what a config asks for with its workload, seen from outside. `own` is the thread that launched it.
#[must_use]
pub fn compare(spec: &Value, seen: &Outside, own: &Outside) -> Vec<String> {
    let mut findings = Findings::default();
    process::compare(spec, seen, own, &mut findings);
    mounts::compare(spec, seen, &mut findings);
    groups::paths(spec, seen, &mut findings);
    findings.lines()
}

/// Whether a namespace of this kind is listed.
fn lists(spec: &Value, kind: &str) -> bool {
    items(&spec["linux"]["namespaces"]).any(|entry| entry["type"] == kind)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn words(value: &Value) -> Vec<&str> {
    items(value).filter_map(Value::as_str).collect()
}
