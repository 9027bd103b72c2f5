//! Control groups: where a container's groups are, and what they limit (`cgroups(7)`,
//! `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/`).
//!
//! A group is made where a setting needs one, and in the v2 tree wherever there is one, also when it has no
//! controllers (a hybrid host): there a container can start in its group and be killed and frozen as a whole. Without a
//! v2 tree the freezer of v1 stands in for it.
//!
//! What is done to the groups of a container that runs, or has ended, takes their [`Directory`]s alone, as a saved state
//! has them: `freeze`, `kill`, `procs`, `usage`, `update`, `remove`.

pub mod devices;
mod directory;
#[cfg(feature = "launch")]
mod error;
#[cfg(feature = "launch")]
mod file;
#[cfg(feature = "launch")]
mod freeze;
#[cfg(feature = "launch")]
mod kill;
#[cfg(feature = "launch")]
mod oom;
mod op;
#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;
#[cfg(feature = "launch")]
pub(crate) mod remedy;
mod resources;
mod settings;
#[cfg(feature = "launch")]
pub(crate) mod tree;
#[cfg(feature = "launch")]
mod update;
#[cfg(feature = "launch")]
mod usage;

use std::path::{Component, Path};

use crate::config::Reader;
use crate::mount::{Mount, Source};

pub use devices::DeviceRule;
pub use directory::{Directory, directories};
pub use op::{Op, Without};
pub(crate) use plan::{gaps, notes, plan, plan_join, plan_open};
pub use resources::{
    BlockIo, Cpu, Device, HugePages, Memory, Network, Rate, Rdma, Resources, Throttle, Weight,
};
pub use settings::{Absent, Setting, settings, weight_of_shares};
#[cfg(feature = "launch")]
pub use {
    error::Error,
    freeze::{freeze, is_frozen},
    kill::{kill, procs, signal},
    oom::{OomWatch, oom_kills},
    perform::make,
    tree::remove,
    update::update,
    usage::{Usage, usage},
};

/// A container's cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its path from the root of every hierarchy, without a leading slash: [`Group::default_path`] where the config names none.
    pub path: String,
    /// Its limits.
    pub resources: Resources,
    /// Whether it has a group in every hierarchy, with every controller, also where nothing is limited: then everything
    /// can be read of it, and limited later.
    pub everywhere: bool,
}

impl Group {
    /// Where a container's groups are if its config does not say: at the root, since a group above it would be made and
    /// removed with every container.
    #[must_use]
    pub fn default_path(id: &str) -> String {
        format!("isolab.{id}")
    }

    /// `None` when the config neither limits anything, nor names a path, nor wants to see its group.
    pub(crate) fn read(reader: &mut Reader<'_>, id: &str, mounts: &[Mount]) -> Option<Group> {
        let linux = reader.linux()?;
        let path = linux.cgroups_path().as_deref().filter(|path| !path.as_os_str().is_empty());
        let seen = mounts.iter().any(|mount| mount.source == Source::Cgroup);
        let resources = Resources::read(reader);
        if path.is_none() && linux.resources().is_none() && !seen {
            return None;
        }
        let path = path.map_or_else(|| Group::default_path(id), |path| read_path(reader, path));
        Some(Group { path, resources, everywhere: false })
    }
}

/// A path below the root of a hierarchy, without a way up.
///
/// systemd's notation (`slice:prefix:name`) is one too: groups are made here without systemd, and runc and crun take it
/// for the name of a directory then. Engines send it only to runtimes that they tell to ask systemd.
fn read_path(reader: &mut Reader<'_>, path: &Path) -> String {
    const AT: &str = "linux.cgroupsPath";
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir => reader.refuse(AT, "has a .. component"),
            Component::Prefix(_) => unreachable!("only on Windows"),
            Component::Normal(name) if name.len() > 255 => {
                reader.refuse(AT, "has a name of more than 255 bytes")
            }
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
        }
    }
    let joined = parts.join("/");
    if joined.is_empty() {
        reader.refuse(AT, "is the root of the hierarchy, which has no limits");
    }
    if joined.contains(['\0', '\n']) {
        reader.refuse(AT, "has a NUL or newline");
    }
    joined
}
