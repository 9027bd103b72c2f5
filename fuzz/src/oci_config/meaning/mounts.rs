//! Mounts, in their order.

use isolab_core::config::Config;
use isolab_core::mount::{Ids, Mount, Source};
use isolab_core::namespace::IdMap;
use isolab_core::rootfs::Data;
use serde_json::Value;

use super::super::model::{self, MountKind, Own, is_root, list, text, texts};
use super::{number, on_host, word};

pub(super) fn check(config: &Config, spec: &Value) {
    let kinds = model::mount_kinds(spec);
    let written: Vec<(usize, &Value)> = list(&spec["mounts"]).filter(|(_, mount)| !is_root(mount)).collect();
    assert_eq!(config.mounts.len(), written.len());
    let own = Own::of(spec);
    for (mount, (index, written)) in config.mounts.iter().zip(written) {
        assert_eq!(mount.destination, word(&model::place_of(written)));
        assert_eq!(mount.source, source(kinds[index], written));
        assert_eq!(
            attributes(mount),
            options(&texts(&written["options"]), text(&written["type"])),
            "mounts[{index}]"
        );
        ids(mount, written, &own, &spec["linux"]);
    }
    root(config, spec);
}

fn source(kind: MountKind, mount: &Value) -> Source {
    let given = mount.get("source").map(text);
    match kind {
        MountKind::Bind(below) => Source::Bind(on_host(given.unwrap_or_default()), below),
        MountKind::Cgroup => Source::Cgroup,
        MountKind::Present(whole) => Source::Present(whole),
        // Without a source its type stands in its place.
        _ => Source::FileSystem(word(text(&mount["type"])), word(given.unwrap_or(text(&mount["type"])))),
    }
}

/// What options come to: to set and to clear, for the mount and for all below; propagation; flags and data of the file
/// system; `tmpcopyup`.
type Meant = ([[u64; 2]; 2], Vec<u64>, Vec<String>, Vec<(String, Option<String>)>, bool);

fn attributes(mount: &Mount) -> Meant {
    let options = &mount.options;
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    (
        [
            [options.attributes.set, options.attributes.clear],
            [options.recursive.set, options.recursive.clear],
        ],
        options.propagation.clone(),
        options.superblock.iter().map(|name| text(name)).collect(),
        options.data.iter().map(|(key, value)| (text(key), value.as_deref().map(text))).collect(),
        options.copy_up,
    )
}

/// `mount_setattr(2)`: what an option sets and clears; the ways to keep access times are one field.
fn bits(name: &str) -> Option<[u64; 2]> {
    const ATIME: u64 = 0x70;
    Some(match name {
        "ro" => [0x1, 0],
        "rw" => [0, 0x1],
        "nosuid" => [0x2, 0],
        "suid" => [0, 0x2],
        "nodev" => [0x4, 0],
        "dev" => [0, 0x4],
        "noexec" => [0x8, 0],
        "exec" => [0, 0x8],
        "noatime" => [0x10, ATIME],
        "strictatime" | "norelatime" => [0x20, ATIME],
        "atime" | "relatime" | "nostrictatime" => [0, ATIME],
        "nodiratime" => [0x80, 0],
        "diratime" => [0, 0x80],
        "nosymfollow" => [0x20_0000, 0],
        "symfollow" => [0, 0x20_0000],
        _ => return None,
    })
}

