//! What is wrong with a config, by the runtime-spec, the kernel's manual pages, and what isolab says that it refuses: the JSON
//! path of each thing, told from the JSON alone.

mod life;
mod linux;
mod mounts;
mod namespaces;
mod paths;
mod process;
mod resources;

use std::collections::BTreeSet;

use serde_json::Value;

pub use mounts::{Kind as MountKind, is_root, kinds as mount_kinds};
pub(super) use mounts::{is_data, place as place_of};
pub use namespaces::Own;
pub(super) use namespaces::file_of;

/// Where something is wrong.
#[derive(Debug, Default)]
pub struct Wrong {
    /// By JSON path.
    pub paths: BTreeSet<String>,
}

impl Wrong {
    fn when(&mut self, wrong: bool, path: impl Into<String>) {
        if wrong {
            self.paths.insert(path.into());
        }
    }

    /// A string for the kernel has no NUL.
    fn text(&mut self, text: &str, path: &str) {
        self.when(text.contains('\0'), path);
    }

    /// A path in the container: absolute, and no longer than the kernel takes with the NUL at its end.
    fn inside(&mut self, text: &str, path: &str) {
        self.when(!text.starts_with('/') || text.len() > 4095 || text.contains('\0'), path);
    }
}

/// Everything that is wrong with a config that can be read.
#[must_use]
pub fn wrong(spec: &Value) -> BTreeSet<String> {
    let mut wrong = Wrong::default();
    let own = Own::of(spec);
    wrong.when(!is_version(text(&spec["ociVersion"])), "ociVersion");
    wrong.when(spec.get("vm").is_some(), "vm");
    process::process(spec, &own, &mut wrong);
    namespaces::namespaces(spec, &own, &mut wrong);
    mounts::mounts(spec, &own, &mut wrong);
    paths::paths(spec, &own, &mut wrong);
    linux::linux(spec, &own, &mut wrong);
    resources::resources(&spec["linux"]["resources"], &mut wrong);
    life::life(spec, &mut wrong);
    wrong.paths
}

/// What the types of the spec cannot hold, so that the config cannot even be read: lists of CPUs that are none. Of the last property
/// of an object serde_json tells where the object ends.
#[must_use]
pub fn unreadable(spec: &Value) -> BTreeSet<String> {
    let at = "process.execCPUAffinity";
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        [first, last]
            .iter()
            .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let bad = |field: &&str| {
        let list = text(&spec["process"]["execCPUAffinity"][*field]);
        !list.is_empty() && !list.split(',').all(range)
    };
    let fields: Vec<&str> = ["initial", "final"].into_iter().filter(bad).collect();
    let object = fields.first().map(|_| at.to_owned());
    fields.iter().map(|field| format!("{at}.{field}")).chain(object).collect()
}

/// A name that is harmless for directories and groups.
#[must_use]
pub fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
    (1..=128).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with(['-', '.'])
}

/// A semantic version of major 1.
fn is_version(version: &str) -> bool {
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = numbers.split('.').collect();
    parts.len() == 3 && parts[0] == "1" && parts.iter().all(|part| part.parse::<u32>().is_ok())
}

/// A string, empty when it is none.
#[must_use]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A list's elements with their numbers; none when it is no list.
pub fn list(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

/// A list's strings.
#[must_use]
pub fn texts(value: &Value) -> Vec<&str> {
    list(value).map(|(_, one)| text(one)).collect()
}

/// An object's properties; none when it is no object.
pub fn properties(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Numbers of CPUs or nodes, below 1024, as `cpuset(7)` lists them; none when it is no such list.
#[must_use]
pub fn numbers(list: &str) -> Option<BTreeSet<u32>> {
    let mut all = BTreeSet::new();
    if list.trim().is_empty() {
        return Some(all);
    }
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last > 1023 {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}
