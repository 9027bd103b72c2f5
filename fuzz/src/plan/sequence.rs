//! What must come in the config's order, or is found by its number.

use isolab_core::config::Config;
use isolab_core::hook::{Op as H, Point};
use isolab_core::host::Host;
use isolab_core::namespace::{Kind, Op as N};
use isolab_core::plan::{Op, Plan, Side};
use isolab_core::{cgroup, mount};

use super::mounts;

/// Holds lists of operations against the lists of the config that they come from.
pub(super) fn check(config: &Config, host: &Host, plan: &Plan) {
    let ops = || plan.steps().iter().map(|step| &step.op);
    let of_mounts = |side: Side| {
        let steps = plan.steps().iter().filter(move |step| step.side == side);
        steps.filter_map(|step| if let Op::Mount(op) = &step.op { Some(op.clone()) } else { None })
    };
    let trees = mounts::trees(config, host).into_iter().map(|(_, tree)| mount::Op::Open(tree));
    assert!(of_mounts(Side::Parent).eq(trees), "{plan}");
    assert!(of_mounts(Side::Child).eq(mounts::operations(config, host, plan)), "{plan}");
    let opened =
        ops().filter_map(|op| if let Op::Namespace(N::Open { kind, .. }) = op { Some(*kind) } else { None });
    assert!(opened.eq(config.namespaces.joined.iter().map(|(kind, _)| *kind)), "{plan}");
    let joined =
        ops().filter_map(|op| if let Op::Namespace(N::Join { kind, .. }) = op { Some(*kind) } else { None });
    joins(&joined.collect::<Vec<_>>(), host, plan);
    let groups = ops().filter_map(|op| match op {
        Op::Cgroup(cgroup::Op::OpenJoin(file)) => Some(file.to_string_lossy().into_owned()),
        _ => None,
    });
    let moved = plan.directories.iter().filter(|directory| !directory.at_clone);
    let files = moved.map(|one| one.path.join(if one.v2 { "cgroup.procs" } else { "tasks" }));
    assert!(groups.eq(files.map(|file| file.to_string_lossy().into_owned())), "{plan}");
    for point in Point::ALL {
        let ran = ops().filter_map(|op| match op {
            Op::Hook(H::Outside { point: at, hook, .. }) if *at == point => {
                Some(hook.path.to_string_lossy().into_owned())
            }
            Op::Hook(H::Inside { point: at, path, .. }) if *at == point => {
                Some(path.to_string_lossy().into_owned())
            }
            _ => None,
        });
        let late = [Point::Poststart, Point::Poststop].contains(&point);
        let asked = config.hooks.at(point).iter().filter(|_| !late);
        assert!(ran.eq(asked.map(|hook| hook.path.to_string_lossy().into_owned())), "{plan}");
    }
    writes(plan);
}

/// `setns(2)`: root owns the others from outside of the user namespace, everyone else from inside.
fn joins(joined: &[Kind], host: &Host, plan: &Plan) {
    let Some(at) = joined.iter().position(|kind| *kind == Kind::User) else { return };
    // The cgroup namespace is joined by the child, after its stage.
    let last = joined.iter().rposition(|kind| *kind != Kind::Cgroup);
    assert!(if host.uid == 0 { Some(at) == last } else { at == 0 }, "{plan}");
}

/// Values that others bound: the period of which a quota is a part, the limit of memory that one with swap includes.
fn writes(plan: &Plan) {
    const PAIRS: [(&str, &str); 5] = [
        ("/cpu.cfs_period_us", "/cpu.cfs_quota_us"),
        ("/cpu.cfs_quota_us", "/cpu.cfs_burst_us"),
        ("/cpu.rt_period_us", "/cpu.rt_runtime_us"),
        ("/cpu.max", "/cpu.max.burst"),
        ("/memory.limit_in_bytes", "/memory.memsw.limit_in_bytes"),
    ];
    let at = |name: &str| {
        plan.steps().iter().position(|step| {
            matches!(&step.op, Op::Cgroup(cgroup::Op::Write { file, .. }) if file.to_string_lossy().ends_with(name))
        })
    };
    for (first, second) in PAIRS {
        if let (Some(first), Some(second)) = (at(first), at(second)) {
            assert!(first < second, "{plan}");
        }
    }
}
