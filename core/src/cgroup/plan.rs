//! What a launch does about cgroups.

use std::ffi::CString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::devices::Program;
use super::settings::{Absent, Setting};
use super::{Group, settings};
use crate::config::Config;
use crate::host::{Cgroups, Hierarchy, Host};
use crate::plan::{self, PlanError, Side, Step};

/// A container's directory in one hierarchy. What a saved state holds of its groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// The directory.
    pub path: PathBuf,
    /// The hierarchy's mount point.
    pub mount: PathBuf,
    /// Controllers of the hierarchy.
    pub controllers: Vec<String>,
    /// Whether it is the v2 tree.
    pub v2: bool,
    /// Whether the clone puts the child into it; otherwise the child moves itself. v1 has no `CLONE_INTO_CGROUP`, and a
    /// child cloned into a cpuset keeps its parent's CPUs before Linux 6.3 and its stable updates ("cgroup/cpuset: Make
    /// cpuset_fork() handle CLONE_INTO_CGROUP properly").
    pub at_clone: bool,
}

/// One operation on cgroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Makes a group. It must not exist; missing groups above it are made too.
    Create {
        /// The group.
        path: CString,
        /// The groups above it, outermost first, without the root of the hierarchy.
        above: Vec<CString>,
        /// A new v1 cpuset has no CPUs and no memory: it is given its parent's.
        fill_cpuset: bool,
    },
    /// Makes controllers available below a v2 group.
    Enable {
        /// `cgroup.subtree_control` of the group.
        file: CString,
        /// `+cpu +memory`.
        controllers: CString,
        /// Whether it fails if one of them cannot be had; otherwise each is tried.
        must: bool,
    },
    /// Writes a value.
    Write {
        /// The file.
        file: CString,
        /// What.
        value: CString,
        /// What to do where there is no such file.
        without: Without,
    },
    /// Loads a program that decides on devices, and attaches it to the v2 group.
    Devices {
        /// The group.
        group: CString,
        /// What it decides.
        program: Program,
    },
    /// Opens the v2 group for the clone.
    OpenGroup(CString),
    /// Opens a group's `cgroup.procs` for the child.
    OpenProcs(CString),
    /// The child moves itself into a group, through the `cgroup.procs` that was opened as the n-th.
    Join {
        /// Which of those opened.
        nth: usize,
        /// The group.
        group: CString,
    },
}

/// What to do where there is no file for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Without {
    /// Fail.
    Fail,
    /// Go on: without it everything is as asked.
    GoOn,
    /// Write another one.
    Write {
        /// The file.
        file: CString,
        /// What.
        value: CString,
    },
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Create { path, .. } => write!(f, "mkdir {}", path.to_string_lossy()),
            Op::Enable { file, controllers, must } => {
                write!(f, "write {}: {}", file.to_string_lossy(), controllers.to_string_lossy())?;
                if *must { Ok(()) } else { write!(f, ", as far as they can be had") }
            }
            Op::Write { file, value, without } => {
                write!(f, "write {}: {}", file.to_string_lossy(), value.to_string_lossy())?;
                match without {
                    Without::Fail => Ok(()),
                    Without::GoOn => write!(f, ", if there is such a file"),
                    Without::Write { file, value } => {
                        write!(f, ", or else {}: {}", file.to_string_lossy(), value.to_string_lossy())
                    }
                }
            }
            Op::Devices { group, program } => {
                let (count, group) = (program.instructions.len(), group.to_string_lossy());
                write!(f, "attach a device program of {count} instructions to {group}:")?;
                for rule in &program.rules {
                    write!(f, " {rule},")?;
                }
                write!(f, " then what every container may use")
            }
            Op::OpenGroup(path) | Op::OpenProcs(path) => write!(f, "open {}", path.to_string_lossy()),
            Op::Join { group, .. } => write!(f, "join {}", group.to_string_lossy()),
        }
    }
}

