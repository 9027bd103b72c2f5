//! What runs that were killed have left: processes in their control groups, the groups, scratch directories, and shared
//! memory. All of it carries the pid of its run in its name; a later run ends and removes it.
//!
//! Limits: only what belongs to this user, and only groups at the top of a hierarchy, where runs make them. A run in
//! another pid namespace that shares this one's temporary directory or control groups is taken for dead.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use isolab_core::host::Host;
use isolab_core::sys::process;

use crate::scratch::{self, OWNER, owner_pid, start_time};
use crate::{canary, group};

/// Ends and removes what killed runs have left. Returns a line for each thing that was removed, or could not be.
///
/// # Errors
/// When the temporary directory cannot be listed.
pub fn sweep(host: &Host) -> io::Result<Vec<String>> {
    // Without a readable `/proc` every run looks dead.
    let (Some(_), Ok(own)) = (start_time(std::process::id()), fs::metadata("/proc/self")) else {
        return Ok(Vec::new());
    };
    let temporary = std::env::temp_dir();
    let named = |error| scratch::named("list the temporary directory (TMPDIR)", &temporary, &error);
    let directories: Vec<_> = fs::read_dir(&temporary).map_err(named)?.flatten().collect();
    let mut lines = Vec::new();
    // The groups go first: what runs in them may hold the directories.
    let mut groups: BTreeMap<String, (usize, io::Result<()>)> = BTreeMap::new();
    for mount in group::mounts(&host.cgroups) {
        for entry in fs::read_dir(mount).into_iter().flatten().flatten() {
            let path = entry.path();
            if is_orphan(&path, own.uid()) {
                let ended = end(&path);
                let name = entry.file_name().to_string_lossy().into_owned();
                let (all, removed) = groups.entry(name).or_insert((0, Ok(())));
                *all += ended;
                if let Err(error) = group::remove(&path) {
                    *removed = Err(error);
                }
            }
        }
    }
    for (name, (ended, removed)) in groups {
        lines.push(line(&format!("control groups {name}, ended {ended} processes"), removed));
    }
    for entry in directories {
        let path = entry.path();
        if is_orphan(&path, own.uid()) {
            lines.push(line(&format!("directory {}", path.display()), scratch::remove_tree(&path)));
        }
    }
    for (id, pid) in canary::segments(own.uid()).into_iter().filter(|(_, pid)| start_time(*pid).is_none()) {
        lines.push(line(&format!("shared memory segment {id} of process {pid}"), canary::remove_segment(id)));
    }
    Ok(lines)
}

fn line(what: &str, removed: io::Result<()>) -> String {
    match removed {
        Ok(()) => format!("removed what a killed run had left: {what}"),
        Err(error) => format!("a killed run has left {what}: {error}"),
    }
}

/// Whether a directory has the name of a run that is dead, and belongs to `user`.
fn is_orphan(path: &Path, user: u32) -> bool {
    let Some(pid) = path.file_name().and_then(|name| owner_pid(name.to_str()?)) else { return false };
    if !fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir() && meta.uid() == user) {
        return false;
    }
    let Some(now) = start_time(pid) else { return true };
    // The pid is alive; it is another process when its start time differs. Without the file, its owner is young.
    let then = fs::read_to_string(path.join(OWNER)).ok().and_then(|text| text.parse::<u64>().ok());
    then.is_some_and(|then| then != now)
}

/// Kills the processes of a group and of the groups in it, and counts them. Frozen tasks of v1 would not die
/// (`freezer-subsystem.rst`), so they are thawed first.
pub(crate) fn end(group: &Path) -> usize {
    /// signal(7)
    const SIGKILL: i32 = 9;
    let below = fs::read_dir(group).into_iter().flatten().flatten().map(|entry| entry.path());
    let ended: usize = below.filter(|path| path.is_dir()).map(|path| end(&path)).sum();
    let freezer = group.join("freezer.state");
    if freezer.exists() {
        // Where it fails its tasks stay, and so does the group, which is told.
        drop(fs::write(freezer, "THAWED"));
    }
    let procs = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    // A process of another pid namespace reads as 0 (cgroups(7)) and is not ours to end.
    let pids = procs.lines().filter_map(|line| line.parse().ok()).filter(|pid: &i32| *pid > 0);
    let kill =
        |pid: &i32| process::pidfd_open(*pid).and_then(|pidfd| process::signal(&pidfd, SIGKILL)).is_ok();
    ended + pids.filter(kill).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::testing;

    #[test]
    fn dead_runs_are_swept_and_living_ones_are_not() {
        let alive = Scratch::new().unwrap();
        // Pids end at 2^22 (proc_sys_kernel(5)), so this one never lived.
        let dead = std::env::temp_dir().join("isolab-4999999-0");
        fs::create_dir_all(&dead).unwrap();
        let swept = sweep(&testing::host()).unwrap();
        assert!(!dead.exists() && swept.iter().any(|line| line.contains("isolab-4999999-0")), "{swept:?}");
        assert!(alive.path().exists());
    }

    #[test]
    fn a_reused_pid_is_not_its_owner() {
        let own = fs::metadata("/proc/self").unwrap().uid();
        let path = std::env::temp_dir().join(format!("isolab-{}-4000000", std::process::id()));
        fs::create_dir(&path).unwrap();
        assert!(!is_orphan(&path, own), "young");
        fs::write(path.join(OWNER), start_time(std::process::id()).unwrap().to_string()).unwrap();
        assert!(!is_orphan(&path, own), "alive");
        fs::write(path.join(OWNER), "1").unwrap();
        assert!(is_orphan(&path, own) && !is_orphan(&path, own + 1));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_frozen_process_is_thawed_to_be_ended() {
        let host = Host::probe();
        let freezer = host.cgroups.find("freezer").filter(|(_, v2)| !v2);
        let Some((hierarchy, _)) = freezer.filter(|_| isolab_core::need::met(&["root"])) else { return };
        let group = hierarchy.mount.join("isolab-4999997-0");
        fs::create_dir_all(&group).unwrap();
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        fs::write(group.join("cgroup.procs"), sleeper.id().to_string()).unwrap();
        fs::write(group.join("freezer.state"), "FROZEN").unwrap();
        assert_eq!(end(&group), 1);
        // A frozen task would ignore it until it is thawed.
        assert!(!sleeper.wait().unwrap().success());
        group::remove(&group).unwrap();
    }

    #[test]
    fn groups_of_dead_runs_go_with_their_processes() {
        let host = Host::probe();
        if !isolab_core::need::met(&["root"]) {
            return;
        }
        let Some(mount) = group::mounts(&host.cgroups).into_iter().next() else { return };
        let group = mount.join("isolab-4999998-0");
        fs::create_dir_all(group.join("one")).unwrap();
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        fs::write(group.join("one/cgroup.procs"), sleeper.id().to_string()).unwrap();
        let swept = sweep(&host).unwrap();
        assert!(swept.iter().any(|line| line.contains("4999998-0, ended 1 processes")), "{swept:?}");
        assert!(!group.exists() && !sleeper.wait().unwrap().success());
    }
}
