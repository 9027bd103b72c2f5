//! The child between its clone and its exec.
//!
//! It lives in its parent's memory without thread-local storage of its own. So: no allocation, no panic, no lock;
//! raw calls over data that was prepared before, and `exit` on the first failure, which is noted where the parent
//! sees it. Its descriptors are its own, and are closed together before the exec.

use std::cell::OnceCell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::gate::{Door, Word};
use super::parent::Parent;
use super::timeline::Progress;
use crate::plan::{Op, Plan, Side};
use crate::rootfs::made::Inside;
use crate::sys::process::StringArray;
use crate::sys::{self, Errno, mount, process as sysproc};
use crate::{
    apparmor, capability, cgroup, device, hook, landlock, mask, memory_policy, mount as mounts, namespace,
    network, personality, process, rootfs, scheduler, selinux, sysctl, terminal,
};

/// What parent and child both see.
pub(crate) struct Shared<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) progress: &'a Progress,
    pub(crate) stdio: [BorrowedFd<'a>; 3],
    /// What the parent has opened for it.
    pub(crate) parent: &'a Parent,
    pub(crate) argv: &'a StringArray,
    pub(crate) env: &'a StringArray,
    /// Arguments and environment of the hooks in the container.
    pub(crate) hooks: &'a [(StringArray, StringArray)],
    /// Where it waits for its parent's part.
    pub(crate) door: Option<Door<'a>>,
    /// Where it sends its terminal.
    pub(crate) console: Option<BorrowedFd<'a>>,
    /// What it reads a byte from before it goes on to the workload.
    pub(crate) start: Option<BorrowedFd<'a>>,
}

/// The child's own state.
pub(crate) struct Child<'a> {
    shared: &'a Shared<'a>,
    root: OnceCell<OwnedFd>,
    /// The number of the root's mount, once somebody asked.
    root_mount: OnceCell<u64>,
    /// An empty, read-only directory, once one has been mounted.
    empty: OnceCell<OwnedFd>,
    /// Mounts that something is still to be done to.
    kept: [OnceCell<OwnedFd>; mounts::MOST_KEPT],
    /// The Landlock rule set, once there is one.
    ruleset: OnceCell<OwnedFd>,
}

/// The child's whole life, as far as it is ours.
pub(crate) fn run(shared: &Shared<'_>) -> ! {
    go(&Child::new(shared))
}

/// The same, with what a stage has prepared.
pub(super) fn go(child: &Child<'_>) -> ! {
    let Shared { plan, progress, .. } = child.shared;
    let mut before = Side::Child;
    for (index, step) in plan.steps().iter().enumerate().skip(plan.clone_index() + 1) {
        let done = match step.side {
            Side::Child => {
                progress.begin(index);
                perform(&step.op, child)
            }
            // Its parent performs all of a run of its steps while the child waits once.
            _ if before == Side::Child => child.pass(Word::YourTurn),
            _ => Ok(()),
        };
        before = step.side;
        if let Err(errno) = done {
            progress.fail(index, errno);
            break;
        }
    }
    sysproc::exit(127)
}

pub(super) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    match op {
        Op::Cgroup(cgroup::Op::Join { nth, .. }) => cgroup::perform::join(*nth, child),
        Op::Cgroup(_) => Err(Errno::ENOSYS), // the parent's
        Op::Namespace(op) => namespace::perform::perform(op, child),
        Op::Network(op) => network::perform::perform(op),
        Op::Root(op) => rootfs::perform::perform(op, child),
        Op::Mount(op) => mounts::perform::perform(op, child),
        Op::Device(op) => device::perform::perform(op, child),
        Op::Path(op) => mask::perform::perform(op, child),
        Op::Capability(op) => capability::perform::perform(op),
        Op::Sysctl(op) => sysctl::perform::perform(op),
        Op::Scheduler(op) => scheduler::perform::perform(op),
        Op::MemoryPolicy(op) => memory_policy::perform::perform(op),
        Op::Personality(op) => personality::perform::perform(*op),
        Op::AppArmor(op) => apparmor::perform::perform(op),
        Op::Selinux(op) => selinux::perform::perform(op),
        Op::Landlock(op) => landlock::perform::perform(op, child),
        Op::Process(op) => process::perform::perform(op, child),
        Op::Hook(op) => hook::perform::inside(op, child),
        Op::Terminal(op) => terminal::perform::perform(op, child),
    }
}

