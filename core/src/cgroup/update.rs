//! Changing the limits of a container that runs.
//!
//! Some values bound each other: v1's memory limit that of memory and swap, the quota the burst, the period the quota. In
//! which order the kernel takes them depends on whether they rise or fall, so what it refuses is tried again after
//! the others. A refusal that stays takes everything back.

use std::path::PathBuf;

use super::directory::Directory;
use super::error::{Error, Result};
use super::settings::{self, Absent, Setting};
use super::{Cpu, Resources, file};
use crate::planted::planted;
use crate::sys::Errno;

/// One value to be written, and the one that takes it back. Without the first it is a value that the kernel changes with another.
struct Change {
    path: PathBuf,
    value: Option<String>,
    before: String,
}

/// Sets limits. What `resources` leaves out stays as it is. Device rules are not changed, as runc does not change them.
///
/// # Errors
/// When a limit has no file here or is refused; all values are then as they were. With `checkBeforeUpdate`, when more
/// memory is in use than it would allow.
pub fn update(resources: &Resources, directories: &[Directory]) -> Result<()> {
    let mut resources = Resources { devices: Vec::new(), ..resources.clone() };
    // Engines leave at 0 what they do not mean to change; no process could live within it.
    for limit in [&mut resources.memory.limit, &mut resources.memory.reservation] {
        *limit = limit.filter(|limit| *limit != 0);
    }
    let v2 = |controller: &str| is_v2(directories, controller);
    if let Some(gap) = settings::gaps(&resources, v2).into_iter().next() {
        return Err(Error::Missing { problem: gap, remedy: "nothing was changed" });
    }
    if resources.memory.check_before_update {
        check_usage(&resources, directories)?;
    }
    let mut changes = Vec::new();
    for setting in settings::settings(&resources, v2) {
        changes.extend(weight(&setting, directories)?);
        changes.extend(change(setting, &resources.cpu, directories)?);
    }
    apply(&changes).inspect_err(|_| take_back(changes))
}

/// By where the container has its groups: controllers that it has no group for count as those that it has.
fn is_v2(directories: &[Directory], controller: &str) -> bool {
    let find = |name: &str| directories.iter().find(|directory| directory.has(name));
    let found = find(controller).or_else(|| find("io").filter(|_| controller == "blkio"));
    found.map_or_else(|| directories.iter().all(|directory| directory.v2), |directory| directory.v2)
}

fn check_usage(resources: &Resources, directories: &[Directory]) -> Result<()> {
    let Some(limit) = resources.memory.limit.filter(|limit| *limit >= 0) else { return Ok(()) };
    let Some(directory) = directories.iter().find(|directory| directory.has("memory")) else {
        return Ok(());
    };
    let name = if directory.v2 { "memory.current" } else { "memory.usage_in_bytes" };
    let usage = file::read(&directory.path.join(name))?.and_then(|text| file::number(&text, None));
    match usage {
        Some(usage) if usage > limit.unsigned_abs() => Err(Error::InUse { limit, usage }),
        _ => Ok(()),
    }
}

/// `None` where nothing has to be written.
fn change(mut setting: Setting, cpu: &Cpu, directories: &[Directory]) -> Result<Option<Change>> {
    let Some(directory) = directories.iter().find(|directory| directory.has(&setting.controller)) else {
        return Err(Error::Missing {
            problem: format!(
                "{}: the container has no group with the {} controller",
                setting.path, setting.controller
            ),
            remedy: "create it with a limit of this kind, or use a host that has the controller",
        });
    };
    if directory.v2 && !directory.path.join(&setting.file).exists() {
        enable(directory, &setting.controller)?;
    }
    if !directory.path.join(&setting.file).exists() {
        match std::mem::replace(&mut setting.absent, Absent::Refuse) {
            Absent::Harmless => return Ok(None),
            Absent::Instead { file, value } => (setting.file, setting.value) = (file, value),
            Absent::Refuse => {}
        }
    }
    let path = directory.path.join(&setting.file);
    let Some(now) = file::read(&path)? else {
        return Err(Error::write(&path, &setting.value, Errno::ENOENT));
    };
    if setting.path == "linux.resources.cpu.quota" && directory.v2 {
        setting.value = cpu_max(cpu, &setting.value, &now);
    }
    let before = before(&setting, &now);
    Ok(Some(Change { path, value: Some(setting.value), before }))
}

/// A group that becomes idle loses its weight, and has the default one when it is not idle any more.
fn weight(setting: &Setting, directories: &[Directory]) -> Result<Option<Change>> {
    if setting.file != "cpu.idle" || setting.value != "1" {
        return Ok(None);
    }
    let Some(directory) = directories.iter().find(|directory| directory.has(&setting.controller)) else {
        return Ok(None);
    };
    let path = directory.path.join(if directory.v2 { "cpu.weight" } else { "cpu.shares" });
    let now = file::read(&path)?;
    Ok(now.map(|now| Change { path, value: None, before: now.trim_end().to_owned() }))
}

