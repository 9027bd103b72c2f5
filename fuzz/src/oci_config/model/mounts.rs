//! Mounts and their options (`mount(8)`, config.md "Mounts", config-linux.md).

use serde_json::Value;

use super::{Own, Wrong, list, namespaces, text, texts};

/// What an entry mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file system of its own.
    FileSystem,
    /// A part of the host's tree; with all below it or without.
    Bind(bool),
    /// The container's groups.
    Cgroup,
    /// What is there already; the file system too or not.
    Present(bool),
    /// Nobody knows.
    Nothing,
}

/// Names that are no data for a file system; with an `r` before them those of the first list are for all below too.
const RECURSIVE: [&str; 18] = [
    "ro",
    "rw",
    "nosuid",
    "suid",
    "nodev",
    "dev",
    "noexec",
    "exec",
    "noatime",
    "atime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "nodiratime",
    "diratime",
    "nosymfollow",
    "symfollow",
];
const PROPAGATION: [&str; 4] = ["private", "slave", "shared", "unbindable"];
const OTHER: [&str; 18] = [
    "sync",
    "async",
    "dirsync",
    "lazytime",
    "nolazytime",
    "mand",
    "nomand",
    "defaults",
    "silent",
    "loud",
    "bind",
    "rbind",
    "remount",
    "idmap",
    "ridmap",
    "tmpcopyup",
    "iversion",
    "noiversion",
];

/// Options of the v2 tree as a whole, which a container's mount of groups may name.
const OF_THE_TREE: [&str; 8] = [
    "nsdelegate",
    "favordynmods",
    "nofavordynmods",
    "memory_localevents",
    "memory_recursiveprot",
    "memory_hugetlb_accounting",
    "pids_localevents",
    "clone_children",
];

/// Whether an option is the file system's own.
pub(in crate::oci_config) fn is_data(option: &str) -> bool {
    let both = |name: &str| RECURSIVE.contains(&name) || PROPAGATION.contains(&name);
    !both(option) && !option.strip_prefix('r').is_some_and(both) && !OTHER.contains(&option)
}

/// Whether an entry is the root itself.
#[must_use]
pub fn is_root(mount: &Value) -> bool {
    let destination = text(&mount["destination"]);
    !destination.is_empty() && destination.split('/').all(|part| ["", ".", ".."].contains(&part))
}

/// Where an entry is mounted: from the root, also when it does not say so.
pub(in crate::oci_config) fn place(mount: &Value) -> String {
    let destination = text(&mount["destination"]);
    match destination.starts_with('/') || destination.is_empty() {
        true => destination.to_owned(),
        false => format!("/{destination}"),
    }
}

/// What each entry mounts.
#[must_use]
pub fn kinds(spec: &Value) -> Vec<Kind> {
    list(&spec["mounts"]).map(|(_, mount)| kind(mount)).collect()
}

fn kind(mount: &Value) -> Kind {
    let (kind, options) = (text(&mount["type"]), texts(&mount["options"]));
    let bind = options.iter().rev().find_map(|option| match *option {
        "bind" => Some(false),
        "rbind" => Some(true),
        _ => None,
    });
    let bind = bind.or(if kind == "bind" { Some(false) } else { None });
    match (bind, kind) {
        _ if options.contains(&"remount") => Kind::Present(bind.is_none()),
        (Some(below), _) => Kind::Bind(below),
        (None, "") => Kind::Nothing,
        (None, "cgroup" | "cgroup2") => Kind::Cgroup,
        _ => Kind::FileSystem,
    }
}

pub(super) fn mounts(spec: &Value, own: &Own, wrong: &mut Wrong) {
    wrong.when(list(&spec["mounts"]).next().is_some() && !own.has("mount"), "mounts");
    let kinds = kinds(spec);
    for (index, mount) in list(&spec["mounts"]).filter(|(_, mount)| !is_root(mount)) {
        let at = |field: &str| format!("mounts[{index}].{field}");
        let destination = text(&mount["destination"]);
        let old = text(&spec["ociVersion"]).starts_with("1.0.");
        wrong.when(old && !destination.starts_with('/'), at("destination"));
        wrong.inside(&place(mount), &at("destination"));
        data(&texts(&mount["options"]), &at("options"), wrong);
        mapping(mount, own, &at, wrong);
        source(mount, kinds[index], &at, wrong);
        if let Kind::Present(whole) = kinds[index] {
            let same = |(earlier, other): &(usize, &Value)| {
                *earlier < index && !is_root(other) && place(other) == place(mount)
            };
            let there = list(&spec["mounts"]).filter(same).last().map(|(earlier, _)| kinds[earlier]);
            let right = there.is_some_and(|there| !whole || there == Kind::FileSystem);
            wrong.when(!right, at("options"));
        }
        let options = texts(&mount["options"]);
        let copies = options.contains(&"tmpcopyup");
        wrong.when(copies && (kinds[index] != Kind::FileSystem || mount["type"] != "tmpfs"), at("options"));
    }
}

