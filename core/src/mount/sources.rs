//! Which sources the launcher opens before the clone, for the child to attach.
//!
//! * Those of idmapped mounts: the mapping takes `CAP_SYS_ADMIN` over the file system (`mount_setattr(2)`).
//! * Those that share events with the host, or receive them: the child's own mount tree is cut off first.
//! * Those of a container in a user namespace, whose own ids may not be allowed to traverse the path. The child prefers
//!   its own view, where the kernel locks the attributes of the host's mounts (`mount_namespaces(7)`, "Restrictions").

use std::ffi::CString;
use std::fmt;

use super::{IdMapping, Mount, Op, Source};
use crate::config::Config;
use crate::host::Host;
use crate::namespace::Kind;
use crate::plan::{self, PlanError, Side, Step};

/// A tree of mounts to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// A path of the host.
    pub source: CString,
    /// With what is mounted below it.
    pub recursive: bool,
    /// Whose ids its files are shown with.
    pub ids: Option<IdMapping>,
    /// What it is made: `MS_PRIVATE` or `MS_SLAVE`; 0 leaves it a peer of the host's.
    pub propagation: u64,
}

/// Where the child finds the source of a bind mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    /// The how-manieth of the trees.
    pub(crate) nth: usize,
    /// Whether the child's own view of the path comes first.
    pub(crate) own_first: bool,
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "open {}", self.source.to_string_lossy())?;
        if self.recursive {
            write!(f, " with all below")?;
        }
        match self.propagation {
            libc::MS_PRIVATE => write!(f, ", private")?,
            libc::MS_SLAVE => write!(f, ", slave")?,
            _ => {}
        }
        self.ids.iter().try_for_each(|ids| write!(f, ", {ids}"))
    }
}

/// What each mount of the config is found as.
pub(super) fn of_mounts(config: &Config, host: &Host) -> Vec<Option<Opened>> {
    let mut next = usize::from(root(config, host).is_some());
    let one = |mount| {
        let tree = tree(config, host, mount)?;
        let nth = next;
        next += 1;
        Some(Opened { nth, own_first: tree.ids.is_none() && !spreads(mount) })
    };
    config.mounts.iter().map(one).collect()
}

/// Whether the root directory is opened by the launcher too; then it is the first.
pub(crate) fn root(config: &Config, host: &Host) -> Option<usize> {
    (config.namespaces.separates(Kind::Mount) && config.root.overlay.is_none() && foreign(config, host))
        .then_some(0)
}

/// Whether the child's ids may be weaker than the launcher's.
fn foreign(config: &Config, host: &Host) -> bool {
    config.namespaces.separates(Kind::User) && host.uid == 0 && host.has("mount_setattr")
}

/// Whether it is to share events with what it is a copy of, or to receive them.
fn spreads(mount: &Mount) -> bool {
    let last = mount.options.propagation.last().map(|flags| flags & !libc::MS_REC);
    matches!(last, Some(libc::MS_SHARED | libc::MS_SLAVE))
}

fn tree(config: &Config, host: &Host, mount: &Mount) -> Option<Tree> {
    let Source::Bind(source, recursive) = &mount.source else { return None };
    let user = config.namespaces.separates(Kind::User);
    let spreads = spreads(mount) && host.uid == 0 && (!user || host.has("mount_setattr"));
    if mount.ids.is_none() && !spreads && !foreign(config, host) {
        return None;
    }
    let propagation = match (spreads, user) {
        (true, false) => 0,
        // The kernel's own rule for a less privileged mount namespace: events come in and none go out.
        (true, true) => libc::MS_SLAVE,
        (false, _) => libc::MS_PRIVATE,
    };
    Some(Tree { source: source.clone(), recursive: *recursive, ids: mount.ids.clone(), propagation })
}

/// The parent's operations before the clone.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    if root(config, host).is_some() {
        let source = config.root.path.clone();
        let tree = Tree { source, recursive: true, ids: None, propagation: libc::MS_PRIVATE };
        steps.push(Step::new(Side::Parent, plan::Op::Mount(Op::Open(tree))).at("root.path".into()));
    }
    for (index, mount) in config.mounts.iter().enumerate() {
        if mount.ids.is_some() {
            let path = format!("{}.uidMappings", super::plan::path(config, index));
            host.require("mount_setattr", &path)?;
            if host.uid != 0 {
                return Err(PlanError::new(
                    path,
                    "an idmapped mount takes CAP_SYS_ADMIN over the file system",
                    "run as root",
                ));
            }
        }
        let tree = tree(config, host, mount);
        let place = || super::plan::path(config, index);
        steps.extend(tree.map(|tree| Step::new(Side::Parent, plan::Op::Mount(Op::Open(tree))).at(place())));
    }
    Ok(())
}
