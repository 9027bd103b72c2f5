//! Mounts of a container (`mount(2)`, `fsopen(2)`, `open_tree(2)`, `mount_setattr(2)`).
//!
//! A mount is made detached, configured, and then attached on an open descriptor of its target, which was resolved inside
//! the container's root. Some sources are opened by the launcher before the clone: see [`Op::Open`].

#[cfg(feature = "launch")]
pub(crate) mod attach;
#[cfg(feature = "launch")]
mod copy;
mod idmap;
#[cfg(feature = "launch")]
pub(crate) mod open;
mod options;
#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;
mod sources;
mod table;

use std::ffi::CString;
use std::path::{Component, Path, PathBuf};

use oci_spec::runtime::Mount as Spec;

use crate::config::Reader;
use crate::namespace::{Kind, Namespaces};
use crate::planted::planted;

pub use idmap::{IdMapping, Ids};
#[cfg(feature = "launch")]
pub use open::idmapped;
pub use options::{Options, known};
#[cfg(feature = "launch")]
pub(crate) use plan::MOST_KEPT;
pub use plan::{Group, Op};
pub(crate) use plan::{Kept, finish, gaps, notes, plan};
pub use sources::Tree;
pub(crate) use sources::{plan as plan_sources, root as root_source};
pub use table::Attributes;

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A new file system: type, and what stands as its source in `mountinfo`.
    FileSystem(CString, CString),
    /// A path of the host, with what is mounted below it or without.
    Bind(CString, bool),
    /// The container's own groups, hierarchy by hierarchy.
    Cgroup,
    /// What an earlier mount of the config put there: its attributes are changed (`false`), or those of the file system
    /// too (`true`).
    Present(bool),
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where, inside the container.
    pub destination: CString,
    /// What.
    pub source: Source,
    /// How.
    pub options: Options,
    /// Whose ids its files are shown with.
    pub ids: Option<IdMapping>,
}

impl Mount {
    /// Whether it covers the container's `path` with a new file system.
    pub(crate) fn is_new_at(&self, path: &str) -> bool {
        self.is_at(path) && matches!(self.source, Source::FileSystem(..))
    }

    /// Whether it is mounted at the container's `path`.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        let destination = self.destination.to_bytes();
        destination.strip_suffix(b"/").unwrap_or(destination) == path.as_bytes()
    }

    /// Whether the container's `path` is below it.
    pub(crate) fn is_above(&self, path: &[u8]) -> bool {
        let destination = self.destination.to_bytes();
        let destination = destination.strip_suffix(b"/").unwrap_or(destination);
        path.strip_prefix(destination).is_some_and(|rest| rest.first() == Some(&b'/') && rest.len() > 1)
    }
}

/// The mounts of a spec, without an overlay at `/`, which is the root file system's.
pub(crate) fn read(reader: &mut Reader<'_>, namespaces: &Namespaces) -> Vec<Mount> {
    let all = reader.spec.mounts().as_deref().unwrap_or_default();
    if !all.is_empty() && !namespaces.separates(Kind::Mount) {
        reader.refuse("mounts", "need a mount namespace, or they would be the host's");
    }
    let listed: Vec<(usize, &Spec)> = all.iter().enumerate().filter(|(_, mount)| !is_root(mount)).collect();
    let left_out =
        usize::from(planted("mounts-counted-without-the-root") && all.first().is_some_and(is_root));
    let mut read: Vec<Mount> = Vec::new();
    for (index, mount) in listed {
        let one = read_one(reader, namespaces, index - left_out, mount, &read);
        read.push(one);
    }
    read
}

/// Whether an entry describes the root file system itself.
pub(crate) fn is_root(mount: &Spec) -> bool {
    is_top(&from_root(mount.destination()))
}

/// Whether a path is the root by its words alone: no name is in it, and above the root is the root.
pub(crate) fn is_top(path: &Path) -> bool {
    path.is_absolute() && !path.components().any(|part| matches!(part, Component::Normal(_)))
}

