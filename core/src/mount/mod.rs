//! Mounts of a container (`mount(2)`, `fsopen(2)`, `open_tree(2)`, `mount_setattr(2)`).
//!
//! A mount is made detached and then attached on an open descriptor of its target, which was resolved inside the
//! container's root. Not done yet: idmapped mounts, `tmpcopyup`.

mod options;
#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;

use std::ffi::CString;
use std::path::Path;

use oci_spec::runtime::Mount as Spec;

use crate::config::{NOT_YET, Reader};
use crate::namespace::{Kind, Namespaces};

pub use options::{Attributes, Options, names as option_names};
pub use plan::Op;
pub(crate) use plan::plan;

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A new file system: type, and what stands as its source in `mountinfo`.
    FileSystem(CString, CString),
    /// A path of the host, with what is mounted below it or without.
    Bind(CString, bool),
    /// The container's own groups, hierarchy by hierarchy.
    Cgroup,
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
}

impl Mount {
    /// Whether it covers the container's `path` with a new file system.
    pub(crate) fn is_new_at(&self, path: &str) -> bool {
        let destination = self.destination.to_bytes();
        let trimmed = destination.strip_suffix(b"/").unwrap_or(destination);
        trimmed == path.as_bytes() && matches!(self.source, Source::FileSystem(..))
    }
}

/// The mounts of a spec, without an overlay at `/`, which is the root file system's.
pub(crate) fn read(reader: &mut Reader<'_>, namespaces: &Namespaces) -> Vec<Mount> {
    let listed = reader.spec.mounts().as_deref().unwrap_or_default();
    let listed: Vec<(usize, &Spec)> =
        listed.iter().enumerate().filter(|(_, mount)| !is_root(mount)).collect();
    if !listed.is_empty() && !namespaces.makes(Kind::Mount) {
        reader.refuse("mounts", "need a new mount namespace, or they would be the host's");
    }
    listed.into_iter().map(|(index, mount)| read_one(reader, index, mount)).collect()
}

/// Whether an entry describes the root file system itself.
pub(crate) fn is_root(mount: &Spec) -> bool {
    mount.destination() == Path::new("/")
}

fn read_one(reader: &mut Reader<'_>, index: usize, mount: &Spec) -> Mount {
    let at = |field: &str| format!("mounts[{index}].{field}");
    let destination = reader.path_inside(&at("destination"), mount.destination());
    if mount.uid_mappings().is_some() || mount.gid_mappings().is_some() {
        reader.refuse(at("uidMappings"), NOT_YET);
    }
    let listed = mount.options().as_deref().unwrap_or_default();
    let options = Options::read(reader, &at("options"), listed);
    let bind = listed.iter().find_map(|option| match option.as_str() {
        "bind" => Some(false),
        "rbind" => Some(true),
        _ => None,
    });
    let kind = mount.typ().as_deref().unwrap_or_default();
    let recursive = bind.or((kind == "bind").then_some(false));
    let source = match (recursive, kind, mount.source()) {
        (Some(recursive), _, Some(path)) => Source::Bind(reader.path_on_host(&at("source"), path), recursive),
        (Some(_), _, None) => {
            reader.refuse(at("source"), "is missing: a bind mount needs one");
            Source::Cgroup
        }
        (None, "", _) => {
            reader.refuse(at("type"), "is missing");
            Source::Cgroup
        }
        (None, "cgroup" | "cgroup2", _) => Source::Cgroup,
        (None, kind, source) => {
            let name = source.as_deref().map_or_else(|| kind.into(), |source| source.to_string_lossy());
            let name = reader.text(&at("source"), name.as_bytes());
            Source::FileSystem(reader.text(&at("type"), kind), name)
        }
    };
    if matches!(source, Source::Bind(..) | Source::Cgroup)
        && let Some((key, _)) = options.data.first()
    {
        reader.refuse(
            at("options"),
            format!("{key:?} is an option of a file system, which this mount does not make"),
        );
    }
    Mount { destination, source, options }
}
