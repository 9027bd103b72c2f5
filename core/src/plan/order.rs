//! What must come before what in a plan, and why. A property of every plan, held against this table in tests.

use super::{Op, Plan, Side};
use crate::{
    capability, cgroup, hook, landlock, mask, mount, namespace, network, process, rootfs, scheduler,
};

/// A class of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `mkdir` of a group.
    MakeGroup,
    /// A value written into a group.
    Limit,
    /// The launcher opens a mount's source.
    OpenSource,
    /// The clone.
    Clone,
    /// The child joins groups by itself.
    JoinGroup,
    /// The process cannot be inspected.
    Undumpable,
    /// A namespace is opened.
    OpenNamespace,
    /// A namespace is joined.
    JoinNamespace,
    /// A terminal is opened.
    Terminal,
    /// A hook of the creation.
    CreateHook,
    /// A hook of the start.
    StartHook,
    /// The child waits to be started.
    AwaitStart,
    /// `unshare` of the cgroup namespace.
    UnshareCgroup,
    /// `unshare` of the time namespace.
    UnshareTime,
    /// Time offsets.
    TimeOffsets,
    /// The loopback link is brought up.
    Loopback,
    /// A device of the host is moved in.
    MoveDevice,
    /// The id maps are there.
    Maps,
    /// Root of the user namespace.
    BecomeRoot,
    /// A profile or context for the exec.
    Label,
    /// A kernel parameter.
    Sysctl,
    /// Propagation is cut.
    Propagation,
    /// The new root is attached.
    AttachRoot,
    /// A mount of the config.
    Mount,
    /// A device node.
    Device,
    /// A masked or read-only path.
    Path,
    /// A file system is made read-only, once all is made in it.
    ReadOnlyMount,
    /// The root is made read-only.
    ReadOnlyRoot,
    /// The root is entered.
    Enter,
    /// The entered root is given its propagation.
    ShareRoot,
    /// Landlock rules are collected.
    Rules,
    /// Scheduling and where memory comes from.
    Scheduling,
    /// The execution domain.
    Personality,
    /// A hard limit is raised.
    RaiseHard,
    /// The limit on descriptors holds.
    Files,
    /// The inheritable set is given what the bounding set will not have.
    Inherit,
    /// The bounding set is reduced.
    Bound,
    /// User and groups are set.
    Identity,
    /// Capabilities are set.
    Capabilities,
    /// The working directory is entered.
    Cwd,
    /// `no_new_privs`.
    NoNewPrivs,
    /// Landlock's rules hold.
    Restrict,
    /// Descriptors are closed.
    Close,
    /// The workload is to be held at its exec.
    Hold,
    /// The filter is loaded.
    Filter,
    /// The exec.
    Exec,
}

/// Before, after, why, source.
pub type Row = (Class, Class, &'static str, &'static str);

