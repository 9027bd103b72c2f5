//! What a launch does about the root file system.

use std::ffi::CString;
use std::fmt;

use crate::config::Config;
use crate::host::Host;
use crate::namespace::Kind;
use crate::plan::{self, PlanError, Side, Step};

/// One operation on the root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Cuts or reduces propagation between the host's mounts and the new namespace's copies.
    Propagation(u64),
    /// Attaches a copy of the directory's mount on itself: `pivot_root` wants a mount point.
    Attach(CString),
    /// Attaches an overlay on the directory.
    AttachOverlay {
        /// The directory.
        at: CString,
        /// `lowerdir=…,upperdir=…,workdir=…`.
        data: CString,
    },
    /// Opens the directory, to `chroot` into it later.
    Open(CString),
    /// Makes the root mount read-only.
    ReadOnly,
    /// Makes it the root, and detaches the old one.
    Pivot,
    /// Makes it the root of this process alone.
    Chroot,
}

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Op::Propagation(_) => "mount namespace",
            Op::AttachOverlay { .. } => "overlay",
            Op::Attach(_) | Op::ReadOnly | Op::Pivot => "pivot_root",
            Op::Open(_) | Op::Chroot => "chroot",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Propagation(flags) if flags & libc::MS_SLAVE != 0 => {
                write!(f, "make all mounts slaves (rslave)")
            }
            Op::Propagation(_) => write!(f, "make all mounts private (rprivate)"),
            Op::Attach(path) => write!(f, "bind {} on itself", path.to_string_lossy()),
            Op::AttachOverlay { at, data } => {
                write!(f, "mount overlay on {} ({})", at.to_string_lossy(), data.to_string_lossy())
            }
            Op::Open(path) => write!(f, "open {}", path.to_string_lossy()),
            Op::ReadOnly => write!(f, "make the root read-only"),
            Op::Pivot => write!(f, "pivot_root, detach the old root"),
            Op::Chroot => write!(f, "chroot"),
        }
    }
}

/// The child's operations before any mount.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let mut push = |op| steps.push(Step::new(Side::Child, plan::Op::Root(op)));
    let root = &config.root;
    if !config.namespaces.makes(Kind::Mount) {
        push(Op::Open(root.path.clone()));
        return Ok(());
    }
    push(Op::Propagation(root.propagation));
    match &root.overlay {
        None => push(Op::Attach(root.path.clone())),
        Some(data) => {
            let needed =
                if config.namespaces.separates(Kind::User) { "overlay-in-user-namespace" } else { "overlay" };
            host.require(needed, "mounts[0].type")?;
            push(Op::AttachOverlay { at: root.path.clone(), data: data.clone() });
        }
    }
    Ok(())
}

/// The child's operations after everything has been put in place.
pub(crate) fn enter(config: &Config, steps: &mut Vec<Step>) {
    let mut push = |op| steps.push(Step::new(Side::Child, plan::Op::Root(op)));
    if !config.namespaces.makes(Kind::Mount) {
        push(Op::Chroot);
        return;
    }
    if config.root.readonly {
        push(Op::ReadOnly);
    }
    push(if config.root.no_pivot { Op::Chroot } else { Op::Pivot });
}