/// A key, and a value perhaps, each at most as long as `fsconfig(2)` takes.
fn data(options: &[&str], at: &str, wrong: &mut Wrong) {
    for (index, option) in options.iter().enumerate().filter(|(_, option)| is_data(option)) {
        let (key, value) = option.split_once('=').unwrap_or((*option, ""));
        let bad = key.is_empty() || key.len() > 255 || value.len() > 255 || option.contains('\0');
        wrong.when(bad, format!("{at}[{index}]"));
    }
}

/// Ids of a mount: of its own, or of the container's user namespace.
fn mapping(mount: &Value, own: &Own, at: &dyn Fn(&str) -> String, wrong: &mut Wrong) {
    let some = |field: &str| list(&mount[field]).next().is_some();
    let (uids, gids) = (some("uidMappings"), some("gidMappings"));
    let options = texts(&mount["options"]);
    let asked = options.contains(&"idmap") || options.contains(&"ridmap");
    wrong.when(uids != gids, at("uidMappings"));
    if uids && gids {
        namespaces::map(&mount["uidMappings"], &at("uidMappings"), wrong);
        namespaces::map(&mount["gidMappings"], &at("gidMappings"), wrong);
    }
    wrong.when(!uids && !gids && asked && !own.has("user"), at("options"));
    // Only a bind mount shows files that have ids already.
    let mapped = uids && gids || !uids && !gids && asked && own.has("user");
    wrong.when(mapped && !matches!(kind(mount), Kind::Bind(_)), at("uidMappings"));
}

fn source(mount: &Value, kind: Kind, at: &dyn Fn(&str) -> String, wrong: &mut Wrong) {
    let source = mount.get("source").map(text);
    match kind {
        Kind::Bind(_) => {
            wrong.when(source.is_none_or(|source| source.is_empty() || source.contains('\0')), at("source"))
        }
        Kind::Nothing => wrong.when(true, at("type")),
        Kind::FileSystem => {
            wrong.text(source.unwrap_or_default(), &at("source"));
            wrong.text(text(&mount["type"]), &at("type"));
        }
        Kind::Cgroup => {
            let options = texts(&mount["options"]);
            let own = |option: &&str| {
                is_data(option) && !OF_THE_TREE.contains(&option.split('=').next().unwrap_or_default())
            };
            wrong.when(options.iter().any(own), at("options"));
        }
        Kind::Present(_) => {}
    }
}

/// The root of layers: the first entry, with at least one lower layer and at most as many as the kernel stacks.
pub(super) fn overlay(spec: &Value, wrong: &mut Wrong) {
    for (index, mount) in list(&spec["mounts"]).filter(|(_, mount)| is_root(mount)) {
        let at = |field: &str| format!("mounts[{index}].{field}");
        wrong.when(index > 0, at("destination"));
        wrong.when(mount["type"] != "overlay", at("type"));
        wrong.when(
            mount.get("uidMappings").is_some() || mount.get("gidMappings").is_some(),
            at("uidMappings"),
        );
        let options = texts(&mount["options"]);
        let nothing = ["bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"];
        wrong.when(options.iter().any(|option| nothing.contains(option)), at("options"));
        let below = |option: &&str| option.strip_prefix('r').is_some_and(|rest| RECURSIVE.contains(&rest));
        let spreads = |option: &&str| PROPAGATION.contains(&option.strip_prefix('r').unwrap_or(option));
        wrong.when(options.iter().any(|option| below(option) || spreads(option)), at("options"));
        let layers = options.iter().find_map(|option| option.strip_prefix("lowerdir="));
        wrong.when(layers.is_none_or(|layers| layers.split(':').count() > 500), at("options"));
        let directory = |option: &&str| {
            ["lowerdir=", "upperdir=", "workdir="].iter().any(|name| option.starts_with(name))
        };
        let others: Vec<&str> =
            options.iter().map(|option| if directory(option) { "ro" } else { *option }).collect();
        data(&others, &at("options"), wrong);
    }
}