impl<'a> Child<'a> {
    pub(super) fn new(shared: &'a Shared<'a>) -> Child<'a> {
        Child {
            shared,
            root: OnceCell::new(),
            root_mount: OnceCell::new(),
            empty: OnceCell::new(),
            kept: Default::default(),
            ruleset: OnceCell::new(),
        }
    }

    /// Its end of the gate, if there is one; closed at its exec.
    pub(crate) fn door(&self) -> Option<BorrowedFd<'a>> {
        self.shared.door.as_ref().map(Door::end)
    }

    /// What the parent has opened for it.
    pub(crate) fn parent(&self) -> &'a Parent {
        self.shared.parent
    }

    pub(crate) fn hook(&self, nth: usize) -> Option<(&'a StringArray, &'a StringArray)> {
        self.shared.hooks.get(nth).map(|(argv, env)| (argv, env))
    }

    pub(crate) fn console(&self) -> sys::Result<BorrowedFd<'a>> {
        self.shared.console.ok_or(Errno::EBADF)
    }

    pub(crate) fn start(&self) -> sys::Result<BorrowedFd<'a>> {
        self.shared.start.ok_or(Errno::EBADF)
    }

    /// Says a word to the parent and goes on.
    pub(crate) fn say(&self, word: Word) -> sys::Result<()> {
        self.shared.door.ok_or(Errno::EBADF)?.say(word)
    }

    /// Offers a descriptor to the parent, and goes on once it was taken.
    pub(crate) fn offer(&self, fd: BorrowedFd<'_>) {
        self.shared.progress.offer(fd.as_raw_fd());
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

    /// The new root, for what is to be made in it.
    pub(crate) fn inside(&self) -> sys::Result<Inside<'_>> {
        Ok(Inside { root: self.root()?, mount: &self.root_mount, noted: self.shared.progress.made() })
    }

    pub(crate) fn set_root(&self, root: OwnedFd) -> sys::Result<()> {
        self.root.set(root).map_err(|_| Errno::EBUSY)
    }

    /// The Landlock rule set.
    pub(crate) fn ruleset(&self) -> sys::Result<BorrowedFd<'_>> {
        self.ruleset.get().map(AsFd::as_fd).ok_or(Errno::EBADF)
    }

    pub(crate) fn set_ruleset(&self, ruleset: OwnedFd) -> sys::Result<()> {
        self.ruleset.set(ruleset).map_err(|_| Errno::EBUSY)
    }

    /// A mount that the parent opened.
    pub(crate) fn source(&self, nth: usize) -> sys::Result<BorrowedFd<'a>> {
        self.shared.parent.sources.get(nth).map(AsFd::as_fd).ok_or(Errno::EBADF)
    }

    /// A mount kept open as the n-th.
    pub(crate) fn kept(&self, nth: usize) -> sys::Result<BorrowedFd<'_>> {
        self.kept.get(nth).and_then(OnceCell::get).map(AsFd::as_fd).ok_or(Errno::EBADF)
    }

    pub(crate) fn keep(&self, nth: usize, mount: OwnedFd) -> sys::Result<()> {
        self.kept.get(nth).ok_or(Errno::EBADF)?.set(mount).map_err(|_| Errno::EBUSY)
    }

    /// Says a word to the parent and waits for its part.
    pub(crate) fn pass(&self, word: Word) -> sys::Result<()> {
        let door = self.shared.door.ok_or(Errno::EBADF)?;
        let passed = door.pass(word);
        match self.shared.progress.failure() {
            None => passed,
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
