//! Namespaces and what they are given; devices, paths, memory and labels.

use isolab_core::config::Config;
use isolab_core::scheduler::numbers;
use serde_json::Value;

use super::super::model::{self, list, properties, text, texts};
use super::mounts::lines;
use super::{given, number, word, words};

pub(super) fn check(config: &Config, spec: &Value) {
    let linux = &spec["linux"];
    namespaces(config, linux);
    assert_eq!(config.paths.masked, words(&linux["maskedPaths"]));
    assert_eq!(config.paths.readonly, words(&linux["readonlyPaths"]));
    assert_eq!(config.mount_label, given(&linux["mountLabel"]));
    devices(config, spec);
    let mut parameters: Vec<_> =
        properties(&linux["sysctl"]).map(|(name, value)| (model::file_of(name), word(text(value)))).collect();
    parameters.sort();
    let meant: Vec<_> = config.sysctls.iter().map(|one| (one.path.clone(), one.value.clone())).collect();
    assert_eq!(meant, parameters);
    let mut links: Vec<_> = properties(&linux["netDevices"])
        .map(|(host, device)| (word(host), given(&device["name"]).unwrap_or_else(|| word(host))))
        .collect();
    links.sort();
    let meant: Vec<_> = config.net_devices.iter().map(|one| (one.host.clone(), one.name.clone())).collect();
    assert_eq!(meant, links);
    let persona =
        linux["personality"].as_object().map(|asked| if asked["domain"] == "LINUX32" { 8 } else { 0 });
    assert_eq!(config.personality, persona);
    memory_policy(config, &linux["memoryPolicy"]);
    let listener = config.seccomp.as_ref().map(|filter| filter.listener().is_some());
    let written = linux["seccomp"].as_object();
    // It is asked for a call that is to be asked about.
    assert_eq!(listener, written.map(|profile| profile.contains_key("listenerPath")));
    landlock(config, &spec["annotations"]);
}

