//! What a launch does about the root file system.

use std::ffi::CString;
use std::fmt;

use super::Overlay;
use crate::config::Config;
use crate::host::Host;
use crate::mount;
use crate::namespace::Kind;
use crate::plan::{self, PlanError, Side, Step};
use crate::planted::planted;

/// One operation on the root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Cuts or reduces propagation between the host's mounts and the new namespace's copies.
    Propagation(u64),
    /// Attaches a copy of the directory's mount on itself: `pivot_root` wants a mount point.
    Attach {
        /// The directory.
        path: CString,
        /// Which of the opened sources it is, where the path cannot be opened by the child.
        opened: Option<usize>,
    },
    /// Attaches an overlay on the directory.
    AttachOverlay {
        /// The directory.
        at: CString,
        /// Its layers.
        overlay: Overlay,
    },
    /// Opens the directory, to `chroot` into it later.
    Open(CString),
    /// Makes the root mount read-only.
    ReadOnly,
    /// Makes it the root, and detaches the old one.
    Pivot,
    /// Makes it the root of this process alone.
    Chroot,
    /// Gives the entered root its propagation: `MS_SHARED` and the like, with `MS_REC` or without.
    Share(u64),
}

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Op::Propagation(_) => "mount namespace",
            Op::AttachOverlay { .. } => "overlay",
            Op::Attach { .. } | Op::ReadOnly | Op::Pivot | Op::Share(_) => "pivot_root",
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
            Op::Attach { path, .. } => write!(f, "bind {} on itself", path.to_string_lossy()),
            Op::AttachOverlay { at, overlay } => {
                write!(f, "mount overlay on {} ({overlay})", at.to_string_lossy())
            }
            Op::Open(path) => write!(f, "open {}", path.to_string_lossy()),
            Op::ReadOnly => write!(f, "make the root read-only"),
            Op::Pivot => write!(f, "pivot_root, detach the old root"),
            Op::Chroot => write!(f, "chroot"),
            Op::Share(flags) => {
                let kind = if flags & libc::MS_SHARED != 0 { "shared" } else { "unbindable" };
                let below = if flags & libc::MS_REC != 0 { "all mounts" } else { "the root" };
                write!(f, "make {below} {kind}")
            }
        }
    }
}

/// The child's operations before any mount.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let mut push = |op| steps.push(Step::new(Side::Child, plan::Op::Root(op)));
    let root = &config.root;
    if !config.namespaces.separates(Kind::Mount) {
        push(Op::Open(root.path.clone()));
        return Ok(());
    }
    // Only a slave hears of the host's mounts. What is to be shared becomes so in the end, in a group of its own.
    let slave = root.propagation & libc::MS_SLAVE != 0;
    push(Op::Propagation(libc::MS_REC | if slave { libc::MS_SLAVE } else { libc::MS_PRIVATE }));
    match &root.overlay {
        None => {
            push(Op::Attach { path: root.path.clone(), opened: mount::root_source(config, host) });
        }
        Some(overlay) => {
            let user = match planted("joined-user-namespace-forgotten") {
                true => config.namespaces.makes(Kind::User),
                false => config.namespaces.separates(Kind::User),
            };
            let needed = if user { "overlay-in-user-namespace" } else { "overlay" };
            host.require(needed, "mounts[0].type")?;
            push(Op::AttachOverlay { at: root.path.clone(), overlay: overlay.clone() });
        }
    }
    Ok(())
}

/// The child's operations after everything has been put in place.
pub(crate) fn enter(config: &Config, steps: &mut Vec<Step>) {
    let mut push = |op| steps.push(Step::new(Side::Child, plan::Op::Root(op)));
    if !config.namespaces.separates(Kind::Mount) {
        push(Op::Chroot);
        return;
    }
    if config.root.readonly {
        push(Op::ReadOnly);
    }
    push(if config.root.no_pivot { Op::Chroot } else { Op::Pivot });
    if config.root.propagation & (libc::MS_SHARED | libc::MS_UNBINDABLE) != 0 {
        push(Op::Share(config.root.propagation));
    }
}
