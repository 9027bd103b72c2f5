//! What is mounted, and from where.

use std::collections::BTreeSet;
use std::ffi::CString;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::mask::Place;
use isolab_core::mount::{Group, Mount, Op, Source, Tree};
use isolab_core::namespace::Kind;
use isolab_core::plan::Plan;

const READ_ONLY: u64 = 1;
const RECURSIVE: u64 = 1 << 14;
const PRIVATE: u64 = 1 << 18;
const SLAVE: u64 = 1 << 19;
const SHARED: u64 = 1 << 20;

/// Whether the path `path` is below the place `above`.
pub(super) fn is_below(above: &[u8], path: &[u8]) -> bool {
    let above = above.strip_suffix(b"/").unwrap_or(above);
    path.strip_prefix(above).is_some_and(|rest| rest.len() > 1 && rest[0] == b'/')
}

fn at_dev(mount: &Mount) -> bool {
    [&b"/dev"[..], b"/dev/"].contains(&mount.destination.to_bytes())
}

fn makes(mount: &Mount) -> bool {
    matches!(mount.source, Source::FileSystem(..))
}

/// Whether `/dev` is for the launcher to fill: nothing is mounted there, or a new file system last.
pub(super) fn fills_dev(config: &Config) -> bool {
    config.namespaces.separates(Kind::Mount)
        && config.mounts.iter().rev().find(|mount| at_dev(mount)).is_none_or(makes)
}

/// Whether there is a new devpts, or what else is new at `/dev/pts`.
pub(super) fn has_terminals(config: &Config) -> bool {
    let at = |mount: &&Mount| [&b"/dev/pts"[..], b"/dev/pts/"].contains(&mount.destination.to_bytes());
    config.mounts.iter().filter(at).any(makes)
}

/// Read-only file systems in which something is still to be made.
fn filled(config: &Config, index: usize) -> bool {
    let mount = &config.mounts[index];
    let inside = |path: &[u8]| is_below(mount.destination.to_bytes(), path);
    let later = config.mounts[index + 1..].iter().any(|other| inside(other.destination.to_bytes()));
    let devices = config.devices.iter().any(|device| inside(device.path.to_bytes()));
    makes(mount) && mount.options.attributes.set & READ_ONLY != 0 && (at_dev(mount) || later || devices)
}

/// The proc or sysfs that a path lies in: the last mount above it, if the way there has no way up.
fn covering(config: &Config, path: &CString) -> Option<usize> {
    let bytes = path.to_bytes();
    if bytes.split(|byte| *byte == b'/').any(|part| part == b"..") {
        return None;
    }
    let last = config.mounts.iter().rposition(|mount| is_below(mount.destination.to_bytes(), bytes))?;
    let Source::FileSystem(kind, _) = &config.mounts[last].source else { return None };
    [c"proc", c"sysfs"].contains(&kind.as_c_str()).then_some(last)
}

/// Mounts that are held open, for what is done in them later.
pub(super) fn kept(config: &Config) -> BTreeSet<usize> {
    let paths = config.paths.masked.iter().chain(&config.paths.readonly);
    let covering = paths.filter_map(|path| covering(config, path));
    (0..config.mounts.len()).filter(|index| filled(config, *index)).chain(covering).collect()
}

/// Where a path is found: from a mount that is held open, so that nobody can lead the way astray.
pub(super) fn place(config: &Config, path: &CString) -> Place {
    let within = covering(config, path).and_then(|index| {
        let nth = kept(config).iter().position(|kept| *kept == index)?;
        let above = config.mounts[index].destination.to_bytes();
        let rest = path.to_bytes()[above.strip_suffix(b"/").unwrap_or(above).len()..].to_vec();
        Some((nth, CString::new(rest).ok()?))
    });
    Place { path: path.clone(), within }
}

/// Whether events come in from the host's mount that it is a copy of.
fn spreads(mount: &Mount) -> bool {
    mount.options.propagation.last().is_some_and(|way| way & (SHARED | SLAVE) != 0)
}

/// Whether the child's ids may be weaker than the launcher's, who then opens what is bound.
fn is_foreign(config: &Config, host: &Host) -> bool {
    config.namespaces.separates(Kind::User) && host.uid == 0 && host.has("mount_setattr")
}

