//! What the kernel demands of the order, by the manual pages; apart from the core's own table.

use isolab_core::plan::{Op, Plan};
use isolab_core::{capability, cgroup, device, hook, landlock, mask, mount, namespace, process, rootfs};

type Is = fn(&Op) -> bool;

/// All of the first come before any of the second.
const PAIRS: [(&str, Is, Is); 23] = [
    // Limited before its first instruction.
    ("limit, clone", is_limit, is_clone),
    ("limit, join", is_limit, |op| matches!(op, Op::Cgroup(cgroup::Op::Join { .. }))),
    // cgroup_namespaces(7): rooted in the groups of that moment.
    (
        "join, cgroup namespace",
        |op| matches!(op, Op::Cgroup(cgroup::Op::Join { .. })),
        |op| matches!(op, Op::Namespace(namespace::Op::Unshare(namespace::Kind::Cgroup))),
    ),
    // user_namespaces(7)
    ("map, root", is_map, |op| matches!(op, Op::Namespace(namespace::Op::BecomeRoot))),
    ("map, identity", is_map, is_identity),
    ("map, mount", is_map, is_mount),
    // time_namespaces(7)
    (
        "time, offsets",
        |op| matches!(op, Op::Namespace(namespace::Op::Unshare(namespace::Kind::Time))),
        |op| matches!(op, Op::Namespace(namespace::Op::TimeOffsets(_))),
    ),
    // mount_namespaces(7): or the mounts appear on the host.
    (
        "propagation, attach",
        |op| matches!(op, Op::Root(rootfs::Op::Propagation(_))),
        |op| matches!(op, Op::Root(rootfs::Op::Attach { .. } | rootfs::Op::AttachOverlay { .. })),
    ),
    (
        "attach, mount",
        |op| matches!(op, Op::Root(rootfs::Op::Attach { .. } | rootfs::Op::AttachOverlay { .. })),
        is_mount,
    ),
    ("mount, device", is_mount, |op| matches!(op, Op::Device(device::Op::Node(_) | device::Op::Bind(_)))),
    ("mount, mask", is_mount, |op| matches!(op, Op::Path(mask::Op::Mask(_) | mask::Op::ReadOnly(_)))),
    ("mask, enter", |op| matches!(op, Op::Path(_)), is_entry),
    ("device, enter", |op| matches!(op, Op::Device(_)), is_entry),
    (
        "read-only, enter",
        |op| matches!(op, Op::Root(rootfs::Op::ReadOnly) | Op::Mount(mount::Op::ReadOnly { .. })),
        is_entry,
    ),
    // config.md, "POSIX-platform Hooks"
    ("create hooks, enter", |op| is_hook(op, false), is_entry),
    ("enter, start hooks", is_entry, |op| is_hook(op, true)),
    // pivot_root(2) takes CAP_SYS_ADMIN, which goes with user 0; so does dropping from the bounding set take CAP_SETPCAP.
    ("enter, identity", is_entry, is_identity),
    (
        "inherit, bound",
        |op| matches!(op, Op::Capability(capability::Op::Inherit(_))),
        |op| matches!(op, Op::Capability(capability::Op::Bound(..))),
    ),
    ("bound, identity", |op| matches!(op, Op::Capability(capability::Op::Bound(..))), is_identity),
    // setresuid(2) clears them.
    ("identity, capabilities", is_identity, |op| matches!(op, Op::Capability(capability::Op::Set { .. }))),
    // CVE-2024-21626: as the user, in the root, and no descriptor outside is left.
    ("identity, cwd", is_identity, |op| matches!(op, Op::Process(process::Op::Cwd(_)))),
    ("enter, cwd", is_entry, |op| matches!(op, Op::Process(process::Op::Cwd(_)))),
    (
        "rules, restrict",
        |op| {
            matches!(
                op,
                Op::Landlock(landlock::Op::Create { .. } | landlock::Op::Path(..) | landlock::Op::Port(..))
            )
        },
        |op| matches!(op, Op::Landlock(landlock::Op::Restrict)),
    ),
];

fn is_limit(op: &Op) -> bool {
    matches!(op, Op::Cgroup(cgroup::Op::Write { .. } | cgroup::Op::Devices { .. }))
}

fn is_clone(op: &Op) -> bool {
    matches!(op, Op::Process(process::Op::Clone { .. }))
}

fn is_map(op: &Op) -> bool {
    use namespace::Op::{MapIds, MapOwnIds, MapSubIds};
    matches!(op, Op::Namespace(MapOwnIds { .. } | MapIds { .. } | MapSubIds { .. }))
}

fn is_identity(op: &Op) -> bool {
    matches!(op, Op::Process(process::Op::Identity { .. }))
}

/// Of the config, made by the child.
fn is_mount(op: &Op) -> bool {
    use mount::Op::{Bind, Cgroup, FileSystem, Remount};
    matches!(op, Op::Mount(FileSystem { .. } | Bind { .. } | Cgroup { .. } | Remount { .. }))
}

fn is_entry(op: &Op) -> bool {
    matches!(op, Op::Root(rootfs::Op::Pivot | rootfs::Op::Chroot))
}

fn is_hook(op: &Op, start: bool) -> bool {
    let of_start = matches!(op, Op::Hook(hook::Op::Inside { point: hook::Point::StartContainer, .. }));
    let any = matches!(op, Op::Hook(hook::Op::Inside { .. } | hook::Op::Outside { .. }));
    if start { of_start } else { any && !of_start }
}

/// Holds a plan against the list, and the end of it against `seccomp(2)`: without `no_new_privs` or CAP_SYS_ADMIN no filter is
/// loaded, and under it nothing but the exec may be done.
pub(super) fn check(plan: &Plan) {
    let steps = plan.steps();
    let first = |is: &Is| steps.iter().position(|step| is(&step.op));
    let last = |is: &Is| steps.iter().rposition(|step| is(&step.op));
    for (name, before, after) in &PAIRS {
        if let (Some(before), Some(after)) = (last(before), first(after)) {
            assert!(before < after, "{name}:\n{plan}");
        }
    }
    assert!(matches!(steps.last().map(|step| &step.op), Some(Op::Process(process::Op::Exec(_)))), "{plan}");
    let filter = steps.iter().position(|step| matches!(step.op, Op::Process(process::Op::Filter { .. })));
    let Some(filter) = filter else { return };
    assert_eq!(filter + 2, steps.len(), "{plan}");
    let allowed = |step: &isolab_core::plan::Step| {
        let privileged = matches!(step.op, Op::Capability(capability::Op::Set { for_filter: true, .. }));
        privileged || matches!(step.op, Op::Process(process::Op::NoNewPrivs))
    };
    assert!(steps[..filter].iter().any(allowed), "{plan}");
}