/// The table.
pub const TABLE: &[Row] = &[
    (Class::MakeGroup, Class::Limit, "files exist once the group does", "cgroup-v2.rst"),
    (Class::Limit, Class::Clone, "the workload is limited before its first instruction", "runtime-spec"),
    (Class::Limit, Class::JoinGroup, "the workload is limited before its first instruction", "runtime-spec"),
    (Class::OpenSource, Class::Clone, "the child inherits the descriptors", "open_tree(2)"),
    (Class::Clone, Class::JoinGroup, "what the clone cannot join, the child does", "clone3(2)"),
    (
        Class::JoinGroup,
        Class::UnshareCgroup,
        "the namespace is rooted in the groups of that moment",
        "cgroup_namespaces(7)",
    ),
    (
        Class::JoinGroup,
        Class::Mount,
        "the group must be entered before its file system is covered",
        "cgroups(7)",
    ),
    (Class::JoinGroup, Class::Filter, "the filter may refuse write", "seccomp(2)"),
    (
        Class::OpenNamespace,
        Class::JoinNamespace,
        "paths are the host's, and change with the mounts",
        "setns(2)",
    ),
    (Class::Terminal, Class::ReadOnlyRoot, "/dev/console is still to be made", "runtime-spec"),
    (Class::Terminal, Class::ReadOnlyMount, "/dev/console is still to be made", "runtime-spec"),
    (Class::Device, Class::Terminal, "it is opened by /dev/ptmx", "runtime-spec"),
    (Class::Enter, Class::AwaitStart, "a created container is complete", "runtime-spec"),
    (Class::Capabilities, Class::AwaitStart, "a created container is complete", "runtime-spec"),
    (
        Class::Mount,
        Class::CreateHook,
        "the container's file systems are there",
        "runtime-spec, POSIX-platform Hooks",
    ),
    (Class::CreateHook, Class::Enter, "their paths are the host's", "runtime-spec, POSIX-platform Hooks"),
    (Class::Enter, Class::StartHook, "their paths are the container's", "runtime-spec, POSIX-platform Hooks"),
    (Class::AwaitStart, Class::StartHook, "they are part of the start", "runtime-spec, POSIX-platform Hooks"),
    (Class::StartHook, Class::Filter, "the filter is the workload's, not theirs", "runtime-spec"),
    (Class::AwaitStart, Class::Close, "what it waits at is a descriptor", "runtime-spec"),
    (
        Class::UnshareTime,
        Class::TimeOffsets,
        "offsets are those of the namespace for children",
        "time_namespaces(7)",
    ),
    (
        Class::TimeOffsets,
        Class::BecomeRoot,
        "it takes /proc/self away from the child",
        "PR_SET_DUMPABLE(2const)",
    ),
    (Class::Maps, Class::BecomeRoot, "ids must be mapped", "user_namespaces(7)"),
    (Class::BecomeRoot, Class::AttachRoot, "what is made is to have an owner", "user_namespaces(7)"),
    (Class::TimeOffsets, Class::Enter, "written through the host's /proc", "time_namespaces(7)"),
    (Class::Clone, Class::Loopback, "the clone makes the namespace", "network_namespaces(7)"),
    (Class::Maps, Class::Loopback, "needs CAP_NET_ADMIN in the namespace's owner", "netdevice(7)"),
    (Class::JoinNamespace, Class::MoveDevice, "devices go to where the child is", "runtime-spec"),
    (Class::MoveDevice, Class::Exec, "the workload finds its devices", "runtime-spec"),
    (Class::Loopback, Class::Identity, "needs CAP_NET_ADMIN, lost with user 0", "netdevice(7)"),
    (
        Class::Maps,
        Class::Propagation,
        "without a map the child owns nothing that it makes",
        "user_namespaces(7)",
    ),
    (Class::Maps, Class::Identity, "ids must be mapped", "user_namespaces(7)"),
    (Class::Propagation, Class::AttachRoot, "or the mount would appear on the host", "mount_namespaces(7)"),
    (Class::AttachRoot, Class::Mount, "targets are resolved inside the root", "runtime-spec"),
    (Class::Device, Class::ReadOnlyMount, "nodes and mount points are still to be made", "runtime-spec"),
    (Class::Path, Class::ReadOnlyMount, "mount points are found and made before", "runtime-spec"),
    (Class::ReadOnlyMount, Class::Enter, "never writable for the workload", "runtime-spec"),
    (Class::Enter, Class::ShareRoot, "pivot_root refuses a shared root", "pivot_root(2)"),
    (Class::ShareRoot, Class::Identity, "needs CAP_SYS_ADMIN", "mount(2)"),
    (Class::Mount, Class::Device, "nodes belong on the container's own /dev", "runtime-spec"),
    (Class::Mount, Class::Path, "masks cover what the mounts show", "runtime-spec"),
    (Class::Device, Class::Path, "a device may be masked", "runtime-spec"),
    (Class::Device, Class::ReadOnlyRoot, "nodes and mount points are still to be made", "runtime-spec"),
    (Class::Path, Class::Enter, "the host's /dev/null is still needed", "CVE-2025-31133"),
    (Class::ReadOnlyRoot, Class::Enter, "never writable for the workload", "runtime-spec"),
    (Class::Mount, Class::Enter, "sources are paths of the host", "runtime-spec"),
    (Class::Inherit, Class::Bound, "nothing is inheritable that the bounding set has lost", "capset(2)"),
    (Class::Hold, Class::Inherit, "the exec gives no more than the tracer could give", "ptrace(2)"),
    (Class::Bound, Class::Identity, "needs CAP_SETPCAP, lost with user 0", "capabilities(7)"),
    (Class::Enter, Class::Identity, "pivot_root needs CAP_SYS_ADMIN", "pivot_root(2)"),
    (Class::Identity, Class::Capabilities, "setresuid clears them", "capabilities(7)"),
    (Class::Identity, Class::Cwd, "entered with the user's own permissions", "CVE-2024-21626"),
    (Class::Enter, Class::Cwd, "it is inside the root", "CVE-2024-21626"),
    (Class::RaiseHard, Class::Identity, "raising takes CAP_SYS_RESOURCE", "setrlimit(2)"),
    (Class::RaiseHard, Class::Files, "no more than the hard limit can be had", "setrlimit(2)"),
    (Class::Cwd, Class::Files, "it opens more than the workload may", "setrlimit(2)"),
    (Class::Files, Class::Filter, "the filter may refuse it", "seccomp(2)"),
    (Class::Capabilities, Class::Filter, "the filter may refuse capset", "seccomp(2)"),
    (Class::NoNewPrivs, Class::Filter, "without privilege a filter needs it", "seccomp(2)"),
    (Class::Hold, Class::Filter, "the filter may refuse ptrace", "seccomp(2)"),
    (Class::Hold, Class::Bound, "the exec gives no more than the tracer could give", "ptrace(2)"),
    (Class::Hold, Class::Identity, "the exec gives no more than the tracer could give", "ptrace(2)"),
    (Class::Label, Class::Enter, "an image's /proc may be a fake that takes every write", "CVE-2019-16884"),
    (Class::Label, Class::NoNewPrivs, "a confined launcher may only narrow afterwards", "no_new_privs.rst"),
    (Class::Maps, Class::Sysctl, "written as the owner of the namespaces", "user_namespaces(7)"),
    (Class::Sysctl, Class::Enter, "written through the host's /proc", "CVE-2023-28642"),
    (Class::JoinGroup, Class::Scheduling, "the cpuset decides which nodes there are", "set_mempolicy(2)"),
    (Class::Scheduling, Class::Bound, "may need CAP_SYS_NICE", "sched(7)"),
    (Class::Scheduling, Class::Identity, "may need CAP_SYS_NICE", "sched(7)"),
    (Class::Personality, Class::Filter, "the filter may refuse personality", "seccomp(2)"),
    (Class::Enter, Class::Rules, "the paths are the container's", "landlock(7)"),
    (Class::Rules, Class::Identity, "a rule does not depend on what the user may reach", "landlock(7)"),
    (Class::Rules, Class::Cwd, "paths begin at the root", "openat2(2)"),
    (Class::Rules, Class::Restrict, "a rule set is complete before it holds", "landlock(7)"),
    (Class::NoNewPrivs, Class::Restrict, "without privilege a rule set needs it", "landlock(7)"),
    (Class::Mount, Class::Restrict, "no mount may change afterwards", "landlock(7)"),
    (Class::Cwd, Class::Restrict, "the working directory need not be readable", "landlock(7)"),
    (Class::Restrict, Class::Close, "the rule set is a descriptor", "landlock(7)"),
    (Class::Restrict, Class::Filter, "the filter may refuse landlock_restrict_self", "seccomp(2)"),
    (Class::Close, Class::Filter, "the filter may refuse close_range", "seccomp(2)"),
    (Class::Filter, Class::Exec, "the workload runs under it", "seccomp(2)"),
];

