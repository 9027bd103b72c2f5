//! The child between its clone and its exec.
//!
//! It lives in its parent's memory without thread-local storage of its own. So: no allocation, no panic, no lock;
//! raw calls over data that was prepared before, and `exit` on the first failure, which is noted where the parent
//! sees it. Its descriptors are its own, and are closed together before the exec.

use std::cell::OnceCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::gate::Gate;
use super::timeline::Progress;
use crate::plan::{Op, Plan, Side};
use crate::sys::process::StringArray;
use crate::sys::{self, Errno, mount, process as sysproc};
use crate::{capability, cgroup, device, mask, mount as mounts, namespace, network, process, rootfs};

/// What parent and child both see.
pub(crate) struct Shared<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) progress: &'a Progress,
    pub(crate) stdio: [BorrowedFd<'a>; 3],
    pub(crate) procs: &'a [OwnedFd],
    pub(crate) argv: &'a StringArray,
    pub(crate) env: &'a StringArray,
    /// Where it waits for its parent's part.
    pub(crate) gate: Gate,
}

/// The child's own state.
pub(crate) struct Child<'a> {
    shared: &'a Shared<'a>,
    root: OnceCell<OwnedFd>,
    /// An empty, read-only directory, once one has been mounted.
    empty: OnceCell<OwnedFd>,
}

/// The child's whole life, as far as it is ours.
pub(crate) fn run(shared: &Shared<'_>) -> ! {
    let child = Child { shared, root: OnceCell::new(), empty: OnceCell::new() };
    let steps = shared.plan.steps().iter().enumerate().skip(shared.plan.clone_index() + 1);
    for (index, step) in steps.filter(|(_, step)| step.side == Side::Child) {
        shared.progress.begin(index);
        if let Err(errno) = perform(&step.op, &child) {
            shared.progress.fail(index, errno);
            break;
        }
    }
    sysproc::exit(127)
}

fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    match op {
        Op::Cgroup(cgroup::Op::Join { nth, .. }) => cgroup::perform::join(*nth, child),
        Op::Cgroup(_) => Err(Errno::ENOSYS), // the parent's
        Op::Namespace(op) => namespace::perform::perform(op, child),
        Op::Network(op) => network::perform::perform(op, child),
        Op::Root(op) => rootfs::perform::perform(op, child),
        Op::Mount(op) => mounts::perform::perform(op, child),
        Op::Device(op) => device::perform::perform(op, child),
        Op::Path(op) => mask::perform::perform(op, child),
        Op::Capability(op) => capability::perform::perform(op),
        Op::Process(op) => process::perform::perform(op, child),
    }
}

impl<'a> Child<'a> {
    pub(crate) fn procs(&self) -> &'a [OwnedFd] {
        self.shared.procs
    }

    pub(crate) fn stdio(&self) -> [BorrowedFd<'a>; 3] {
        self.shared.stdio
    }

    pub(crate) fn argv(&self) -> &'a StringArray {
        self.shared.argv
    }

    pub(crate) fn env(&self) -> &'a StringArray {
        self.shared.env
    }

    /// The new root.
    pub(crate) fn root(&self) -> sys::Result<BorrowedFd<'_>> {
        self.root.get().map(AsFd::as_fd).ok_or(Errno::EBADF)
    }

    pub(crate) fn set_root(&self, root: OwnedFd) -> sys::Result<()> {
        self.root.set(root).map_err(|_| Errno::EBUSY)
    }

    /// Waits for the parent's part.
    pub(crate) fn await_parent(&self) -> sys::Result<()> {
        self.shared.gate.pass()?;
        match self.shared.progress.failure() {
            None => Ok(()),
            Some((_, errno)) => Err(errno),
        }
    }

    /// Covers a directory with an empty, read-only one. All of a container's share one file system, since making one
    /// costs more than copying a mount of it.
    pub(crate) fn attach_empty(&self, target: BorrowedFd<'_>) -> sys::Result<()> {
        if let Some(empty) = self.empty.get() {
            let copy = mount::clone_tree(empty.as_fd(), c"", false)?;
            return mount::attach(copy.as_fd(), target);
        }
        let context = mount::fsopen(c"tmpfs")?;
        mount::fsconfig_set(context.as_fd(), c"mode", Some(c"555"))?;
        mount::fsconfig_set(context.as_fd(), c"nr_inodes", Some(c"1"))?;
        mount::fsconfig_create(context.as_fd())?;
        let attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        let empty = mount::fsmount(context.as_fd(), attributes | libc::MOUNT_ATTR_NOEXEC)?;
        mount::attach(empty.as_fd(), target)?;
        self.empty.set(empty).map_err(|_| Errno::EBUSY)
    }
}
