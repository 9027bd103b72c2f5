//! What is compared, by names that people read.

use std::collections::BTreeMap;

use isolab_core::observe::{MountInfo, Observation};
use serde_json::{Value, json};

use super::filters::Verdicts;
use crate::facts;

pub(super) fn all(
    seen: &Observation,
    own: &Observation,
    inside: &BTreeMap<String, Value>,
    filters: Verdicts,
) -> BTreeMap<String, String> {
    let tree = facts::tree(seen);
    let mut all = BTreeMap::new();
    let mut add = |name: String, value: String| all.insert(name, value);
    for (kind, inode) in &seen.namespaces {
        let whose = if own.namespaces.get(kind) == Some(inode) { "the launcher's" } else { "its own" };
        add(format!("namespaces {kind}"), whose.into());
    }
    for mount in &seen.mounts {
        add(format!("mount {}", mount.target), of_mount(mount));
    }
    for (name, value) in plain(&tree["status"]) {
        // Numbers that the kernel gives out.
        if !matches!(name, "nspid" | "caps" | "umask") {
            add(format!("status {name}"), shown(value));
        }
    }
    for (set, names) in plain(&tree["status"]["caps"]) {
        add(format!("capabilities {set}"), list(names));
    }
    add("umask".into(), shown(&tree["status"]["umask"]));
    add("uid_map".into(), list(&tree["uid_map"]));
    add("gid_map".into(), list(&tree["gid_map"]));
    for (name, value) in plain(&tree["rlimits"]) {
        add(format!("rlimits {name}"), list(value));
    }
    for (name, value) in plain(&tree["cgroup_values"]).filter(|(name, _)| is_limit(name)) {
        let mut lines: Vec<String> = shown(value).lines().map(str::to_owned).collect();
        lines.sort();
        add(format!("cgroup {name}"), lines.join("; "));
    }
    add("descriptors".into(), list(&tree["fd_numbers"]));
    add("cwd".into(), seen.cwd.clone().unwrap_or_default());
    add("oom_score_adj".into(), format!("{:?}", seen.oom_score_adj));
    add("loopback".into(), seen.loopback.map_or("unknown", |up| if up { "up" } else { "down" }).into());
    for (name, value) in plain(&json!(seen.confinement)) {
        add(format!("confinement {name}"), shown(value));
    }
    for (name, value) in plain(&inside.get("environ").cloned().unwrap_or_default()) {
        add(format!("env {name}"), shown(value));
    }
    for name in ["devices", "hostname", "interfaces"] {
        add(name.into(), inside.get(name).map_or_else(String::new, list));
    }
    match filters {
        Ok(verdicts) => {
            all.extend(verdicts.into_iter().map(|(call, does)| (format!("seccomp {call}"), does)))
        }
        Err(problem) => {
            all.insert("seccomp filters".into(), problem);
        }
    }
    all
}

/// What was asked for or is given, not what is used.
fn is_limit(name: &str) -> bool {
    !["stat", "current", "usage", "freeze", "events", "peak"].iter().any(|word| name.contains(word))
}

/// Type, flags and propagation; identities say nothing.
fn of_mount(mount: &MountInfo) -> String {
    let shared = mount.propagation.iter().filter_map(|one| one.split(':').next());
    let mut words: Vec<&str> = mount.options.iter().map(String::as_str).collect();
    words.extend(shared);
    let system: Vec<&str> = mount.super_options.iter().map(String::as_str).collect();
    format!("{} {} [{}]", mount.fstype, words.join(","), system.join(","))
}

fn plain(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim_end().to_owned())
}

fn list(value: &Value) -> String {
    match value.as_array() {
        Some(items) if items.is_empty() => "none".into(),
        Some(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        None => shown(value),
    }
}
