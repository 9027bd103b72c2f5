//! Namespaces and what they are given.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Wrong, list, properties, text};

/// The kinds that are a container's own.
#[derive(Debug)]
pub struct Own {
    new: Vec<String>,
    joined: Vec<String>,
    pub(super) uids: Value,
    pub(super) gids: Value,
}

impl Own {
    /// Those of a config.
    #[must_use]
    pub fn of(spec: &Value) -> Own {
        let linux = &spec["linux"];
        let kinds = |joined: bool| {
            let wanted =
                list(&linux["namespaces"]).filter(|(_, entry)| entry.get("path").is_some() == joined);
            wanted.map(|(_, entry)| text(&entry["type"]).to_owned()).collect()
        };
        let (uids, gids) = (linux["uidMappings"].clone(), linux["gidMappings"].clone());
        Own { new: kinds(false), joined: kinds(true), uids, gids }
    }

    /// New or joined.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        self.makes(kind) || self.joined.iter().any(|joined| joined == kind)
    }

    /// New.
    #[must_use]
    pub fn makes(&self, kind: &str) -> bool {
        self.new.iter().any(|new| new == kind)
    }
}

pub(super) fn namespaces(spec: &Value, own: &Own, wrong: &mut Wrong) {
    let linux = &spec["linux"];
    let mut seen = BTreeSet::new();
    for (index, entry) in list(&linux["namespaces"]) {
        let at = format!("linux.namespaces[{index}]");
        wrong.when(!seen.insert(text(&entry["type"])), format!("{at}.type"));
        if let Some(path) = entry.get("path").map(text) {
            wrong.when(!path.starts_with('/') || path.contains('\0'), format!("{at}.path"));
        }
    }
    for field in ["uidMappings", "gidMappings"] {
        let at = format!("linux.{field}");
        let none = list(&linux[field]).next().is_none();
        wrong.when(own.makes("user") == none, &at);
        map(&linux[field], &at, wrong);
    }
    time_offsets(&linux["timeOffsets"], own, wrong);
    for name in ["hostname", "domainname"] {
        let value = text(&spec[name]);
        let bad = value.len() > 64 || value.contains('\0') || !own.has("uts");
        wrong.when(!value.is_empty() && bad, name);
    }
    links(&linux["netDevices"], own, wrong);
    sysctl(&linux["sysctl"], own, wrong);
}

/// `user_namespaces(7)`: at most 340 lines, none empty, none past the last id, no id twice.
pub(super) fn map(lines: &Value, at: &str, wrong: &mut Wrong) {
    let numbers =
        |line: &Value| ["containerID", "hostID", "size"].map(|field| line[field].as_u64().unwrap_or(0));
    let all: Vec<[u64; 3]> = list(lines).map(|(_, line)| numbers(line)).collect();
    wrong.when(all.len() > 340, at);
    for (index, [inside, outside, size]) in all.iter().enumerate() {
        wrong.when(*size == 0, format!("{at}[{index}].size"));
        wrong.when(inside + size > 0xffff_ffff, format!("{at}[{index}].containerID"));
        wrong.when(outside + size > 0xffff_ffff, format!("{at}[{index}].hostID"));
        // A line without ids is within another when it begins there.
        let meets = |a: u64, one: u64, b: u64, other: u64| a < b + other && b < a + one;
        let twice = all[..index]
            .iter()
            .any(|[i, o, s]| meets(*inside, *size, *i, *s) || meets(*outside, *size, *o, *s));
        wrong.when(twice, format!("{at}[{index}]"));
    }
}

/// `time_namespaces(7)`
fn time_offsets(offsets: &Value, own: &Own, wrong: &mut Wrong) {
    wrong.when(properties(offsets).next().is_some() && !own.makes("time"), "linux.timeOffsets");
    for (clock, offset) in properties(offsets) {
        wrong.when(!["monotonic", "boottime"].contains(&clock.as_str()), "linux.timeOffsets");
        let nanoseconds = offset["nanosecs"].as_u64().unwrap_or(0);
        wrong.when(nanoseconds > 999_999_999, format!("linux.timeOffsets.{clock}.nanosecs"));
    }
}

/// `dev_valid_name` of the kernel, and no name twice.
fn links(devices: &Value, own: &Own, wrong: &mut Wrong) {
    const AT: &str = "linux.netDevices";
    let is_name = |name: &str| {
        let space = |byte: u8| byte.is_ascii_whitespace();
        (1..16).contains(&name.len())
            && ![".", ".."].contains(&name)
            && !name.bytes().any(|byte| b"/:".contains(&byte) || space(byte))
    };
    wrong.when(properties(devices).next().is_some() && !own.has("network"), AT);
    let mut taken = BTreeSet::new();
    for (host, device) in properties(devices) {
        let name = Some(text(&device["name"])).filter(|name| !name.is_empty()).unwrap_or(host);
        wrong.when(!is_name(host), format!("{AT}.{host}"));
        wrong.when(name != host && !is_name(name) || !taken.insert(name), format!("{AT}.{host}.name"));
    }
}

/// Only what belongs to a namespace of the container's own, in one notation: where the first separator is a dot, dots and
/// slashes change places (`sysctl(8)`).
fn sysctl(parameters: &Value, own: &Own, wrong: &mut Wrong) {
    let mut seen = BTreeSet::new();
    for (name, value) in properties(parameters) {
        let file = file_of(name);
        let parts: Vec<&str> = file.split('/').collect();
        let leads_away = parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..");
        let right = !leads_away
            && file.len() < 256
            && !file.contains('\0')
            && own_of(&parts).is_some_and(|kind| own.has(kind));
        let bad = !right || text(value).is_empty() || text(value).contains('\0') || !seen.insert(file);
        wrong.when(bad, format!("linux.sysctl[{name:?}]"));
    }
}

/// The file below `/proc/sys` of a parameter.
pub(in crate::oci_config) fn file_of(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name.as_bytes()[at] == b'.' => name
            .chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect(),
        _ => name.to_owned(),
    }
}

/// `network_namespaces(7)`, `ipc_namespaces(7)`, `uts_namespaces(7)`.
fn own_of(parts: &[&str]) -> Option<&'static str> {
    const IPC: [&str; 11] = [
        "msgmax",
        "msgmnb",
        "msgmni",
        "sem",
        "shmall",
        "shmmax",
        "shmmni",
        "shm_rmid_forced",
        "msg_next_id",
        "sem_next_id",
        "shm_next_id",
    ];
    match parts {
        ["net", _, ..] => Some("network"),
        ["fs", "mqueue", ..] if parts.len() > 2 => Some("ipc"),
        ["kernel", "domainname"] => Some("uts"),
        ["kernel", name] if IPC.contains(name) => Some("ipc"),
        _ => None,
    }
}
