//! This host's hierarchies, and what is in the groups of this process there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use isolab_core::cgroup::{self, Directory};
use isolab_core::host::Host;
use isolab_core::sys::credential;

use super::kernel;
use super::model::At;

/// The controllers whose files are modelled.
const NEEDED: [&str; 5] = ["pids", "memory", "cpu", "cpuset", "freezer"];

/// A hierarchy in which groups can be made.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) mount: PathBuf,
    pub(crate) controllers: Vec<String>,
    pub(crate) v2: bool,
    /// What a group at its root inherits.
    pub(crate) swappiness: u64,
    pub(crate) cpus: BTreeSet<u32>,
}

impl Place {
    /// Whether files of a controller are here.
    pub(crate) fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }
}

/// The host and its hierarchies, v2 first.
pub(crate) struct Known {
    pub(crate) host: Host,
    pub(crate) places: Vec<Place>,
}

/// The group that all groups of this process are in.
pub(crate) fn base() -> String {
    format!("isolab-fuzz-{}", std::process::id())
}

/// This host; nothing, and a word about it, where this target has nothing to try.
pub(crate) fn known() -> Option<&'static Known> {
    static KNOWN: OnceLock<Option<Known>> = OnceLock::new();
    let find = || {
        let known = find();
        let problem = match &known {
            _ if credential::uid() != 0 => "this target needs root",
            Some(known) if known.places.iter().any(|place| place.v2) && complete(&known.places) => {
                known.places.iter().for_each(sweep);
                return Some(Known { host: known.host.clone(), places: known.places.clone() });
            }
            _ => "this target needs cgroup v2 and, in v1, pids, memory with swap, cpu, cpuset and freezer",
        };
        eprintln!("nothing is tried: {problem}");
        None
    };
    KNOWN.get_or_init(find).as_ref()
}

fn complete(places: &[Place]) -> bool {
    let found = |name: &&str| places.iter().find(|place| !place.v2 && place.has(name));
    let swap = found(&"memory").is_some_and(|place| place.mount.join("memory.memsw.limit_in_bytes").exists());
    let idle = found(&"cpu").is_some_and(|place| place.mount.join("cpu.idle").exists());
    NEEDED.iter().all(|name| found(name).is_some()) && swap && idle
}

fn find() -> Option<Known> {
    let host = Host::probe();
    let v2 = host.cgroups.v2.iter().map(|hierarchy| (hierarchy, true));
    let v1 = host.cgroups.v1.iter().map(|hierarchy| (hierarchy, false));
    let plain = |name: &String| !name.contains('=');
    let places = v2
        .chain(v1)
        .filter(|(hierarchy, v2)| hierarchy.writable && (*v2 || hierarchy.controllers.iter().any(plain)))
        .map(|(hierarchy, v2)| {
            let read = |name: &str| fs::read_to_string(hierarchy.mount.join(name)).unwrap_or_default();
            Place {
                mount: hierarchy.mount.clone(),
                controllers: hierarchy.controllers.clone(),
                v2,
                swappiness: read("memory.swappiness").trim().parse().unwrap_or_default(),
                cpus: kernel::cpus(&read("cpuset.cpus")).unwrap_or_default(),
            }
        })
        .collect();
    Some(Known { host, places })
}

/// Removes what processes that were killed have left.
fn sweep(place: &Place) {
    for entry in fs::read_dir(&place.mount).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(number) = name.strip_prefix("isolab-fuzz-") else { continue };
        if number.parse::<u32>().is_ok() && !Path::new("/proc").join(number).exists() {
            let directories = [directory(place, &name)];
            thaw(&directories[0].path);
            // What cannot be removed is in nobody's way.
            drop(cgroup::kill(&directories, std::time::Duration::from_secs(1)));
            drop(cgroup::remove(&directories, std::time::Duration::from_secs(1)));
        }
    }
}

/// Thaws groups of v1, which nothing can be killed in otherwise.
fn thaw(group: &Path) {
    for below in fs::read_dir(group).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        thaw(&below.path());
    }
    let state = group.join("freezer.state");
    if state.exists() {
        // What cannot be thawed is in nobody's way.
        drop(fs::write(state, "THAWED"));
    }
}

/// A group as the core knows it.
pub(crate) fn directory(place: &Place, path: &str) -> Directory {
    let Place { mount, controllers, v2, .. } = place.clone();
    Directory { path: mount.join(path), mount, controllers, v2, at_clone: false }
}

/// The groups that are there.
pub(crate) fn groups(places: &[Place]) -> BTreeMap<At, PathBuf> {
    let mut found = BTreeMap::new();
    for (nth, place) in places.iter().enumerate() {
        let mut ahead = vec![String::new()];
        while let Some(group) = ahead.pop() {
            let path = place.mount.join(base()).join(&group);
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => panic!("list {}: {error}", path.display()),
            };
            let slash = if group.is_empty() { "" } else { "/" };
            for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                ahead.push(format!("{group}{slash}{}", entry.file_name().to_string_lossy()));
            }
            if !group.is_empty() {
                found.insert((nth, group), path);
            }
        }
    }
    found
}
