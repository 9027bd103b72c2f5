//! Why a launch failed: the operation, its object, the errno, and a remedy where the errno misleads.

use std::ffi::CStr;
use std::time::Duration;

use crate::plan::{Op, Plan, Side};
use crate::sys::Errno;
use crate::{cgroup, hook, landlock, mount, namespace, process, rootfs, scheduler};

/// Why a launch failed. Nothing is left behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The plan does not give all that the config asks for.
    #[error("this launch would be weaker than asked: {}", .0.join("; "))]
    Gaps(Vec<String>),
    /// The config wants a terminal, and nobody is there to take its other side.
    #[error(
        "process.terminal: true, and no console socket to send the terminal to; give one, or set it to false"
    )]
    NoConsole,
    /// Another program failed, or could not be reached: a hook outside the container, `newuidmap`, a seccomp agent.
    #[error("{0}")]
    Helper(String),
    /// A step failed.
    #[error("{step}: {} ({}){}, see {field}{}", errno.description().unwrap_or("unknown error"), errno.name().unwrap_or("?"),
        match side { Side::Parent => "", Side::Stage => ", in the stage", Side::Child => ", in the child" },
        remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default())]
    Step {
        /// Index of the step in the plan.
        index: usize,
        /// The plan's line for it, shortened.
        step: String,
        /// Who performed it.
        side: Side,
        /// The property of the config that it comes from.
        field: String,
        /// The kernel's answer.
        errno: Errno,
        /// What to do, where the errno alone misleads.
        remedy: Option<&'static str>,
    },
    /// The child died before its exec.
    #[error("the child was killed at: {step}; out of memory, a signal, or its own seccomp filter")]
    Died {
        /// The plan's line for the step that it was at.
        step: String,
    },
    /// The child was killed because it took too long.
    #[error("gave up after {after:?} at: {step}")]
    TimedOut {
        /// The plan's line for the step that it was at.
        step: String,
        /// The limit.
        after: Duration,
    },
    /// Something besides the plan's steps failed.
    #[error("{operation}: {} ({})", errno.description().unwrap_or("unknown error"), errno.name().unwrap_or("?"))]
    System {
        /// What.
        operation: String,
        /// The kernel's answer.
        errno: Errno,
    },
}

impl Error {
    pub(crate) fn step(plan: &Plan, index: usize, errno: Errno) -> Error {
        let Some(step) = plan.steps().get(index) else { return Error::system("perform the plan", errno) };
        let (field, remedy) = (step.field().to_owned(), remedy(&step.op, errno));
        Error::Step { index, step: one_line(&step.to_string()), side: step.side, field, errno, remedy }
    }

    pub(crate) fn system(operation: impl Into<String>, errno: Errno) -> Error {
        Error::System { operation: operation.into(), errno }
    }

    /// The exit status by the shell's convention: 127 when the workload was not found, 126 when it could not be
    /// executed, 1 for everything else.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Step { step, errno: Errno::ENOENT, .. } if is_program(step) => 127,
            Error::Step { step, .. } if is_program(step) => 126,
            _ => 1,
        }
    }

    pub(crate) fn removal(group: &CStr, errno: Errno) -> Error {
        Error::system(format!("remove the cgroup {}", group.to_string_lossy()), errno)
    }
}

/// A step in one line of bounded length: names in it are the config's, and may hold anything.
fn one_line(step: &str) -> String {
    const MOST: usize = 400;
    let plain = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let line: String = step.chars().take(MOST).map(plain).collect();
    if step.chars().nth(MOST).is_some() { format!("{line}…") } else { line }
}

/// Whether a step is about the workload's program.
fn is_program(step: &str) -> bool {
    step.starts_with("execve ") || step.starts_with("find ")
}