/// A container of v2 was given the controllers that it needed; another one is given to the groups above first. What
/// cannot be enabled shows by the missing file.
fn enable(directory: &Directory, controller: &str) -> Result<()> {
    let above: Vec<_> =
        directory.path.ancestors().skip(1).take_while(|path| path.starts_with(&directory.mount)).collect();
    for group in above.iter().rev() {
        file::write(&group.join("cgroup.subtree_control"), &format!("+{controller}"))?;
    }
    Ok(())
}

/// Both numbers stand in one file: what is not asked for stays as it is.
fn cpu_max(cpu: &Cpu, asked: &str, now: &str) -> String {
    let parts = |text: &str| text.trim_end().split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    let (Some(asked), Some(now)) = (parts(asked), parts(now)) else { return asked.to_owned() };
    let quota = if cpu.quota.is_some() { asked.0 } else { now.0 };
    let reset = planted("update-resets-the-period");
    let period = if cpu.period.is_some() || reset { asked.1 } else { now.1 };
    format!("{quota} {period}")
}

/// What, written, makes the file what it is now.
fn before(setting: &Setting, now: &str) -> String {
    if let Some((key, _)) = setting.keyed() {
        let line = now.lines().find(|line| line.split(' ').next() == Some(key));
        let unset = match setting.file.as_str() {
            "io.max" => "rbps=max wbps=max riops=max wiops=max",
            "rdma.max" => "hca_handle=max hca_object=max",
            "io.weight" | "io.bfq.weight" => "default",
            _ => "0",
        };
        return line.map_or_else(|| format!("{key} {unset}"), str::to_owned);
    }
    let first = now.lines().next().unwrap_or_default();
    match setting.file.as_str() {
        "memory.oom_control" => first.trim_start_matches("oom_kill_disable ").to_owned(),
        // Writing nothing at all would not reach the kernel.
        _ if first.is_empty() => "\n".to_owned(),
        _ => first.to_owned(),
    }
}

/// Writes all, those that are refused again after the others, as long as that helps.
fn apply(changes: &[Change]) -> Result<()> {
    let mut left: Vec<&Change> = changes.iter().collect();
    loop {
        let before = left.len();
        let mut refused = None;
        left.retain(|change| {
            let Some(value) = &change.value else { return false };
            match file::put(&change.path, value) {
                Ok(()) => false,
                Err(errno) => {
                    refused.get_or_insert_with(|| Error::write(&change.path, value, errno));
                    true
                }
            }
        });
        match refused {
            None => return Ok(()),
            Some(error) if left.len() == before || planted("refused-not-tried-again") => return Err(error),
            Some(_) => {}
        }
    }
}

fn take_back(changes: Vec<Change>) {
    let undo =
        |change: Change| Change { value: Some(change.before), path: change.path, before: String::new() };
    let undo: Vec<Change> = changes.into_iter().rev().map(undo).collect();
    // The values were the kernel's own; the error to be told is the one that led here.
    drop(apply(&undo));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_half_of_cpu_max_that_is_not_asked_for_stays() {
        let cpu = |quota, period| Cpu { quota, period, ..Cpu::default() };
        assert_eq!(cpu_max(&cpu(Some(5000), None), "5000 100000", "max 50000\n"), "5000 50000");
        assert_eq!(cpu_max(&cpu(None, Some(20_000)), "max 20000", "7000 50000\n"), "7000 20000");
        assert_eq!(cpu_max(&cpu(Some(1), Some(2)), "1 2", "7000 50000\n"), "1 2");
    }

    #[test]
    fn each_file_is_taken_back_in_its_own_words() {
        let undo = |file: &str, value: &str, now: &str| {
            let setting = Setting {
                controller: String::new(),
                file: file.into(),
                value: value.into(),
                path: String::new(),
                absent: Absent::Refuse,
            };
            before(&setting, now)
        };
        assert_eq!(undo("io.max", "8:0 rbps=1", "8:0 rbps=2 wbps=max\n8:16 rbps=3\n"), "8:0 rbps=2 wbps=max");
        assert_eq!(undo("io.max", "8:0 rbps=1", ""), "8:0 rbps=max wbps=max riops=max wiops=max");
        assert_eq!(undo("blkio.throttle.read_bps_device", "8:0 1", "8:16 5\n"), "8:0 0");
        assert_eq!(undo("io.weight", "200", "default 100\n8:0 5\n"), "default 100");
        assert_eq!(undo("memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\n"), "0");
        assert_eq!(undo("cpuset.cpus", "0", "\n"), "\n");
        assert_eq!(undo("memory.limit_in_bytes", "1", "9223372036854771712\n"), "9223372036854771712");
    }
}
