//! Control groups: those at the scope's paths and below, in every hierarchy, named ones and the v2 tree among them.

use std::path::{Path, PathBuf};

use super::Kind;
use super::look::{Look, has_gone};

pub(super) fn look(look: &mut Look<'_>) {
    let all = look.host.cgroups.v1.iter().map(|hierarchy| (hierarchy, hierarchy.controllers.join(",")));
    let v2 = look.host.cgroups.v2.iter().map(|hierarchy| (hierarchy, "v2".to_owned()));
    let hierarchies: Vec<(PathBuf, String)> =
        all.chain(v2).map(|(hierarchy, name)| (hierarchy.mount.clone(), name)).collect();
    let whole = [PathBuf::new()];
    let paths = if look.scope.alone { &whole[..] } else { &look.scope.groups[..] };
    for (mount, name) in &hierarchies {
        for path in paths {
            let relative = path.strip_prefix("/").unwrap_or(path);
            walk(look, name, &mount.join(relative));
        }
    }
}

fn walk(look: &mut Look<'_>, name: &str, group: &Path) {
    let Some(processes) = processes(look, group) else { return };
    let state = match processes.len() {
        // How many are in the groups of the system tells nothing of the run.
        _ if look.scope.alone => String::new(),
        0 => "no process in it".to_owned(),
        1 => "1 process in it".to_owned(),
        many => format!("{many} processes in it"),
    };
    // Those of a whole hierarchy are those of the whole host.
    if !look.scope.alone {
        for pid in processes {
            look.member(pid, &format!("in the group {}", group.display()));
        }
    }
    look.saw(Kind::Groups, format!("cgroup {name}: {}", group.display()), state);
    let Ok(entries) = std::fs::read_dir(group) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        walk(look, name, &entry.path());
    }
}

/// None where there is no such group.
fn processes(look: &mut Look<'_>, group: &Path) -> Option<Vec<i32>> {
    let text = match std::fs::read_to_string(group.join("cgroup.procs")) {
        // In a threaded group of v2 the processes are those of a group above (cgroups(7)).
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => String::new(),
        Err(error) if has_gone(&error) => return None,
        Err(error) => {
            look.unseen(group.display().to_string(), error);
            return None;
        }
        Ok(text) => text,
    };
    Some(text.lines().filter_map(|line| line.parse().ok()).collect())
}