/// The last of contradicting options wins.
fn options(names: &[&str], kind: &str) -> Meant {
    let (mut sets, mut propagation, mut flags, mut data, mut copy_up) = Meant::default();
    let apply = |set: &mut [u64; 2], [on, off]: [u64; 2]| {
        // What is set anew is not cleared any more, but for the field that is cleared first.
        *set = [set[0] & !off | on, set[1] & !on | off];
    };
    for name in names {
        let plain = name.strip_prefix('r').unwrap_or_default();
        let way = |name: &str| match name {
            "unbindable" => Some(1 << 17),
            "private" => Some(1 << 18),
            "slave" => Some(1 << 19),
            "shared" => Some(1 << 20),
            _ => None,
        };
        if let Some(change) = bits(name) {
            apply(&mut sets[0], change);
        } else if let Some(change) = bits(plain) {
            apply(&mut sets[1], change);
        } else if let Some(flag) = way(name) {
            propagation.push(flag);
        } else if let Some(flag) = way(plain) {
            propagation.push(flag | 1 << 14);
        } else if ["sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand"].contains(name) {
            flags.push((*name).to_owned());
        } else if *name == "tmpcopyup" {
            copy_up = true;
        } else if model::is_data(name) {
            let (key, value) = name.split_once('=').map_or((*name, None), |(key, value)| (key, Some(value)));
            data.push((key.to_owned(), value.map(str::to_owned)));
        } else if ["iversion", "noiversion"].contains(name) {
            data.retain(|(key, _)| key != "i_version");
            data.extend((kind == "ext4" && *name == "iversion").then(|| ("i_version".to_owned(), None)));
        }
    }
    (sets, propagation, flags, data, copy_up)
}

/// The ids of a mount are its own, or those of the container's user namespace.
fn ids(mount: &Mount, written: &Value, own: &Own, linux: &Value) {
    let names = texts(&written["options"]);
    let asked = names.iter().rev().find(|name| ["idmap", "ridmap"].contains(name));
    let mine = list(&written["uidMappings"]).next().is_some();
    if !mine && asked.is_none() {
        return assert_eq!(mount.ids, None);
    }
    let ids = mount.ids.as_ref().unwrap_or_else(|| panic!("ids are lost: {written}"));
    assert_eq!(ids.recursive, asked.is_some_and(|name| *name == "ridmap"));
    let from = if mine { written } else { linux };
    match &ids.ids {
        Ids::Maps(maps) => {
            assert_eq!(
                (&maps.uids, &maps.gids),
                (&lines(&from["uidMappings"]), &lines(&from["gidMappings"]))
            );
        }
        Ids::Namespace(_) => assert!(!mine && !own.makes("user")),
    }
}

pub(super) fn lines(map: &Value) -> Vec<IdMap> {
    let line = |(_, line): (usize, &Value)| {
        let number = |field: &str| number(&line[field]).unwrap_or(0);
        IdMap { inside: number("containerID"), outside: number("hostID"), length: number("size") }
    };
    list(map).map(line).collect()
}

fn root(config: &Config, spec: &Value) {
    let layers = list(&spec["mounts"]).map(|(_, mount)| mount).find(|mount| is_root(mount));
    let names = layers.map(|layers| texts(&layers["options"])).unwrap_or_default();
    let frozen = options(&names, "overlay").0[0][0] & 1 == 1;
    assert_eq!(config.root.readonly, spec["root"]["readonly"] == true || frozen);
    assert_eq!(config.root.path, on_host(text(&spec["root"]["path"])));
    let ways = [("slave", 1 << 19), ("shared", 1 << 20), ("unbindable", 1 << 17)];
    let asked = text(&spec["linux"]["rootfsPropagation"]);
    let way = ways
        .iter()
        .find(|(name, _)| asked.trim_start_matches('r') == *name)
        .map_or(1 << 18, |(_, flag)| *flag);
    // Nothing below a mount that takes or gives nothing does; only of the other two the root alone may be meant.
    let alone = ["shared", "unbindable"].contains(&asked);
    assert_eq!(config.root.propagation, if alone { way } else { way | 1 << 14 });
    assert_eq!(config.root.overlay.is_some(), layers.is_some());
    let Some(overlay) = &config.root.overlay else { return };
    let lower = names.iter().find_map(|name| name.strip_prefix("lowerdir=")).unwrap_or_default();
    match &overlay.data {
        Data::Text(data) => {
            let data = data.to_string_lossy().into_owned();
            let given: Vec<&str> = data.split(',').collect();
            let own = names.iter().filter(|name| model::is_data(name));
            assert!(own.clone().all(|name| given.contains(name)) && given.len() == own.count(), "{data}");
        }
        Data::Directories { lower: layers, .. } => {
            let paths: Vec<String> =
                layers.iter().map(|layer| layer.path.to_string_lossy().into_owned()).collect();
            assert_eq!(paths, lower.split(':').collect::<Vec<_>>());
        }
    }
}
