//! Where a container's groups are: one directory in each hierarchy that it needs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::settings::Setting;
use super::{Group, settings};
use crate::host::{Cgroups, Hierarchy};
use crate::plan::PlanError;

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

impl Directory {
    /// The file by which a process of one thread moves itself here. Through v1's `tasks` it moves that thread alone, and so need not
    /// wait for a grace period of RCU, milliseconds on an idle machine, until no process of the whole system is at its clone or exit
    /// (`cgroup_procs_write_start` in the kernel's source). v2 has `cgroup.threads`, but only within a threaded subtree.
    pub(super) fn join_file(&self) -> &'static str {
        if self.v2 { "cgroup.procs" } else { "tasks" }
    }

    /// Whether files of a controller are here; `cgroup` stands for those of every v2 group.
    pub(super) fn has(&self, controller: &str) -> bool {
        if controller == "cgroup" { self.v2 } else { self.controllers.iter().any(|name| name == controller) }
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

/// Whether device rules are a program here.
pub(super) fn wants_program(group: &Group, cgroups: &Cgroups) -> bool {
    !group.resources.devices.is_empty() && cgroups.is_v2("devices")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::{Cpu, Resources};

    #[test]
    fn a_child_joins_v1_as_a_thread_and_v2_as_a_process() {
        let v1 = Cgroups {
            v1: vec![Hierarchy { mount: "/p".into(), controllers: vec!["pids".into()], writable: true }],
            v2: None,
        };
        let group = Group { path: "g".into(), resources: Resources::default(), everywhere: true };
        let mut directory = directories(&group, &v1).unwrap().remove(0);
        assert_eq!(directory.join_file(), "tasks");
        directory.v2 = true;
        assert_eq!(directory.join_file(), "cgroup.procs");
    }

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