/// What the launcher opens, by the mount; `None` is the root.
pub(super) fn trees(config: &Config, host: &Host) -> Vec<(Option<usize>, Tree)> {
    let mut all = Vec::new();
    let (user, foreign) = (config.namespaces.separates(Kind::User), is_foreign(config, host));
    if foreign && config.namespaces.separates(Kind::Mount) && config.root.overlay.is_none() {
        let tree =
            Tree { source: config.root.path.clone(), recursive: true, ids: None, propagation: PRIVATE };
        all.push((None, tree));
    }
    for (index, mount) in config.mounts.iter().enumerate() {
        let Source::Bind(source, recursive) = &mount.source else { continue };
        let spreads = spreads(mount) && host.uid == 0 && (!user || host.has("mount_setattr"));
        if !(spreads || foreign || mount.ids.is_some()) {
            continue;
        }
        let propagation = if !spreads {
            PRIVATE
        } else if user {
            SLAVE
        } else {
            0
        };
        all.push((
            Some(index),
            Tree { source: source.clone(), recursive: *recursive, ids: mount.ids.clone(), propagation },
        ));
    }
    all
}

/// The child's operations on mounts, in the config's order, and those that make file systems read-only in the end.
pub(super) fn operations(config: &Config, host: &Host, plan: &Plan) -> Vec<Op> {
    let trees = trees(config, host);
    let kept: Vec<usize> = kept(config).into_iter().collect();
    let mut all = Vec::new();
    for (index, mount) in config.mounts.iter().enumerate() {
        let (target, mut options) = (mount.destination.clone(), mount.options.clone());
        all.push(match &mount.source {
            Source::FileSystem(kind, source) => {
                let own = [c"proc", c"sysfs", c"mqueue", c"cgroup", c"cgroup2"].contains(&kind.as_c_str());
                let labelled = options.data.iter().any(|(key, _)| key.as_c_str() == c"context");
                if let Some(label) = &config.mount_label
                    && !own
                    && !labelled
                    && host.lsms.iter().any(|lsm| lsm == "selinux")
                {
                    options.data.push((c"context".to_owned(), Some(label.clone())));
                }
                if filled(config, index) {
                    options.attributes.set &= !READ_ONLY;
                }
                let keep = kept.iter().position(|kept| *kept == index);
                Op::FileSystem { kind: kind.clone(), source: source.clone(), target, options, keep }
            }
            Source::Bind(source, recursive) => {
                let nth = trees.iter().position(|(of, _)| *of == Some(index));
                let opened = nth.map(|nth| (nth, mount.ids.is_none() && !spreads(mount)));
                Op::Bind { source: source.clone(), opened, recursive: *recursive, target, options }
            }
            Source::Cgroup => cgroup(config, host, plan, mount),
            Source::Present(whole) => Op::Remount { target, options, whole: *whole },
        });
    }
    let last = kept.iter().enumerate().filter(|(_, index)| filled(config, **index));
    all.extend(
        last.map(|(nth, index)| Op::ReadOnly { nth, target: config.mounts[*index].destination.clone() }),
    );
    all
}

/// The v2 group itself where there is no other; else a directory for each hierarchy.
fn cgroup(config: &Config, host: &Host, plan: &Plan, mount: &Mount) -> Op {
    let (target, mut options) = (mount.destination.clone(), mount.options.clone());
    let only_v2 = plan.directories.iter().all(|directory| directory.v2);
    if plan.directories.is_empty() && config.namespaces.separates(Kind::Cgroup) && host.cgroups.mode() == "v2"
    {
        options.data.clear();
        let kind = c"cgroup2".to_owned();
        return Op::FileSystem { source: kind.clone(), kind, target, options, keep: None };
    }
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let groups = plan.directories.iter().map(|directory| {
        let path = text(&directory.path.to_string_lossy());
        let name =
            directory.mount.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let links = directory
            .controllers
            .iter()
            .filter(|controller| **controller != name && !controller.contains('='));
        match (only_v2, directory.v2) {
            (true, _) => Group { name: CString::default(), links: Vec::new(), path },
            (false, true) => Group { name: text(&name), links: Vec::new(), path },
            (false, false) => {
                Group { name: text(&name), links: links.map(|link| text(link)).collect(), path }
            }
        }
    });
    Op::Cgroup { groups: groups.collect(), target, options }
}

/// The propagation of the host's mounts in the new namespace.
pub(super) fn cut(config: &Config) -> u64 {
    RECURSIVE | if config.root.propagation & SLAVE != 0 { SLAVE } else { PRIVATE }
}