/// The directories of a group on this host, v2 first.
///
/// # Errors
/// When a setting's controller is in no hierarchy, or in none where groups can be made.
pub fn directories(group: &Group, cgroups: &Cgroups) -> Result<Vec<Directory>, PlanError> {
    let settings = settings(&group.resources, |controller| cgroups.is_v2(controller));
    let cpuset = settings.iter().any(|setting| setting.controller == "cpuset");
    let place = |hierarchy: &Hierarchy, v2| Directory {
        path: hierarchy.mount.join(&group.path),
        mount: hierarchy.mount.clone(),
        controllers: hierarchy.controllers.clone(),
        v2,
        at_clone: v2 && !(cpuset && cgroups.is_v2("cpuset")),
    };
    let mut found: Vec<Directory> = cgroups
        .v2
        .iter()
        .filter(|hierarchy| hierarchy.writable)
        .map(|hierarchy| place(hierarchy, true))
        .collect();
    let mut add = |hierarchy: &Hierarchy, v2| {
        if !found.iter().any(|directory| directory.mount == hierarchy.mount) {
            found.push(place(hierarchy, v2));
        }
    };
    for setting in &settings {
        let (hierarchy, v2) = home(setting, cgroups)?;
        add(hierarchy, v2);
    }
    if wants_program(group, cgroups) {
        writable(cgroups.v2.as_ref(), "devices", "linux.resources.devices")?;
    }
    for hierarchy in cgroups.v1.iter().filter(|hierarchy| hierarchy.writable) {
        let named = hierarchy.controllers.iter().all(|name| name.contains('='));
        // Without a v2 tree that is what stops and finds all processes of a container.
        let freezer = cgroups.v2.is_none() && hierarchy.controllers.iter().any(|name| name == "freezer");
        if freezer || (group.everywhere && !named) {
            add(hierarchy, false);
        }
    }
    Ok(found)
}

/// The hierarchy that a setting belongs to.
fn home<'c>(setting: &Setting, cgroups: &'c Cgroups) -> Result<(&'c Hierarchy, bool), PlanError> {
    let found = match setting.controller.as_str() {
        "cgroup" => cgroups.v2.as_ref().map(|tree| (tree, true)),
        controller => cgroups.find(controller),
    };
    let v2 = found.is_some_and(|(_, v2)| v2);
    let hierarchy = writable(found.map(|(hierarchy, _)| hierarchy), &setting.controller, &setting.path)?;
    if !v2 && setting.path.starts_with("linux.resources.unified") {
        return Err(PlanError::new(
            &setting.path,
            format!(
                "the {} controller is one of cgroup v1 here, which has no such files",
                setting.controller
            ),
            "say it with the other properties of linux.resources, or boot with systemd.unified_cgroup_hierarchy=1",
        ));
    }
    Ok((hierarchy, v2))
}

fn writable<'c>(found: Option<&'c Hierarchy>, name: &str, path: &str) -> Result<&'c Hierarchy, PlanError> {
    let Some(hierarchy) = found else {
        return Err(PlanError::new(
            path,
            format!("no cgroup hierarchy of this host has the {name} controller"),
            "mount it, or enable it at boot (cgroup_enable=, systemd.unified_cgroup_hierarchy=)",
        ));
    };
    if !hierarchy.writable {
        return Err(PlanError::new(
            path,
            format!("no group can be made in {}", hierarchy.mount.display()),
            "run as root, or have a cgroup delegated (systemd-run --user --scope -p Delegate=yes)",
        ));
    }
    Ok(hierarchy)
}

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
            false => Op::OpenProcs(text(&directory.path.join("cgroup.procs"))),
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

impl Directory {
    /// Whether files of a controller are here; `cgroup` stands for those of every v2 group.
    pub(super) fn has(&self, controller: &str) -> bool {
        if controller == "cgroup" { self.v2 } else { self.controllers.iter().any(|name| name == controller) }
    }
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

/// Whether device rules are a program here.
fn wants_program(group: &Group, cgroups: &Cgroups) -> bool {
    !group.resources.devices.is_empty() && cgroups.is_v2("devices")
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
    let groups_above: Vec<CString> = above[1..].iter().map(|group| text(group)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::{Cpu, Resources};

    #[test]
    fn a_child_moves_itself_into_a_cpuset_and_is_cloned_into_any_other_v2_group() {
        let tree = Hierarchy { mount: "/cg".into(), controllers: vec!["cpuset".into()], writable: true };
        let cgroups = Cgroups { v2: Some(tree), v1: Vec::new() };
        let at_clone = |cpus: Option<&str>| {
            let cpu = Cpu { cpus: cpus.map(str::to_owned), ..Cpu::default() };
            let resources = Resources { cpu, ..Resources::default() };
            directories(&Group { path: "g".into(), resources, everywhere: false }, &cgroups).unwrap()[0]
                .at_clone
        };
        assert!(at_clone(None) && !at_clone(Some("0")));
    }
}