fn namespaces(config: &Config, linux: &Value) {
    let own = &config.namespaces;
    let entries: Vec<&Value> = list(&linux["namespaces"]).map(|(_, entry)| entry).collect();
    let named = |kind: &isolab_core::namespace::Kind| {
        serde_json::to_value(kind)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let new: Vec<String> = own.new.iter().map(named).collect();
    let written =
        entries.iter().filter(|entry| entry.get("path").is_none()).map(|entry| text(&entry["type"]));
    assert_eq!(new, written.collect::<Vec<_>>());
    let joined: Vec<_> = own.joined.iter().map(|(kind, path)| (named(kind), path.clone())).collect();
    let path = |entry: &&&Value| {
        entry.get("path").map(text).map(|path| (text(&entry["type"]).to_owned(), word(path)))
    };
    assert_eq!(joined, entries.iter().filter_map(|entry| path(&entry)).collect::<Vec<_>>());
    assert_eq!(
        (&own.ids.uids, &own.ids.gids),
        (&lines(&linux["uidMappings"]), &lines(&linux["gidMappings"]))
    );
    // A map has its keys in order.
    let offsets = properties(&linux["timeOffsets"]).map(|(clock, offset)| {
        (clock.clone(), number(&offset["secs"]).unwrap_or(0i64), number(&offset["nanosecs"]).unwrap_or(0u32))
    });
    assert_eq!(own.time_offsets, offsets.collect::<Vec<_>>());
}

/// Path, type and mode, number, owner, and whether it is a default.
type Node = (String, u32, (u32, u32), (u32, u32), bool);

/// The defaults of config-linux.md, unless something else than a new file system is at `/dev`; those of the config replace
/// what has their path.
fn devices(config: &Config, spec: &Value) {
    const DEFAULTS: [(&str, u32, u32); 6] = [
        ("/dev/null", 1, 3),
        ("/dev/zero", 1, 5),
        ("/dev/full", 1, 7),
        ("/dev/random", 1, 8),
        ("/dev/urandom", 1, 9),
        ("/dev/tty", 5, 0),
    ];
    let mut all: Vec<Node> = Vec::new();
    if fills_dev(spec) {
        let node = |(path, major, minor): (&str, u32, u32)| {
            (path.to_owned(), 0o20_666, (major, minor), (0, 0), true)
        };
        all.extend(DEFAULTS.map(node));
    }
    for (_, device) in list(&spec["linux"]["devices"]) {
        let number = |field: &str| number(&device[field]).unwrap_or(0u32);
        let kind = match text(&device["type"]) {
            "b" => 0o60_000,
            "p" => 0o10_000,
            _ => 0o20_000,
        };
        let mode = device.get("fileMode").map_or(0o666, |_| number("fileMode"));
        let path = text(&device["path"]).to_owned();
        all.retain(|other| other.0 != path);
        all.push((
            path,
            kind | mode,
            (number("major"), number("minor")),
            (number("uid"), number("gid")),
            false,
        ));
    }
    let meant = config.devices.iter().map(|device| {
        (device.path.to_string_lossy().into_owned(), device.mode, device.number, device.owner, device.default)
    });
    assert_eq!(meant.collect::<Vec<_>>(), all);
}

/// Whether `/dev` is for the launcher to fill.
pub(in crate::oci_config) fn fills_dev(spec: &Value) -> bool {
    let kinds = model::mount_kinds(spec);
    let at_dev = |(_, mount): &(usize, &Value)| {
        let place = model::place_of(mount);
        place == "/dev" || place == "/dev/"
    };
    let last = list(&spec["mounts"]).filter(at_dev).last();
    let new = last.is_none_or(|(index, _)| kinds[index] == model::MountKind::FileSystem);
    model::Own::of(spec).has("mount") && new
}

/// `linux/mempolicy.h`
fn memory_policy(config: &Config, asked: &Value) {
    const MODES: [&str; 7] =
        ["DEFAULT", "PREFERRED", "BIND", "INTERLEAVE", "LOCAL", "PREFERRED_MANY", "WEIGHTED_INTERLEAVE"];
    let meant = config.memory_policy.map(|policy| (policy.mode, numbers(&policy.nodes)));
    let written = asked.as_object().map(|_| {
        let mode = MODES.iter().position(|mode| text(&asked["mode"]).strip_prefix("MPOL_") == Some(mode));
        let flags = texts(&asked["flags"]).into_iter().fold(0, |flags, flag| {
            flags
                | match flag {
                    "MPOL_F_STATIC_NODES" => 1 << 15,
                    "MPOL_F_RELATIVE_NODES" => 1 << 14,
                    _ => 1 << 13,
                }
        });
        let nodes = model::numbers(text(&asked["nodes"])).unwrap_or_default();
        (flags | u32::try_from(mode.unwrap_or(99)).unwrap_or(99), nodes.into_iter().collect())
    });
    assert_eq!(meant, written);
}

/// The rights of `linux/landlock.h`: to execute 1, to read 4 and 8, all else up to the ioctl of devices to write.
fn landlock(config: &Config, annotations: &Value) {
    let rule = |key: &str| annotations.get(format!("org.isolab.landlock.{key}")).map(text);
    let some = properties(annotations).any(|(name, _)| name.starts_with("org.isolab.landlock."));
    assert_eq!(config.landlock.is_some(), some);
    let Some(rules) = &config.landlock else { return };
    let parts = |value: &str, separator: char| -> Vec<String> {
        let parts = value.split(separator).map(|part| part.trim().to_owned());
        if value.trim().is_empty() { Vec::new() } else { parts.collect() }
    };
    let mut paths: Option<Vec<(String, u64)>> = None;
    for (key, rights) in [("read-only", 12), ("execute", 13), ("read-write", 0xfffe)] {
        if let Some(value) = rule(key) {
            paths.get_or_insert_default().extend(parts(value, ':').into_iter().map(|path| (path, rights)));
        }
    }
    let mut meant = rules.paths.as_ref().map(|paths| {
        paths.iter().map(|(path, rights)| (path.to_string_lossy().into_owned(), *rights)).collect::<Vec<_>>()
    });
    meant.iter_mut().chain(&mut paths).for_each(|paths| paths.sort());
    assert_eq!(meant, paths);
    let ports = |key: &str| -> Option<Vec<u16>> {
        rule(key).map(|value| parts(value, ',').iter().filter_map(|port| port.parse().ok()).collect())
    };
    assert_eq!((&rules.bind, &rules.connect), (&ports("tcp.bind"), &ports("tcp.connect")));
    let bit = |name: &String| if name == "signal" { 2 } else { 1 };
    let scope =
        rule("scope").map_or(0, |value| parts(value, ',').iter().fold(0, |bits, name| bits | bit(name)));
    assert_eq!(rules.scope, scope);
}