/// The class of an operation; `None` when nothing depends on its place.
#[must_use]
pub fn class(op: &Op) -> Option<Class> {
    use crate::namespace::Kind;
    Some(match op {
        Op::Cgroup(cgroup::Op::Create { .. } | cgroup::Op::Enable { .. }) => Class::MakeGroup,
        Op::Cgroup(cgroup::Op::Write { .. } | cgroup::Op::Devices { .. }) => Class::Limit,
        Op::Cgroup(cgroup::Op::Join { .. }) => Class::JoinGroup,
        Op::Namespace(namespace::Op::Unshare(Kind::Cgroup)) => Class::UnshareCgroup,
        Op::Namespace(namespace::Op::Unshare(_)) => Class::UnshareTime,
        Op::Namespace(namespace::Op::Open { .. } | namespace::Op::OpenProcess { .. }) => Class::OpenNamespace,
        Op::Namespace(namespace::Op::Join { .. } | namespace::Op::JoinProcess { .. }) => Class::JoinNamespace,
        Op::Namespace(namespace::Op::TimeOffsets(_)) => Class::TimeOffsets,
        Op::Namespace(
            namespace::Op::MapOwnIds { .. } | namespace::Op::MapIds { .. } | namespace::Op::MapSubIds { .. },
        ) => Class::Maps,
        Op::Namespace(namespace::Op::BecomeRoot) => Class::BecomeRoot,
        Op::Network(network::Op::LoopbackUp) => Class::Loopback,
        Op::Network(network::Op::MoveDevice(_)) => Class::MoveDevice,
        Op::Root(rootfs::Op::Propagation(_)) => Class::Propagation,
        Op::Root(rootfs::Op::Attach { .. } | rootfs::Op::AttachOverlay { .. }) => Class::AttachRoot,
        Op::Root(rootfs::Op::ReadOnly) => Class::ReadOnlyRoot,
        Op::Root(rootfs::Op::Pivot | rootfs::Op::Chroot) => Class::Enter,
        Op::Root(rootfs::Op::Share(_)) => Class::ShareRoot,
        Op::Mount(mount::Op::Open(_)) => Class::OpenSource,
        Op::Mount(mount::Op::ReadOnly { .. }) => Class::ReadOnlyMount,
        Op::Mount(_) => Class::Mount,
        Op::Device(_) => Class::Device,
        Op::Path(mask::Op::Mask(_) | mask::Op::ReadOnly(_)) => Class::Path,
        Op::Capability(capability::Op::Inherit(_)) => Class::Inherit,
        Op::Capability(capability::Op::Bound(..)) => Class::Bound,
        Op::Capability(capability::Op::Set { .. }) => Class::Capabilities,
        Op::AppArmor(_) | Op::Selinux(_) => Class::Label,
        Op::Sysctl(_) => Class::Sysctl,
        Op::Scheduler(scheduler::Op::Policy(_) | scheduler::Op::IoPriority(_)) | Op::MemoryPolicy(_) => {
            Class::Scheduling
        }
        Op::Personality(_) => Class::Personality,
        Op::Landlock(landlock::Op::Restrict) => Class::Restrict,
        Op::Landlock(_) => Class::Rules,
        Op::Process(op) => return process_class(op),
        Op::Terminal(_) => Class::Terminal,
        Op::Hook(hook::Op::Outside { .. }) => Class::CreateHook,
        Op::Hook(hook::Op::Inside { point, .. }) => match point {
            hook::Point::StartContainer => Class::StartHook,
            _ => Class::CreateHook,
        },
        _ => return None,
    })
}

