//! The container's groups: which are made, what is written into them, and who joins them.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::path::{Path, PathBuf};

use isolab_core::cgroup::{Directory, Group, Op, Without};
use isolab_core::config::Config;
use isolab_core::host::{Hierarchy, Host};
use isolab_core::plan::{self, Plan, Side};

use super::expected::same;
use super::limits::{self, Limit};
use super::lists;

/// Holds the groups of a plan against those that the config needs.
pub(super) fn check(config: &Config, host: &Host, plan: &Plan) {
    let of = |side: Side| {
        let steps = plan.steps().iter().filter(move |step| step.side == side);
        steps.filter_map(|step| if let plan::Op::Cgroup(op) = &step.op { Some(op) } else { None })
    };
    let Some(group) = &config.cgroup else {
        assert_eq!(
            (of(Side::Parent).count(), plan.directories.len()),
            (0, 0),
            "groups that nobody asked for:\n{plan}"
        );
        return;
    };
    let limits = limits::limits(&group.resources, &host.cgroups);
    let expected = directories(group, host, &limits);
    let mut found = plan.directories.clone();
    found.sort_by(|one, other| one.mount.cmp(&other.mount));
    assert_eq!(found, expected, "{plan}");
    assert!(plan.directories.iter().skip(1).all(|directory| !directory.v2), "v2 comes first");
    let ops: Vec<Op> = of(Side::Parent).cloned().map(in_order).collect();
    let wanted: Vec<Op> =
        plan.directories.iter().flat_map(|directory| of_parent(directory, group, host, &limits)).collect();
    device_lines(&ops, group, host);
    same(ops, wanted, plan);
    let joins: Vec<&Op> = of(Side::Child).collect();
    let moved = plan.directories.iter().filter(|directory| !directory.at_clone);
    let wanted: Vec<Op> =
        moved.enumerate().map(|(nth, directory)| Op::Join { nth, group: text(&directory.path) }).collect();
    assert!(joins.into_iter().eq(wanted.iter()), "{plan}");
    assert_eq!(of(Side::Stage).count(), 0);
    inside(plan);
}

/// With its controllers in an order.
fn in_order(op: Op) -> Op {
    match op {
        Op::Enable { file, controllers, must } => {
            let names: BTreeSet<String> =
                controllers.to_string_lossy().split(' ').map(str::to_owned).collect();
            let names: Vec<String> = names.into_iter().collect();
            Op::Enable { file, controllers: text(Path::new(&names.join(" "))), must }
        }
        other => other,
    }
}

fn text(path: &Path) -> CString {
    CString::new(path.to_string_lossy().as_bytes()).unwrap_or_default()
}

/// Where there is a group: in the v2 tree, where a limit's controller is, and without a tree where processes can be stopped.
fn directories(group: &Group, host: &Host, limits: &[Limit]) -> Vec<Directory> {
    let cgroups = &host.cgroups;
    let cpuset = limits.iter().any(|limit| limit.controller == "cpuset") && limits::is_v2(cgroups, "cpuset");
    let lists = limits::wants_lists(group, cgroups);
    let needed = |hierarchy: &&Hierarchy| {
        let has = |name: &str| hierarchy.controllers.iter().any(|own| own == name);
        let limited = limits.iter().any(|limit| has(&limit.controller)) || lists && has("devices");
        limited || cgroups.v2.is_none() && has("freezer") && hierarchy.writable
    };
    let place = |hierarchy: &Hierarchy, v2: bool| Directory {
        path: hierarchy.mount.join(&group.path),
        mount: hierarchy.mount.clone(),
        controllers: hierarchy.controllers.clone(),
        v2,
        at_clone: v2 && !cpuset,
    };
    let v1 = cgroups.v1.iter().filter(needed).map(|hierarchy| place(hierarchy, false));
    let v2 = cgroups.v2.iter().filter(|tree| tree.writable).map(|tree| place(tree, true));
    let mut all: Vec<Directory> = v1.chain(v2).collect();
    all.sort_by(|one, other| one.mount.cmp(&other.mount));
    all
}

