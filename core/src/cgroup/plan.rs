//! What a launch does about cgroups.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::devices::Program;
use super::directory::{Directory, directories, wants_program};
use super::op::{Op, Without};
use super::settings::{Absent, Setting};
use super::{Group, settings};
use crate::config::Config;
use crate::host::Host;
use crate::plan::{self, PlanError, Side, Step};
use crate::planted::planted;

/// The parent's operations before the clone.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<Vec<Directory>, PlanError> {
    let Some(group) = &config.cgroup else { return Ok(Vec::new()) };
    let directories = directories(group, &host.cgroups)?;
    let settings = settings(&group.resources, |controller| host.cgroups.is_v2(controller));
    let mut push = |op| steps.push(Step::new(Side::Parent, plan::Op::Cgroup(op)));
    for directory in &directories {
        let wanted: Vec<&str> = settings
            .iter()
            .map(|setting| setting.controller.as_str())
            .filter(|controller| directory.controllers.iter().any(|has| has == controller))
            .collect();
        for op in make(directory, group, &wanted) {
            push(op);
        }
    }
    for directory in &directories {
        for setting in settings.iter().filter(|setting| directory.has(&setting.controller)) {
            push(write(directory, setting));
        }
        if directory.v2 && host.is_root() && wants_program(group, &host.cgroups) {
            let program = Program::new(&group.resources.devices);
            push(Op::Devices { group: text(&directory.path), program });
        }
    }
    plan_open(&directories, steps);
    Ok(directories)
}

/// Opens the groups for the child.
pub(crate) fn plan_open(directories: &[Directory], steps: &mut Vec<Step>) {
    for directory in directories {
        let op = match directory.at_clone {
            true => Op::OpenGroup(text(&directory.path)),
            false => Op::OpenJoin(text(&directory.path.join(directory.join_file()))),
        };
        steps.push(Step::new(Side::Parent, plan::Op::Cgroup(op)));
    }
}

fn write(directory: &Directory, setting: &Setting) -> Op {
    let value = |value: &str| CString::new(value).unwrap_or_default();
    let without = match &setting.absent {
        Absent::Refuse => Without::Fail,
        Absent::Harmless => Without::GoOn,
        Absent::Instead { file, value: other } => {
            Without::Write { file: text(&directory.path.join(file)), value: value(other) }
        }
    };
    Op::Write { file: text(&directory.path.join(&setting.file)), value: value(&setting.value), without }
}

/// What a config asks of cgroups that its plan does not give, each with the reason.
pub(crate) fn gaps(config: &Config, host: &Host) -> Vec<String> {
    let Some(group) = &config.cgroup else { return Vec::new() };
    let mut gaps = super::settings::gaps(&group.resources, |controller| host.cgroups.is_v2(controller));
    if wants_program(group, &host.cgroups) && !host.is_root() {
        gaps.push(
            "linux.resources.devices: on cgroup v2 these are a BPF program, which only root may load; run as root"
                .into(),
        );
    }
    gaps
}

/// What a config asks of cgroups and is left out on purpose, each with the reason.
pub(crate) fn notes(config: &Config) -> Vec<String> {
    config.cgroup.iter().flat_map(|group| group.resources.ignored.iter().cloned()).collect()
}

/// The child's operations right after the clone.
pub(crate) fn plan_join(directories: &[Directory], steps: &mut Vec<Step>) {
    for (nth, directory) in directories.iter().filter(|directory| !directory.at_clone).enumerate() {
        let join = Op::Join { nth, group: text(&directory.path) };
        steps.push(Step::new(Side::Child, plan::Op::Cgroup(join)));
    }
}

fn make(directory: &Directory, group: &Group, wanted: &[&str]) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut above = vec![directory.mount.clone()];
    let names: Vec<&str> = group.path.split('/').collect();
    for name in &names[..names.len() - 1] {
        above.push(above[above.len() - 1].join(name));
    }
    let first = 1 + usize::from(above.len() > 2 && planted("outermost-group-forgotten"));
    let groups_above: Vec<CString> = above[first..].iter().map(|group| text(group)).collect();
    let fill_cpuset = !directory.v2 && directory.controllers.iter().any(|controller| controller == "cpuset");
    let others = directory.controllers.iter().map(String::as_str).filter(|name| !wanted.contains(name));
    let others: Vec<&str> = others.filter(|_| group.everywhere).collect();
    // A controller is given to a group by its parent, so from the root down.
    for (controllers, must) in [(wanted, true), (&others, false)] {
        if directory.v2 && !controllers.is_empty() {
            let mut controllers: Vec<String> = controllers.iter().map(|name| format!("+{name}")).collect();
            controllers.dedup();
            let controllers = CString::new(controllers.join(" ")).unwrap_or_default();
            for group in &above {
                let file = text(&group.join("cgroup.subtree_control"));
                ops.push(Op::Enable { file, controllers: controllers.clone(), must });
            }
        }
    }
    ops.push(Op::Create { path: text(&directory.path), above: groups_above, fill_cpuset });
    ops
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}