/// What to do about an errno that misleads, or whose cause is seldom the obvious one.
fn remedy(op: &Op, errno: Errno) -> Option<&'static str> {
    Some(match (op, errno) {
        (Op::Process(process::Op::Clone { .. }), Errno::ENOSPC) => {
            "a limit on namespaces is reached, not the disk: see /proc/sys/user/max_*_namespaces"
        }
        (Op::Process(process::Op::Clone { .. }), Errno::EPERM) => {
            "run as root, or add a user namespace (and allow it: kernel.unprivileged_userns_clone, \
             kernel.apparmor_restrict_unprivileged_userns)"
        }
        (Op::Process(process::Op::Clone { .. }), Errno::EAGAIN) => {
            "a limit on processes is reached: RLIMIT_NPROC, pids.max of the launcher's cgroup, or kernel.pid_max"
        }
        (Op::Process(process::Op::Exec(_) | process::Op::Find(_)), Errno::ENOENT) => {
            "the program, its interpreter or its dynamic linker is not in the container's root file system"
        }
        (Op::Process(process::Op::Exec(_)), Errno::ENOEXEC) => {
            "the program is of another architecture, or no program"
        }
        (Op::Process(process::Op::Exec(_)), Errno::ENOSYS) => {
            "every Linux has this call: the filter of linux.seccomp refuses it"
        }
        (Op::Process(process::Op::Cwd(_)), Errno::EMFILE) => {
            "process.rlimits lets the process open too few files"
        }
        (Op::Process(process::Op::Filter { .. }), Errno::EACCES) => {
            "without process.noNewPrivileges, loading a filter needs CAP_SYS_ADMIN"
        }
        (Op::Process(process::Op::SessionKeyring), Errno::EDQUOT) => {
            "the user has too many keys: see /proc/key-users and kernel.keys.maxkeys, or keep the caller's keyring \
             (--no-new-keyring)"
        }
        (Op::Process(process::Op::SessionKeyring), Errno::EPERM | Errno::EACCES) => {
            "the launcher's own seccomp filter refuses keyctl: keep the caller's keyring (--no-new-keyring)"
        }
        (Op::Process(process::Op::RaiseHard(_) | process::Op::Rlimit(_)), Errno::EPERM) => {
            "raising a hard limit needs CAP_SYS_RESOURCE"
        }
        (Op::Process(process::Op::OomScoreAdj(_)), Errno::EACCES) => "lowering it needs CAP_SYS_RESOURCE",
        (Op::AppArmor(_), Errno::ENOENT) => {
            "no profile of that name is loaded: see /sys/kernel/security/apparmor/profiles, and load it with apparmor_parser"
        }
        (Op::AppArmor(_), Errno::EACCES | Errno::EPERM) => {
            "the profile that the launcher itself is under does not let it change to this one"
        }
        (Op::Selinux(_), Errno::EINVAL) => "the loaded policy has no such context",
        (Op::Selinux(_), Errno::EACCES) => {
            "the policy does not let the launcher's domain set the context of its exec (setexec)"
        }
        (Op::Sysctl(_), Errno::ENOENT) => {
            "this kernel, or a namespace other than the host's, has no such parameter"
        }
        (Op::Sysctl(_), Errno::EBUSY) => {
            "the namespace in linux.namespaces is the launcher's own, and the parameter would be the host's"
        }
        (Op::Sysctl(_), Errno::EROFS) => {
            "the launcher's own /proc/sys is read-only: it is in a container itself"
        }
        (Op::Sysctl(_), Errno::EACCES | Errno::EPERM) => {
            "the parameter belongs to the host's root: before Linux 6.0 those of the ipc namespace do, in a user namespace too"
        }
        (Op::Sysctl(_), Errno::EINVAL) => "the kernel refuses the value",
        (Op::Scheduler(scheduler::Op::Policy(_)), Errno::EPERM) => {
            "real-time and deadline policies and negative nice values need CAP_SYS_NICE on the host; on cgroup v1 with \
             CONFIG_RT_GROUP_SCHED the group needs realtimeRuntime; SCHED_DEADLINE needs a period that fits and no cpuset"
        }
        (Op::Scheduler(scheduler::Op::Policy(_)), Errno::EBUSY) => {
            "there is not enough CPU time left for this deadline"
        }
        (Op::Scheduler(scheduler::Op::IoPriority(_)), Errno::EPERM) => {
            "the real-time class needs CAP_SYS_NICE or CAP_SYS_ADMIN on the host"
        }
        (Op::MemoryPolicy(_), Errno::EINVAL) => {
            "the kernel does not know the mode, or the container's cpuset has none of these nodes"
        }
        (Op::MemoryPolicy(_), Errno::ENOSYS) => "this kernel was built without NUMA",
        (Op::Landlock(landlock::Op::Restrict), Errno::E2BIG) => "the launcher is under 16 rule sets already",
        (Op::Capability(_), Errno::EPERM) => "the launcher does not have all of these itself",
        (Op::Root(rootfs::Op::AttachOverlay { .. }), Errno::EINVAL) => {
            "upperdir and workdir must be on one file system that supports xattrs (no overlay, no NFS), and workdir empty"
        }
        (Op::Root(rootfs::Op::AttachOverlay { .. }), Errno::EBUSY) => {
            "another overlay is using its upperdir or workdir"
        }
        (Op::Root(rootfs::Op::AttachOverlay { .. }), Errno::EMFILE) => {
            "each of so many layers takes a descriptor: raise the launcher's own RLIMIT_NOFILE (ulimit -n)"
        }
        (Op::Root(rootfs::Op::Pivot), Errno::EINVAL) => {
            "the launcher's own root may be the initramfs, which cannot be pivoted away from: switch to a tmpfs first"
        }
        (Op::Mount(mount::Op::FileSystem { .. }), Errno::EINVAL) => {
            "the file system refuses one of the options"
        }
        (Op::Mount(mount::Op::FileSystem { .. }), Errno::EPERM) => {
            "in a user namespace, proc and sysfs need pid and network namespaces of its own and a host whose own are \
             not masked (mount_too_revealing)"
        }
        (Op::Mount(mount::Op::Open(tree)), Errno::EINVAL) if tree.ids.is_some() => {
            "the file system of the source cannot be idmapped on this kernel, or the source is idmapped already"
        }
        (Op::Mount(mount::Op::FileSystem { options, .. }), Errno::ENOSPC) if options.copy_up => {
            "what tmpcopyup copies is larger than the tmpfs: raise its size="
        }
        (Op::Mount(_) | Op::Root(_) | Op::Device(_) | Op::Path(_), Errno::EAGAIN) => {
            "the file tree kept changing while a path was resolved: stop what renames or mounts there, and try again"
        }
        (Op::Device(crate::device::Op::Node(_)), Errno::EEXIST) => {
            "something else is there, which the runtime-spec does not let be replaced: remove it from the root file system"
        }
        (Op::Device(_), Errno::EROFS) => "mount a tmpfs on /dev, or make the node before",
        (Op::Mount(mount::Op::Bind { .. }), Errno::EPERM) => {
            "in a user namespace, what the host's mount forbids (ro, nosuid, nodev, noexec) cannot be allowed, nor the way \
             that it keeps access times be changed: leave these options out"
        }
        (Op::Mount(mount::Op::Bind { opened: None, .. }), Errno::EINVAL) => {
            "in a user namespace, a directory with mounts below it can only be bound with them: use rbind"
        }
        (Op::Mount(_), Errno::ELOOP) => {
            "the root file system has a symbolic link there; for /proc and /sys none is followed"
        }
        (Op::Hook(hook::Op::Inside { .. }), Errno::ECANCELED) => {
            "it ended with another status than 0; what it said is in the workload's standard error"
        }
        (Op::Hook(hook::Op::Inside { .. }), Errno::ETIMEDOUT) => "killed after its timeout",
        (Op::Terminal(_), Errno::ENOENT | Errno::ENODEV) => {
            "the container's /dev/ptmx is no pseudo-terminal multiplexer: mount a devpts at /dev/pts"
        }
        (Op::Namespace(namespace::Op::Open { .. }), Errno::ENOENT) => {
            "its process may have ended; a bind mount of the namespace's file keeps it"
        }
        (Op::Namespace(namespace::Op::Join { .. }), Errno::EINVAL) => {
            "the path is no namespace of this kind, or a user namespace that the launcher is in already"
        }
        (
            Op::Namespace(namespace::Op::OpenProcess { .. } | namespace::Op::JoinProcess { .. }),
            Errno::ESRCH,
        ) => "the container's first process has ended",
        (Op::Namespace(namespace::Op::BecomeRoot), Errno::EINVAL) => {
            "the user namespace maps no user or group 0"
        }
        (Op::Cgroup(op), _) => return cgroup::remedy::of_step(op, errno),
        (Op::Namespace(namespace::Op::MapOwnIds { .. }), Errno::EPERM) => {
            "the map must name this user's own ids, and user namespaces must not be restricted by an LSM"
        }
        _ => return None,
    })
}
