//! What a launch does about cgroups.

use std::ffi::CString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Group, settings};
use crate::config::Config;
use crate::host::{Cgroups, Hierarchy, Host};
use crate::plan::{self, PlanError, Side, Step};

/// A container's directory in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    },
    /// Writes a value.
    Write {
        /// The file.
        file: CString,
        /// What.
        value: CString,
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

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Create { path, .. } => write!(f, "mkdir {}", path.to_string_lossy()),
            Op::Enable { file, controllers } | Op::Write { file, value: controllers } => {
                write!(f, "write {}: {}", file.to_string_lossy(), controllers.to_string_lossy())
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
    for setting in settings {
        let Some((hierarchy, v2)) = cgroups.find(&setting.controller) else {
            return Err(PlanError::new(
                setting.path,
                format!("no cgroup hierarchy of this host has the {} controller", setting.controller),
                "mount it, or enable it at boot (cgroup_enable=, systemd.unified_cgroup_hierarchy=)",
            ));
        };
        if !hierarchy.writable {
            return Err(PlanError::new(
                setting.path,
                format!("no group can be made in {}", hierarchy.mount.display()),
                "run as root, or have a cgroup delegated (systemd-run --user --scope -p Delegate=yes)",
            ));
        }
        if !found.iter().any(|directory| directory.mount == hierarchy.mount) {
            found.push(place(hierarchy, v2));
        }
    }
    Ok(found)
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
        for op in make(directory, &group.path, &wanted) {
            push(op);
        }
    }
    for directory in &directories {
        for setting in &settings {
            if directory.controllers.contains(&setting.controller) {
                let file = text(&directory.path.join(&setting.file));
                push(Op::Write { file, value: CString::new(setting.value.as_str()).unwrap_or_default() });
            }
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

/// The child's operations right after the clone.
pub(crate) fn plan_join(directories: &[Directory], steps: &mut Vec<Step>) {
    for (nth, directory) in directories.iter().filter(|directory| !directory.at_clone).enumerate() {
        let join = Op::Join { nth, group: text(&directory.path) };
        steps.push(Step::new(Side::Child, plan::Op::Cgroup(join)));
    }
}

fn make(directory: &Directory, path: &str, wanted: &[&str]) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut above = vec![directory.mount.clone()];
    let names: Vec<&str> = path.split('/').collect();
    for name in &names[..names.len() - 1] {
        above.push(above[above.len() - 1].join(name));
    }
    let groups_above: Vec<CString> = above[1..].iter().map(|group| text(group)).collect();
    let fill_cpuset = !directory.v2 && directory.controllers.iter().any(|controller| controller == "cpuset");
    let create =
        |path: &Path, above: &[CString]| Op::Create { path: text(path), above: above.to_vec(), fill_cpuset };
    if directory.v2 && !wanted.is_empty() {
        // A controller is given to a group by its parent, so from the root down.
        let mut controllers: Vec<String> = wanted.iter().map(|name| format!("+{name}")).collect();
        controllers.dedup();
        let controllers = CString::new(controllers.join(" ")).unwrap_or_default();
        for group in &above {
            let file = text(&group.join("cgroup.subtree_control"));
            ops.push(Op::Enable { file, controllers: controllers.clone() });
        }
    }
    ops.push(create(&directory.path, &groups_above));
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
            directories(&Group { path: "g".into(), resources }, &cgroups).unwrap()[0].at_clone
        };
        assert!(at_clone(None) && !at_clone(Some("0")));
    }
}
