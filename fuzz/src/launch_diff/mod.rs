//! `launch_diff`: what core, runc and crun make of one config is the same, or the difference is one that was reviewed.
//!
//! What is compared are the facts of `isolab diff`, read from outside, what the workload's acts came to, and how it ended; a
//! launcher that refuses alone is a difference, too. A container of core's must also be all that was asked for.

mod reviewed;

use std::sync::OnceLock;

use isolab_core::host::Host;
use isolab_scenarios::fuzzed::{Found, Ground, Input, look};
use isolab_scenarios::launcher::{self, Launcher};
use serde_json::Value;

use crate::launch_config;
use crate::live::Worker;
use crate::target::{Target, draw};

pub use reviewed::{REVIEWED, Reviewed, Values, find};

/// The target.
pub const TARGET: Target = Target { name: "launch_diff", holds, show: launch_config::show, live: true };

/// The others that core is compared with, where they are installed.
const OTHERS: [&str; 2] = ["runc", "crun"];

struct Place {
    ground: Ground,
    core: Box<dyn Launcher>,
    others: Vec<Box<dyn Launcher>>,
}

fn holds(bytes: &[u8]) {
    static WORKER: OnceLock<Option<Worker>> = OnceLock::new();
    let start = || Worker::start(TARGET.name, make, one);
    if let Some(worker) = WORKER.get_or_init(start) {
        worker.run(bytes);
    }
}

fn make(host: &'static Host) -> Place {
    let ground = Ground::new(host).unwrap_or_else(|error| panic!("make a place to launch in: {error}"));
    let named = |name: &str| launcher::named(name, host);
    let core = named("core").unwrap_or_else(|error| panic!("{error}"));
    let mut others = Vec::new();
    for name in OTHERS {
        match named(name) {
            Ok(launcher) => others.push(launcher),
            Err(error) => eprintln!("{}: not compared: {error}", TARGET.name),
        }
    }
    Place { ground, core, others }
}

fn one(place: &mut Place, bytes: &[u8]) {
    let Some(input) = draw::<Input>(bytes) else { return };
    let looked = |launcher: &dyn Launcher| {
        look(&place.ground, launcher, &input)
            .unwrap_or_else(|error| panic!("{}: {error}\n{input}", launcher.name()))
    };
    let core = looked(place.core.as_ref());
    assert!(core.missing.is_empty(), "core: asked is not got:\n{}\n{input}", core.missing.join("\n"));
    let mut differences = Vec::new();
    for other in &place.others {
        differences.extend(differing(&input.spec, &core, &looked(other.as_ref())));
    }
    assert!(differences.is_empty(), "not reviewed:\n{}\n{input}", differences.join("\n"));
}

/// Differences that nobody has reviewed, a line each.
#[must_use]
pub fn differing(spec: &Value, core: &Found, other: &Found) -> Vec<String> {
    let name = other.launcher.as_str();
    let mut lines = Vec::new();
    let mut compare = |fact: &str, core: Option<&str>, got: Option<&str>| {
        let values = Values { spec, core, other: got };
        if core != got && find(name, fact, &values).is_none() {
            lines.push(format!("{fact}: core {core:?}, {name} {got:?}"));
        }
    };
    match (&core.refused, &other.refused) {
        (Some(_), Some(_)) => {}
        (None, None) => {
            let mut facts: Vec<&String> = core.facts.keys().chain(other.facts.keys()).collect();
            facts.sort();
            facts.dedup();
            for fact in facts {
                let value = |found: &Found| found.facts.get(fact).cloned();
                compare(fact, value(core).as_deref(), value(other).as_deref());
            }
            for line in other.missing.iter().filter(|line| line.starts_with("left: ")) {
                compare("left", None, Some(line));
            }
        }
        (ours, theirs) => compare("refused", ours.as_deref(), theirs.as_deref()),
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(launcher: &str, facts: &[(&str, &str)]) -> Found {
        let facts = facts.iter().map(|(fact, value)| ((*fact).to_owned(), (*value).to_owned())).collect();
        Found { launcher: launcher.to_owned(), facts, ..Found::default() }
    }

    fn refused(launcher: &str, reason: &str) -> Found {
        Found { refused: Some(reason.to_owned()), ..found(launcher, &[]) }
    }

    #[test]
    fn what_was_not_reviewed_is_told_and_what_was_is_not() {
        let core = found("core", &[("umask", "0022"), ("exit", "7")]);
        let runc = found("runc", &[("umask", "0022"), ("exit", "7"), ("env HOME", "/")]);
        assert_eq!(differing(&json!({}), &core, &runc), Vec::<String>::new());
        let other = found("runc", &[("umask", "0000"), ("exit", "7"), ("env PATH", "/")]);
        let lines = differing(&json!({}), &core, &other);
        assert_eq!(lines.len(), 2, "{lines:?}");
        // The same of a launcher that was not looked at.
        assert_eq!(differing(&json!({}), &core, &Found { launcher: "youki".into(), ..runc }).len(), 1);
    }

    #[test]
    fn a_refusal_is_reviewed_with_its_reason_alone() {
        let core = found("core", &[]);
        let time = json!({"linux": {"namespaces": [{"type": "time"}]}});
        let reason = "namespace {\"time\" \"\"} does not exist";
        assert_eq!(differing(&time, &core, &refused("runc", reason)), Vec::<String>::new());
        assert_eq!(differing(&json!({}), &core, &refused("runc", reason)).len(), 1);
        // crun fails in a time namespace only where the config sets no offsets.
        let mut set = time.clone();
        set["linux"]["timeOffsets"] = json!({"monotonic": {"secs": 1}});
        assert_eq!(differing(&set, &core, &refused("crun", reason)).len(), 1);
        assert_eq!(differing(&time, &refused("core", "no"), &found("runc", &[])).len(), 1);
        assert!(differing(&time, &refused("core", "no"), &refused("runc", "no")).is_empty());
    }

    #[test]
    fn a_mount_is_not_excused_for_another_option() {
        let spec = json!({"linux": {"rootfsPropagation": "private"}, "mounts": [{"destination": "/mnt", "options": ["ro", "private"]}]});
        let core = found("core", &[("mount /mnt", "ext4 ro,nosuid [rw]")]);
        for other in ["ext4 rw,nosuid [rw]", "ext4 ro [rw]", "ext4 ro,nosuid,master [rw]"] {
            let runc = found("runc", &[("mount /mnt", other)]);
            assert_eq!(differing(&spec, &core, &runc).len(), 1, "{other}");
        }
    }
}
