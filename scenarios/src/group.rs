//! The control groups of a run: one parent `/isolab-<pid>-<n>` in every hierarchy, removed at the end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::host::{Cgroups, Host};
use isolab_core::observe::{CgroupLine, group_directory};

use crate::progress::say;

/// How long a group may stay busy after its last process has ended: the kernel frees it in the background.
const PATIENCE: Duration = Duration::from_secs(2);

/// Name of the group that keeps the parent there, see [`Groups::keep`].
pub(crate) const KEPT: &str = "keep";

/// The parent of all groups of a run. Launchers make the groups; this removes them.
#[derive(Debug)]
pub(crate) struct Groups {
    name: String,
    hierarchies: Vec<PathBuf>,
    given: Option<Given>,
}

/// The controllers that the root of the v2 tree gave to the groups below it when the run began. Launchers turn on what a
/// limit needs there (`cgroup.subtree_control`), and would leave it on.
#[derive(Debug)]
struct Given {
    file: PathBuf,
    controllers: String,
}

impl Groups {
    /// For a run with a unique name, such as a scratch directory's.
    #[must_use]
    pub(crate) fn new(name: &str, host: &Host) -> Groups {
        let given = host.cgroups.v2.as_ref().filter(|tree| tree.writable).and_then(|tree| {
            let file = tree.mount.join("cgroup.subtree_control");
            let controllers = fs::read_to_string(&file).ok()?;
            Some(Given { file, controllers })
        });
        Groups { name: name.into(), hierarchies: mounts(&host.cgroups), given }
    }

    /// What goes into a config's `cgroupsPath` for a container.
    #[must_use]
    pub(crate) fn path_of(&self, id: &str) -> String {
        format!("/{}/{id}", self.name)
    }

    /// Makes the parent with a group that stays in it, in every hierarchy: a launcher that removes an empty parent with its
    /// container would make it again with the next, and another one would not.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn keep(&self) -> io::Result<()> {
        for mount in &self.hierarchies {
            let parent = mount.join(&self.name);
            fs::create_dir_all(&parent)?;
            give_cpus(mount, &parent)?;
            fs::create_dir_all(parent.join(KEPT))?;
        }
        Ok(())
    }

    /// Removes the parent and what is left below it, in every hierarchy, and takes the controllers back that were given
    /// to it alone.
    ///
    /// # Errors
    /// When a group is still in use after two seconds; the others are removed all the same.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let removed: Vec<_> = self.hierarchies.iter().map(|mount| remove(&mount.join(&self.name))).collect();
        removed.into_iter().collect::<io::Result<()>>()?;
        self.given.as_ref().map_or(Ok(()), Given::restore)
    }
}

impl Given {
    /// Turns off what is on now and was not before.
    fn restore(&self) -> io::Result<()> {
        for controller in added(&self.controllers, &fs::read_to_string(&self.file)?) {
            match fs::write(&self.file, format!("-{controller}")) {
                // Another group gives it on by now (cgroup-v2.rst, "Enabling and Disabling"), so it stays on.
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
                other => other.map_err(|error| crate::scratch::named("restore", &self.file, &error))?,
            }
        }
        Ok(())
    }
}

/// The words of `after` that `before` does not have.
fn added<'a>(before: &str, after: &'a str) -> impl Iterator<Item = &'a str> {
    after.split_whitespace().filter(|word| !before.split_whitespace().any(|known| known == *word))
}

impl Drop for Groups {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            say(&format!("isolab: {error}"));
        }
    }
}

/// A v1 cpuset begins without any CPU, and whoever joined it, or a group below it, would be refused. This gives it those of
/// its parent; in other hierarchies there is nothing to give.
///
/// # Errors
/// When it cannot be read or written.
pub(crate) fn give_cpus(parent: &Path, group: &Path) -> io::Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"].map(Path::new) {
        if parent.join(file).exists() && group.join(file).exists() {
            fs::write(group.join(file), fs::read_to_string(parent.join(file))?)?;
        }
    }
    Ok(())
}

/// Where the hierarchies are mounted.
pub(crate) fn mounts(cgroups: &Cgroups) -> Vec<PathBuf> {
    let all = cgroups.v1.iter().chain(&cgroups.v2);
    let mut mounts: Vec<_> = all.map(|hierarchy| hierarchy.mount.clone()).collect();
    mounts.dedup();
    mounts
}

/// Removes a group and the groups in it.
///
/// # Errors
/// When one is still in use after two seconds.
pub(crate) fn remove(group: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(group) else { return Ok(()) };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove(&entry.path())?;
    }
    let begun = Instant::now();
    loop {
        match fs::remove_dir(group) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && begun.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(crate::scratch::named("remove control group", group, &error)),
        }
    }
}

/// Where a controller's files of a process are, from the process's `/proc/<pid>/cgroup`.
#[must_use]
pub(crate) fn directory(cgroups: &Cgroups, lines: &[CgroupLine], controller: &str) -> Option<PathBuf> {
    let has = |names: &[String]| names.iter().any(|name| name == controller);
    let hierarchy = cgroups.v1.iter().find(|hierarchy| has(&hierarchy.controllers));
    let (hierarchy, line) = match hierarchy {
        Some(hierarchy) => (hierarchy, lines.iter().find(|line| has(&line.controllers))?),
        None => {
            let unified = cgroups.v2.as_ref().filter(|hierarchy| has(&hierarchy.controllers))?;
            (unified, lines.iter().find(|line| line.hierarchy == 0)?)
        }
    };
    Some(group_directory(&hierarchy.mount, &line.path))
}

#[cfg(test)]
mod tests {
    use isolab_core::host::Hierarchy;

    use super::*;

    #[test]
    fn only_controllers_that_were_turned_on_are_taken_back() {
        assert_eq!(added("cpu memory\n", "cpuset cpu memory pids\n").collect::<Vec<_>>(), ["cpuset", "pids"]);
        assert_eq!(added("cpu\n", "\n").count(), 0);
    }

    #[test]
    fn a_controllers_directory_is_found_on_hybrid_hosts() {
        let hierarchy = |mount: &str, names: &[&str]| Hierarchy {
            mount: mount.into(),
            controllers: names.iter().map(|&name| name.into()).collect(),
            writable: true,
        };
        let cgroups = Cgroups {
            v2: Some(hierarchy("/cg/unified", &["hugetlb"])),
            v1: vec![hierarchy("/cg/memory", &["memory"])],
        };
        let line = |hierarchy, controllers: &[&str]| CgroupLine {
            hierarchy,
            controllers: controllers.iter().map(|&name| name.into()).collect(),
            path: "/a/b".into(),
        };
        let lines = [line(4, &["memory"]), line(0, &[])];
        assert_eq!(directory(&cgroups, &lines, "memory"), Some("/cg/memory/a/b".into()));
        assert_eq!(directory(&cgroups, &lines, "hugetlb"), Some("/cg/unified/a/b".into()));
        assert_eq!(directory(&cgroups, &lines, "pids"), None);
    }
}
