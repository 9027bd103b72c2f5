//! Ladders that are counted out, not written down: one axis of a launch each, from nothing to what the kernel allows.
//!
//! Everything here is pure: a ladder of the form of the catalogue's files, for [`super::ladder::run`] to climb. Each rung
//! stands alone on the first, so that its difference to the first is what the axis adds.

pub mod filters;
pub mod maps;
pub mod mounts;
pub mod namespaces;
pub mod programs;

use std::time::Duration;

use serde_json::{Value, json};

use super::ladder::{Each, Ladder, Rung};
use crate::edit::Edit;
use crate::path::Path;
use crate::schedule::Limits;
use crate::schema::Kind;
use crate::workload::exit;

/// Limits for a run of some seconds.
pub const QUICK: Limits = Limits { rounds: 200, time: Duration::from_secs(8), seed: 1 };

/// Names of the axes, in the order in which they are measured.
pub const NAMES: [&str; 5] = ["pairs", "maps", "mounts", "filters", "programs"];

/// An axis by its name; `None` for a name that is not among [`NAMES`].
#[must_use]
pub fn named(name: &str) -> Option<Ladder> {
    Some(match name {
        "pairs" => namespaces::ladder(),
        "maps" => maps::ladder(),
        "mounts" => mounts::ladder(),
        "filters" => filters::ladder(),
        "programs" => programs::ladder(),
        _ => return None,
    })
}

/// A ladder whose rungs each stand on the first.
fn alone(id: &str, title: &str, rung: Vec<Rung>) -> Ladder {
    Ladder { kind: Kind::Cost, id: id.into(), title: title.into(), each: Each::Alone, bare: bare(), rung }
}

/// The config of the catalogue's ladders before their first rung: a chroot, and nothing else.
fn bare() -> Value {
    json!({
        "ociVersion": "1.2.0",
        "root": {"path": "rootfs"},
        "mounts": [],
        "process": {"args": [exit::PATH], "cwd": "/", "env": ["PATH=/"], "user": {"uid": 0, "gid": 0}},
        "linux": {"namespaces": []},
    })
}

fn rung(name: impl Into<String>, edits: Vec<Edit>) -> Rung {
    Rung { name: name.into(), edits, full: false, rootless: None }
}

fn set<const N: usize>(keys: [&str; N], to: Value) -> Edit {
    Edit::Set { set: Path::keys(keys), to }
}

fn append<const N: usize>(keys: [&str; N], value: Value) -> Edit {
    Edit::Append { append: Path::keys(keys), value }
}

fn namespace(kind: &str) -> Edit {
    append(["linux", "namespaces"], json!({"type": kind}))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{edit, ready, testing};

    /// Every rung but the first adds something of its own, has a name of its own, and is a config that core reads.
    #[test]
    fn every_rung_is_a_config_of_its_own() {
        let mut values = ready::values(&testing::host());
        values["cgroup"] = "/g".into();
        for name in NAMES {
            let ladder = named(name).unwrap();
            assert_eq!(ladder.each, Each::Alone);
            let mut seen = BTreeSet::new();
            let mut names = BTreeSet::new();
            let mut first = ladder.bare.clone();
            edit::apply(&mut first, &ladder.rung[0].edits).unwrap();
            for (index, rung) in ladder.rung.iter().enumerate() {
                let mut config = first.clone();
                if index > 0 {
                    edit::apply(&mut config, &rung.edits).unwrap();
                }
                let config = ready::filled(&config, &values).unwrap();
                let text = config.to_string();
                let spec = isolab_core::oci::parse(text.as_bytes())
                    .unwrap_or_else(|error| panic!("{name}: {}: {error}", rung.name));
                isolab_core::config::Config::new(&spec, std::path::Path::new("/"), "x")
                    .unwrap_or_else(|error| panic!("{name}: {}: {error}", rung.name));
                assert!(seen.insert(text), "{name}: {} adds nothing", rung.name);
                assert!(names.insert(&rung.name), "{name}: {} twice", rung.name);
            }
        }
        assert_eq!(named("unknown"), None);
    }

    #[test]
    fn bare_is_that_of_the_catalogue() {
        let catalogue: Ladder = crate::schema::parse("spawn.toml", crate::cost::ladder::ALONE).unwrap();
        assert_eq!(catalogue.bare, bare());
    }
}
