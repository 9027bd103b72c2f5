//! What must come before what in a plan, and why. A property of every plan, held against this table in tests.

use super::{Op, Plan, Side};
use crate::{capability, cgroup, device, mask, mount, namespace, network, process, rootfs};

/// A class of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `mkdir` of a group.
    MakeGroup,
    /// A value written into a group.
    Limit,
    /// The clone.
    Clone,
    /// The child joins groups by itself.
    JoinGroup,
    /// `unshare` of the cgroup namespace.
    UnshareCgroup,
    /// `unshare` of the time namespace.
    UnshareTime,
    /// Time offsets.
    TimeOffsets,
    /// A network namespace is joined.
    JoinNetwork,
    /// The loopback link is brought up.
    Loopback,
    /// A device of the host is moved in.
    MoveDevice,
    /// The child waits for its devices.
    AwaitDevices,
    /// The id maps are there.
    Maps,
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
    /// The root is made read-only.
    ReadOnlyRoot,
    /// The root is entered.
    Enter,
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
        Class::UnshareTime,
        Class::TimeOffsets,
        "offsets are those of the namespace for children",
        "time_namespaces(7)",
    ),
    (Class::TimeOffsets, Class::Enter, "written through the host's /proc", "time_namespaces(7)"),
    (Class::Clone, Class::Loopback, "the clone makes the namespace", "network_namespaces(7)"),
    (Class::Maps, Class::Loopback, "needs CAP_NET_ADMIN in the namespace's owner", "netdevice(7)"),
    (Class::JoinNetwork, Class::MoveDevice, "devices go to where the child is", "runtime-spec"),
    (Class::MoveDevice, Class::AwaitDevices, "the child goes on once it has them", "runtime-spec"),
    (Class::AwaitDevices, Class::Exec, "the workload finds its devices", "runtime-spec"),
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
    (Class::Mount, Class::Device, "nodes belong on the container's own /dev", "runtime-spec"),
    (Class::Mount, Class::Path, "masks cover what the mounts show", "runtime-spec"),
    (Class::Device, Class::Path, "a device may be masked", "runtime-spec"),
    (Class::Device, Class::ReadOnlyRoot, "nodes and mount points are still to be made", "runtime-spec"),
    (Class::Path, Class::Enter, "the host's /dev/null is still needed", "CVE-2025-31133"),
    (Class::ReadOnlyRoot, Class::Enter, "never writable for the workload", "runtime-spec"),
    (Class::Mount, Class::Enter, "sources are paths of the host", "runtime-spec"),
    (Class::Bound, Class::Identity, "needs CAP_SETPCAP, lost with user 0", "capabilities(7)"),
    (Class::Enter, Class::Identity, "pivot_root needs CAP_SYS_ADMIN", "pivot_root(2)"),
    (Class::Identity, Class::Capabilities, "setresuid clears them", "capabilities(7)"),
    (Class::Identity, Class::Cwd, "entered with the user's own permissions", "CVE-2024-21626"),
    (Class::Enter, Class::Cwd, "it is inside the root", "CVE-2024-21626"),
    (Class::Capabilities, Class::Filter, "the filter may refuse capset", "seccomp(2)"),
    (Class::NoNewPrivs, Class::Filter, "without privilege a filter needs it", "seccomp(2)"),
    (Class::Hold, Class::Filter, "the filter may refuse ptrace", "seccomp(2)"),
    (Class::Hold, Class::Bound, "the exec gives no more than the tracer could give", "ptrace(2)"),
    (Class::Hold, Class::Identity, "the exec gives no more than the tracer could give", "ptrace(2)"),
    (Class::Close, Class::Filter, "the filter may refuse close_range", "seccomp(2)"),
    (Class::Filter, Class::Exec, "the workload runs under it", "seccomp(2)"),
];

/// The class of an operation; `None` when nothing depends on its place.
#[must_use]
pub fn class(op: &Op) -> Option<Class> {
    use crate::namespace::Kind;
    Some(match op {
        Op::Cgroup(cgroup::Op::Create { .. } | cgroup::Op::Enable { .. }) => Class::MakeGroup,
        Op::Cgroup(cgroup::Op::Write { .. }) => Class::Limit,
        Op::Cgroup(cgroup::Op::Join { .. }) => Class::JoinGroup,
        Op::Namespace(namespace::Op::Unshare(Kind::Cgroup)) => Class::UnshareCgroup,
        Op::Namespace(namespace::Op::Unshare(_)) => Class::UnshareTime,
        Op::Namespace(namespace::Op::TimeOffsets(_)) => Class::TimeOffsets,
        Op::Namespace(
            namespace::Op::MapOwnIds { .. } | namespace::Op::AwaitMaps | namespace::Op::BecomeRoot,
        ) => Class::Maps,
        Op::Namespace(namespace::Op::Join(Kind::Network, _)) => Class::JoinNetwork,
        Op::Network(network::Op::LoopbackUp) => Class::Loopback,
        Op::Network(network::Op::MoveDevice(_)) => Class::MoveDevice,
        Op::Network(network::Op::AwaitDevices) => Class::AwaitDevices,
        Op::Root(rootfs::Op::Propagation(_)) => Class::Propagation,
        Op::Root(rootfs::Op::Attach(_) | rootfs::Op::AttachOverlay { .. }) => Class::AttachRoot,
        Op::Root(rootfs::Op::ReadOnly) => Class::ReadOnlyRoot,
        Op::Root(rootfs::Op::Pivot | rootfs::Op::Chroot) => Class::Enter,
        Op::Mount(mount::Op::FileSystem { .. } | mount::Op::Bind { .. } | mount::Op::Cgroup { .. }) => {
            Class::Mount
        }
        Op::Device(device::Op::Node(_) | device::Op::Bind(_) | device::Op::Link(..)) => Class::Device,
        Op::Path(mask::Op::Mask(_) | mask::Op::ReadOnly(_)) => Class::Path,
        Op::Capability(capability::Op::Bound(..)) => Class::Bound,
        Op::Capability(capability::Op::Set { .. }) => Class::Capabilities,
        Op::Process(op) => return process_class(op),
        _ => return None,
    })
}

fn process_class(op: &process::Op) -> Option<Class> {
    Some(match op {
        process::Op::Clone { .. } => Class::Clone,
        process::Op::Identity { .. } => Class::Identity,
        process::Op::Cwd(_) => Class::Cwd,
        process::Op::NoNewPrivs => Class::NoNewPrivs,
        process::Op::CloseDescriptors => Class::Close,
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