/// A destination; one that is relative, which the spec allows since 1.1 and deprecates, is so to the container's root.
fn from_root(destination: &Path) -> PathBuf {
    if destination.as_os_str().is_empty() { PathBuf::new() } else { Path::new("/").join(destination) }
}

/// `linux.mountLabel`.
pub(crate) fn read_label(reader: &mut Reader<'_>) -> Option<CString> {
    const AT: &str = "linux.mountLabel";
    let label = reader.linux()?.mount_label().as_deref().filter(|label| !label.is_empty())?;
    if label.len() > 255 {
        reader.refuse(AT, "is longer than the 255 bytes that the kernel takes");
    }
    Some(reader.text(AT, label))
}

fn read_one(
    reader: &mut Reader<'_>,
    namespaces: &Namespaces,
    index: usize,
    mount: &Spec,
    earlier: &[Mount],
) -> Mount {
    let at = |field: &str| format!("mounts[{index}].{field}");
    let relative = !mount.destination().as_os_str().is_empty() && !mount.destination().is_absolute();
    if relative && reader.is_before_1_1() {
        let problem = "is not absolute, as runtime-spec 1.0 asks; with an ociVersion from 1.1.0 on it begins at the root";
        reader.refuse(at("destination"), format!("{:?} {problem}", mount.destination()));
    }
    let destination = reader.path_inside(&at("destination"), &from_root(mount.destination()));
    let listed = mount.options().as_deref().unwrap_or_default();
    let kind = mount.typ().as_deref().unwrap_or_default();
    let options = Options::read(reader, &at("options"), kind, listed.iter().enumerate());
    let ids = idmap::read(reader, namespaces, index, mount, options.idmap);
    let bind = options.bind.or((kind == "bind").then_some(false));
    let source = match (bind, kind, mount.source()) {
        _ if options.remount => {
            let whole = bind.is_none();
            let there = earlier.iter().rfind(|earlier| earlier.destination == destination);
            let new = there.is_some_and(|there| matches!(there.source, Source::FileSystem(..)));
            if there.is_none() || whole && !new {
                reader.refuse(
                    at("options"),
                    "remount changes what an earlier entry mounted there, and without bind a file system that it made",
                );
            }
            Source::Present(whole)
        }
        (Some(recursive), _, Some(path)) => Source::Bind(reader.path_on_host(&at("source"), path), recursive),
        (Some(_), _, None) => {
            reader.refuse(at("source"), "is missing: a bind mount needs one");
            Source::Bind(CString::default(), false)
        }
        (None, "", _) => {
            reader.refuse(at("type"), "is missing");
            Source::FileSystem(CString::default(), CString::default())
        }
        (None, "cgroup" | "cgroup2", _) => Source::Cgroup,
        (None, kind, source) => {
            let name = source.as_deref().map_or_else(|| kind.into(), |source| source.to_string_lossy());
            let name = reader.text(&at("source"), name.as_bytes());
            Source::FileSystem(reader.text(&at("type"), kind), name)
        }
    };
    check(reader, index, kind, &source, &options, ids.is_some());
    Mount { destination, source, options, ids }
}

/// What does not go together.
fn check(
    reader: &mut Reader<'_>,
    index: usize,
    kind: &str,
    source: &Source,
    options: &Options,
    mapped: bool,
) {
    let at = |field: &str| format!("mounts[{index}].{field}");
    let whole_tree = |key: &CString| table::OF_THE_WHOLE_TREE.contains(&key.as_c_str());
    if *source == Source::Cgroup
        && let Some((key, _)) = options.data.iter().find(|(key, _)| !whole_tree(key))
    {
        reader.refuse(at("options"), format!("{key:?} is no option of a cgroup mount"));
    }
    if options.copy_up && (kind != "tmpfs" || !matches!(source, Source::FileSystem(..))) {
        reader.refuse(at("options"), "tmpcopyup is for a tmpfs");
    }
    if mapped && !matches!(source, Source::Bind(..)) {
        reader.refuse(at("uidMappings"), "are for bind mounts: a new file system belongs to the container");
    }
}