fn of_parent(directory: &Directory, group: &Group, host: &Host, limits: &[Limit]) -> Vec<Op> {
    let names: Vec<&str> = group.path.split('/').collect();
    let mut above = vec![directory.mount.clone()];
    for name in &names[..names.len() - 1] {
        above.push(above[above.len() - 1].join(name));
    }
    let has = |name: &str| directory.controllers.iter().any(|own| own == name);
    let fill_cpuset = !directory.v2 && has("cpuset");
    let mut all = vec![Op::Create {
        path: text(&directory.path),
        above: above[1..].iter().map(|group| text(group)).collect(),
        fill_cpuset,
    }];
    let own: Vec<&Limit> = limits
        .iter()
        .filter(|limit| has(&limit.controller) || directory.v2 && limit.controller == "cgroup")
        .collect();
    let controllers: BTreeSet<String> = own
        .iter()
        .filter(|limit| limit.controller != "cgroup")
        .map(|limit| format!("+{}", limit.controller))
        .collect();
    if directory.v2 && !controllers.is_empty() {
        let controllers = controllers.into_iter().collect::<Vec<_>>().join(" ");
        let controllers = CString::new(controllers).unwrap_or_default();
        let file = |group: &PathBuf| text(&group.join("cgroup.subtree_control"));
        all.extend(above.iter().map(|group| Op::Enable {
            file: file(group),
            controllers: controllers.clone(),
            must: true,
        }));
    }
    let file = |name: &str| text(&directory.path.join(name));
    let value = |value: &str| CString::new(value).unwrap_or_default();
    for limit in own {
        let without = match &limit.instead {
            Some((other, another)) => Without::Write { file: file(other), value: value(another) },
            None if limit.harmless => Without::GoOn,
            None => Without::Fail,
        };
        all.push(Op::Write { file: file(&limit.file), value: value(&limit.value), without });
    }
    if !directory.v2 && has("devices") && limits::wants_lists(group, &host.cgroups) {
        all.extend(lists::lines(&group.resources.devices).into_iter().map(|(allow, line)| Op::Write {
            file: file(if allow { "devices.allow" } else { "devices.deny" }),
            value: value(&line),
            without: Without::Fail,
        }));
    }
    if directory.v2 && host.uid == 0 && limits::wants_program(group, &host.cgroups) {
        let program = isolab_core::cgroup::devices::Program::new(&group.resources.devices);
        all.push(Op::Devices { group: text(&directory.path), program });
    }
    all.push(match (directory.at_clone, directory.v2) {
        (true, _) => Op::OpenGroup(text(&directory.path)),
        (false, true) => Op::OpenJoin(file("cgroup.procs")),
        (false, false) => Op::OpenJoin(file("tasks")),
    });
    all
}

/// The lists of devices are written in the order of the rules.
fn device_lines(ops: &[Op], group: &Group, host: &Host) {
    let line = |op: &Op| match op {
        Op::Write { file, value, .. } => {
            let allow = file.to_bytes().ends_with(b"/devices.allow");
            let list = allow || file.to_bytes().ends_with(b"/devices.deny");
            list.then(|| (allow, value.to_string_lossy().into_owned()))
        }
        _ => None,
    };
    let lines: Vec<(bool, String)> = ops.iter().filter_map(line).collect();
    let wanted = limits::wants_lists(group, &host.cgroups);
    assert_eq!(lines, if wanted { lists::lines(&group.resources.devices) } else { Vec::new() });
}

/// Every group is below the root of its hierarchy, and no path leads up; each that is made is one that the plan keeps, to be removed.
fn inside(plan: &Plan) {
    let within = |path: &CString| {
        let path = PathBuf::from(path.to_string_lossy().into_owned());
        let up = path.components().any(|part| part == std::path::Component::ParentDir);
        !up && plan.directories.iter().any(|one| path.starts_with(&one.mount) && path != one.mount)
    };
    for step in plan.steps() {
        let plan::Op::Cgroup(op) = &step.op else { continue };
        let right = match op {
            Op::Create { path, above, .. } => {
                let kept = plan.directories.iter().any(|one| text(&one.path) == *path);
                kept && within(path) && above.iter().all(within)
            }
            Op::Enable { file, .. } | Op::Write { file, .. } => within(file),
            Op::Devices { group, .. } | Op::Join { group, .. } => within(group),
            Op::OpenGroup(path) | Op::OpenJoin(path) => within(path),
        };
        assert!(right, "{op}\n{plan}");
    }
}
