//! What a launch does about mounts.

use std::ffi::CString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use super::{Mount, Options, Source};
use crate::cgroup::Directory;
use crate::config::Config;
use crate::host::Host;
use crate::plan::{self, PlanError, Side, Step};

/// One operation on mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Makes a file system and attaches it.
    FileSystem {
        /// Its type.
        kind: CString,
        /// What stands as its source in `mountinfo`.
        source: CString,
        /// Where.
        target: CString,
        /// How.
        options: Options,
    },
    /// Attaches a copy of a host mount.
    Bind {
        /// A path of the host.
        source: CString,
        /// With what is mounted below it.
        recursive: bool,
        /// Where.
        target: CString,
        /// How.
        options: Options,
    },
    /// Attaches a tmpfs with one directory for each v1 hierarchy, the container's group bound on it.
    Cgroup {
        /// Directory name and group, one a hierarchy; on a pure v2 host one with an empty name, attached itself.
        groups: Vec<(CString, CString)>,
        /// Where.
        target: CString,
        /// How.
        options: Options,
    },
}

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Op::FileSystem { kind, .. } => match kind.to_bytes() {
                b"proc" => "proc",
                b"sysfs" => "sysfs",
                b"tmpfs" => "tmpfs",
                b"devpts" => "devpts",
                b"mqueue" => "mqueue",
                _ => "mount",
            },
            Op::Bind { .. } => "bind mount",
            Op::Cgroup { .. } => "cgroup mount",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::FileSystem { kind, target, options, .. } => {
                write!(f, "mount {} on {}{options}", kind.to_string_lossy(), target.to_string_lossy())
            }
            Op::Bind { source, recursive, target, options } => {
                let how = if *recursive { "rbind" } else { "bind" };
                write!(f, "{how} {} on {}{options}", source.to_string_lossy(), target.to_string_lossy())
            }
            Op::Cgroup { groups, target, options } => {
                write!(
                    f,
                    "bind the container's {} group(s) on {}{options}",
                    groups.len(),
                    target.to_string_lossy()
                )
            }
        }
    }
}

/// The child's mounts, in the config's order.
pub(crate) fn plan(
    config: &Config,
    host: &Host,
    directories: &[Directory],
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    for (index, mount) in config.mounts.iter().enumerate() {
        if !mount.options.recursive.is_empty() {
            host.require("mount_setattr", &format!("mounts[{index}].options"))?;
        }
        steps.push(Step::new(Side::Child, plan::Op::Mount(operation(mount, directories))));
    }
    Ok(())
}

fn operation(mount: &Mount, directories: &[Directory]) -> Op {
    let (target, options) = (mount.destination.clone(), mount.options.clone());
    match &mount.source {
        Source::FileSystem(kind, source) => {
            Op::FileSystem { kind: kind.clone(), source: source.clone(), target, options }
        }
        Source::Bind(source, recursive) => {
            Op::Bind { source: source.clone(), recursive: *recursive, target, options }
        }
        Source::Cgroup => Op::Cgroup { groups: groups(directories), target, options },
    }
}

fn groups(directories: &[Directory]) -> Vec<(CString, CString)> {
    let text = |bytes: &[u8]| CString::new(bytes).unwrap_or_default();
    let alone = directories.iter().all(|directory| directory.v2);
    let name = |directory: &Directory| match alone {
        true => CString::default(),
        false => text(directory.mount.file_name().unwrap_or_default().as_bytes()),
    };
    directories
        .iter()
        .map(|directory| (name(directory), text(directory.path.as_os_str().as_bytes())))
        .collect()
}
