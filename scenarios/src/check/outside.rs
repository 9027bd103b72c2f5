//! What the host sees of a container, as the `outside` part of the fact tree.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use isolab_core::host::Cgroups;
use isolab_core::observe::Observation;
use serde_json::{Map, Value, json};

use crate::facts;
use crate::group;

/// While the container lives: its [`facts::tree`], `groups`, `mount_differences` from `config`, and the identity of `rootfs`.
pub(super) fn alive(seen: &Observation, config: &Value, rootfs: &Path, cgroups: &Cgroups) -> Value {
    let mut tree = facts::tree(seen);
    let targets: Vec<String> = seen.mounts.iter().map(|mount| mount.target.clone()).collect();
    tree["mount_differences"] = facts::mounts_against(config, &targets);
    tree["groups"] = groups(seen, cgroups);
    tree["rootfs"] =
        fs::metadata(rootfs).map_or(Value::Null, |meta| json!({"dev": meta.dev(), "inode": meta.ino()}));
    tree
}

/// Values of the container's groups, under one name for v1 and v2.
fn groups(seen: &Observation, cgroups: &Cgroups) -> Value {
    let file = |controller: &str, names: [&str; 2]| -> Option<String> {
        let dir = group::directory(cgroups, &seen.cgroups, controller)?;
        names.iter().find_map(|name| fs::read_to_string(dir.join(name)).ok())
    };
    let number = |text: String| text.trim().parse::<u64>().ok();
    let counter = |text: String, key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok())
    };
    json!({
        "memory_limit": file("memory", ["memory.max", "memory.limit_in_bytes"]).and_then(number),
        "memory_current": file("memory", ["memory.current", "memory.usage_in_bytes"]).and_then(number),
        "oom_kills": file("memory", ["memory.events", "memory.oom_control"]).and_then(|text| counter(text, "oom_kill ")),
        "pids_limit": file("pids", ["pids.max", "pids.max"]).and_then(number),
        "throttled": file("cpu", ["cpu.stat", "cpu.stat"]).and_then(|text| counter(text, "nr_throttled ")),
        "cpus": file("cpuset", ["cpuset.cpus.effective", "cpuset.effective_cpus"]).map(|text| text.trim().to_owned()),
    })
}

/// After the container has ended: the content of each file that was made for it, by its relative path, and of files
/// that have appeared beside them. Texts are cut to 200 characters.
pub(super) fn files(dir: &Path, made: &[String]) -> io::Result<Value> {
    let mut content = Map::new();
    for top in made.iter().filter_map(|path| path.split('/').next()) {
        collect(dir, PathBuf::from(top), &mut content)?;
    }
    Ok(Value::Object(content))
}

fn collect(dir: &Path, relative: PathBuf, content: &mut Map<String, Value>) -> io::Result<()> {
    let path = dir.join(&relative);
    let Ok(meta) = fs::symlink_metadata(&path) else { return Ok(()) };
    if meta.is_dir() {
        for entry in fs::read_dir(&path)? {
            collect(dir, relative.join(entry?.file_name()), content)?;
        }
    } else if meta.is_file() {
        let text = String::from_utf8_lossy(&head(&path)?).chars().take(200).collect::<String>();
        content.insert(relative.display().to_string(), json!(text));
    }
    Ok(())
}

/// Enough for 200 characters of any kind.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, 800), &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_collected_below_what_was_made() {
        let scratch = crate::scratch::Scratch::new().unwrap();
        fs::create_dir_all(scratch.path().join("upper")).unwrap();
        fs::write(scratch.path().join("upper/new"), "text").unwrap();
        fs::write(scratch.path().join("other"), "").unwrap();
        let files = files(scratch.path(), &["upper/".into()]).unwrap();
        assert_eq!(files, json!({"upper/new": "text"}));
    }
}