fn process_class(op: &process::Op) -> Option<Class> {
    Some(match op {
        process::Op::Clone { .. } => Class::Clone,
        process::Op::Identity { .. } => Class::Identity,
        process::Op::Cwd(_) => Class::Cwd,
        process::Op::RaiseHard(_) => Class::RaiseHard,
        process::Op::Rlimit(limit) if limit.resource == libc::RLIMIT_NOFILE => Class::Files,
        process::Op::NoNewPrivs => Class::NoNewPrivs,
        process::Op::CloseDescriptors { .. } => Class::Close,
        process::Op::Undumpable => Class::Undumpable,
        process::Op::AwaitStart { .. } => Class::AwaitStart,
        process::Op::TraceMe => Class::Hold,
        process::Op::Filter { .. } => Class::Filter,
        process::Op::Exec(_) => Class::Exec,
        _ => return None,
    })
}

/// The rows that a plan violates, and the rules that no row can express. Empty for a right plan.
#[must_use]
pub fn violations(plan: &Plan) -> Vec<String> {
    let classes: Vec<Option<Class>> = plan.steps().iter().map(|step| class(&step.op)).collect();
    let last = |wanted| classes.iter().rposition(|class| *class == Some(wanted));
    let first = |wanted| classes.iter().position(|class| *class == Some(wanted));
    let mut found: Vec<String> = TABLE
        .iter()
        .filter(|(before, after, ..)| matches!((last(*before), first(*after)), (Some(b), Some(a)) if b > a))
        .map(|(before, after, why, source)| {
            format!("{before:?} must come before {after:?}: {why} ({source})")
        })
        .collect();
    if first(Class::Exec).is_none_or(|exec| exec + 1 != classes.len()) {
        found.push("the exec must come last".into());
    }
    if let (Some(filter), Some(exec)) = (first(Class::Filter), first(Class::Exec))
        && filter + 1 != exec
    {
        found.push("nothing may come between the filter and the exec, which it may refuse".into());
    }
    let clone = plan.clone_index();
    // Only a process that cannot be inspected may enter what others are in; a new time namespace is its own.
    let undumpable = first(Class::Undumpable);
    if plan.steps()[..clone].iter().enumerate().any(|(index, step)| {
        step.side == Side::Stage
            && class(&step.op) == Some(Class::JoinNamespace)
            && undumpable.is_none_or(|at| at > index)
    }) {
        found.push("a stage must not be inspected in the namespaces that it joins (ptrace(2))".into());
    }
    if plan.steps()[clone..].iter().any(|step| step.side == Side::Stage) {
        found.push("the stage ends with the clone".into());
    }
    if plan.steps()[..clone].iter().any(|step| step.side == Side::Child) {
        found.push("the child can do nothing before the clone".into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn a_real_plan_keeps_the_table() {
        assert_eq!(violations(&plan()), Vec::<String>::new());
        assert_eq!(violations(&plan().held()), Vec::<String>::new());
    }

    #[test]
    fn every_swap_that_breaks_a_row_is_seen() {
        let good = plan();
        for (before, after, ..) in TABLE {
            let at = |wanted| good.steps().iter().position(|step| class(&step.op) == Some(wanted));
            let (Some(first), Some(second)) = (at(*before), at(*after)) else { continue };
            let mut bad = good.clone();
            bad.steps.swap(first, second);
            let seen = violations(&bad);
            let wanted = format!("{before:?} must come before {after:?}");
            assert!(seen.iter().any(|line| line.starts_with(&wanted)), "{wanted} not seen: {seen:?}");
        }
    }
}
