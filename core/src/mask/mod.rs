//! Paths that a container must not see (`linux.maskedPaths`) and must not write (`linux.readonlyPaths`).

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::ffi::CString;
use std::fmt;
use std::path::Path;

use crate::config::{Config, Reader};
use crate::host::Host;
use crate::mount::{self, Mount};
use crate::namespace::{Kind, Namespaces};
use crate::plan::{self, PlanError, Side, Step};

/// Paths inside the container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// Hidden: a file reads empty, a directory is empty and read-only.
    pub masked: Vec<CString>,
    /// Read-only, with everything below.
    pub readonly: Vec<CString>,
}

/// One operation on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Covers the path with the null device, or with an empty directory.
    Mask(Place),
    /// Covers the path with a read-only copy of itself.
    ReadOnly(Place),
}

/// Where a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Inside the container.
    pub path: CString,
    /// The proc or sysfs that it is in, kept open as the n-th mount, and the path from there.
    pub within: Option<(usize, CString)>,
}

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Op::Mask(_) => "masked path",
            Op::ReadOnly(_) => "read-only path",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Mask(place) => write!(f, "mask {}", place.path.to_string_lossy()),
            Op::ReadOnly(place) => write!(f, "make {} read-only", place.path.to_string_lossy()),
        }
    }
}

impl Paths {
    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &CString> {
        self.readonly.iter().chain(&self.masked)
    }

    pub(crate) fn read(reader: &mut Reader<'_>, namespaces: &Namespaces) -> Paths {
        let Some(linux) = reader.linux() else { return Paths::default() };
        Paths {
            masked: read_list(reader, namespaces, "linux.maskedPaths", linux.masked_paths().as_deref()),
            readonly: read_list(reader, namespaces, "linux.readonlyPaths", linux.readonly_paths().as_deref()),
        }
    }
}

fn read_list(
    reader: &mut Reader<'_>,
    namespaces: &Namespaces,
    path: &str,
    listed: Option<&[String]>,
) -> Vec<CString> {
    let listed = listed.unwrap_or_default();
    if !listed.is_empty() && !namespaces.separates(Kind::Mount) {
        reader.refuse(path, "need a mount namespace");
    }
    let mut read = Vec::new();
    for (index, value) in listed.iter().enumerate() {
        let at = format!("{path}[{index}]");
        if mount::is_top(Path::new(value)) {
            reader.refuse(at.as_str(), "is /, which would hide or freeze everything");
        }
        read.push(reader.path_inside(&at, Path::new(value)));
    }
    read
}

/// The child's operations after the mounts and devices.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    for (index, path) in config.paths.readonly.iter().enumerate() {
        let covers = |mount: &Mount| {
            let below = mount.destination.to_bytes().strip_prefix(path.to_bytes());
            below.is_some_and(|rest| rest.starts_with(b"/") && rest.len() > 1)
        };
        if config.mounts.iter().any(covers) {
            // The older kernels' way covers what is mounted below.
            host.require("mount_setattr", &format!("linux.readonlyPaths[{index}]"))?;
        }
    }
    let kept = mount::Kept::new(config);
    let place = |path: &CString| Place { path: path.clone(), within: kept.within(config, path) };
    let readonly = config.paths.readonly.iter().map(|path| Op::ReadOnly(place(path)));
    let masked = config.paths.masked.iter().map(|path| Op::Mask(place(path)));
    steps.extend(readonly.chain(masked).map(|op| Step::new(Side::Child, plan::Op::Path(op))));
    Ok(())
}
