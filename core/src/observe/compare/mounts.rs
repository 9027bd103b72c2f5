//! Asked versus got: mounts, and the paths that are covered.

use std::ffi::CStr;

use super::{Findings, text};
use crate::config::Config;
use crate::mount::{Attributes, Mount, Source};
use crate::namespace::Kind;
use crate::observe::{MountInfo, Observation};

/// Attributes by the names that mountinfo shows.
const SHOWN: [(&str, u64); 7] = [
    ("ro", libc::MOUNT_ATTR_RDONLY),
    ("nosuid", libc::MOUNT_ATTR_NOSUID),
    ("nodev", libc::MOUNT_ATTR_NODEV),
    ("noexec", libc::MOUNT_ATTR_NOEXEC),
    ("noatime", libc::MOUNT_ATTR_NOATIME),
    ("nodiratime", libc::MOUNT_ATTR_NODIRATIME),
    ("nosymfollow", libc::MOUNT_ATTR_NOSYMFOLLOW),
];

pub(super) fn compare(config: &Config, seen: &Observation, findings: &mut Findings) {
    if !config.namespaces.separates(Kind::Mount) {
        return;
    }
    let root = at(seen, "/");
    if config.root.overlay.is_some() {
        let kind = root.map(|mount| mount.fstype.as_str());
        findings.equal("type of the root file system", Some("overlay"), kind);
    }
    let readonly = root.is_some_and(|mount| has(mount, "ro"));
    findings.check("read-only root", config.root.readonly, readonly, readonly || !config.root.readonly);
    propagation(config, seen, findings);
    for mount in &config.mounts {
        one(config, mount, seen, findings);
    }
    for (what, paths) in [("masked path", &config.paths.masked), ("read-only path", &config.paths.readonly)] {
        for path in paths {
            covered(what, &text(path), seen, findings);
        }
    }
}

/// The topmost mount at a path: the one that no other there is on. Their order says nothing of it, since a source that was
/// opened early is shown early.
fn at<'a>(seen: &'a Observation, path: &str) -> Option<&'a MountInfo> {
    let there = || seen.mounts.iter().filter(|mount| mount.target == path);
    there().rfind(|mount| there().all(|other| other.parent != mount.id || other.id == mount.id))
}

fn has(mount: &MountInfo, option: &str) -> bool {
    mount.options.iter().any(|there| there == option)
}

fn one(config: &Config, mount: &Mount, seen: &Observation, findings: &mut Findings) {
    let path = place(&mount.destination);
    let path = path.strip_suffix('/').unwrap_or(&path);
    let found = at(seen, path);
    let fstype = found.map(|mount| mount.fstype.clone());
    match &mount.source {
        Source::FileSystem(kind, _) => findings.equal(format!("mount {path}"), Some(text(kind)), fstype),
        Source::Bind(..) => findings.check(format!("mount {path}"), "a mount", fstype, found.is_some()),
        Source::Cgroup => {
            let right = fstype.as_deref().is_some_and(|kind| ["tmpfs", "cgroup2"].contains(&kind));
            findings.check(format!("mount {path}"), "a tmpfs or cgroup2", fstype, right);
        }
        Source::Present(_) => findings.check(format!("mount {path}"), "a mount", fstype, found.is_some()),
    }
    let Some(found) = found else { return };
    // What a later entry changes is compared there.
    let later = config.mounts.iter().rfind(|other| other.destination == mount.destination);
    if later.is_some_and(|later| !std::ptr::eq(later, mount)) {
        return;
    }
    if mount.ids.is_some() {
        let idmapped = has(found, "idmapped");
        findings.check(format!("mount {path} option"), "idmapped", &found.options, idmapped);
    }
    attributes(&mount.options.attributes, found, findings);
    let below = format!("{path}/");
    let own = |target: &str| config.mounts.iter().any(|other| place(&other.destination) == target);
    for part in seen.mounts.iter().filter(|part| part.target.starts_with(&below) && !own(&part.target)) {
        attributes(&mount.options.recursive, part, findings);
    }
    attributes(&mount.options.recursive, found, findings);
    // To a bind mount the options of a file system mean nothing.
    if matches!(mount.source, Source::FileSystem(..) | Source::Present(true)) {
        superblock(path, mount, found, findings);
        for (key, asked) in mount.options.data.iter().filter_map(|(key, asked)| Some((key, asked.as_ref()?)))
        {
            data(path, &text(key), &text(asked), found, findings);
        }
    }
}

fn attributes(asked: &Attributes, found: &MountInfo, findings: &mut Findings) {
    for (name, _) in SHOWN.iter().filter(|(_, bit)| asked.set & bit != 0) {
        findings.check(format!("mount {} option", found.target), name, &found.options, has(found, name));
    }
    for (name, _) in SHOWN.iter().filter(|(_, bit)| asked.clear & !asked.set & bit == *bit) {
        let what = format!("mount {} option", found.target);
        findings.check(what, format!("no {name}"), &found.options, !has(found, name));
    }
    if asked.set & libc::MOUNT_ATTR__ATIME == libc::MOUNT_ATTR_STRICTATIME {
        let agrees = !has(found, "relatime") && !has(found, "noatime");
        findings.check(format!("mount {} option", found.target), "strictatime", &found.options, agrees);
    }
}

/// Flags of the file system. `mand` is not shown by newer kernels, which no longer have such locks.
fn superblock(path: &str, mount: &Mount, found: &MountInfo, findings: &mut Findings) {
    for (on, off) in [("sync", "async"), ("dirsync", ""), ("lazytime", "nolazytime")] {
        let given = mount.options.superblock.iter().map(|flag| flag.to_string_lossy());
        let Some(last) = given.rev().find(|flag| flag == on || flag == off) else { continue };
        let agrees = found.super_options.iter().any(|option| option == on) == (last == on);
        findings.check(format!("mount {path} option"), last, &found.super_options, agrees);
    }
}

/// A value of the file system. The kernel leaves its defaults out and prints in its own notation, so what is compared
/// is the number, where it shows one. Not those of owners, which it shows as the observer's user namespace has them.
fn data(path: &str, key: &str, asked: &str, found: &MountInfo, findings: &mut Findings) {
    if ["uid", "gid"].contains(&key) {
        return;
    }
    let prefix = format!("{key}=");
    let Some(got) = found.super_options.iter().find_map(|option| option.strip_prefix(&prefix)) else {
        return;
    };
    if let (Some(asked), Some(got)) = (number(key, asked), number(key, got)) {
        // Sizes are rounded up to pages.
        let agrees = asked == got || key == "size" && got > asked && got - asked < 65_536;
        findings.check(format!("mount {path} option {key}"), asked, got, agrees);
    }
}

fn number(key: &str, value: &str) -> Option<u64> {
    if key.ends_with("mode") {
        return u64::from_str_radix(value, 8).ok();
    }
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match value.get(digits.len()..)? {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// No mount may send events to another mount namespace unless the config says so.
fn propagation(config: &Config, seen: &Observation, findings: &mut Findings) {
    let asked = |target: &str| {
        let mount = config.mounts.iter().rfind(|mount| place(&mount.destination) == target)?;
        mount.options.propagation.last().map(|flags| flags & !libc::MS_REC)
    };
    let root = config.root.propagation;
    let whole = root & libc::MS_REC != 0;
    for mount in &seen.mounts {
        let is = |kind: &str| mount.propagation.iter().any(|field| field.starts_with(kind));
        let agrees = match asked(&mount.target) {
            Some(libc::MS_SHARED) => is("shared:"),
            Some(libc::MS_UNBINDABLE) => is("unbindable"),
            Some(libc::MS_SLAVE) => !is("shared:"),
            // What is below a mount that was made shared with all below it.
            None if config.mounts.iter().any(|above| shares(above, &mount.target)) => continue,
            None if root & libc::MS_SHARED != 0 && (whole || mount.target == "/") => is("shared:"),
            None if root & libc::MS_UNBINDABLE != 0 && (whole || mount.target == "/") => is("unbindable"),
            None if root & libc::MS_SLAVE != 0 => !is("shared:"),
            _ => !is("shared:") && !is("master:"),
        };
        findings.check(format!("propagation of {}", mount.target), "as asked", &mount.propagation, agrees);
    }
}

/// Where a destination leads, from the container's root: above that there is nothing.
fn place(destination: &CStr) -> String {
    let path = text(destination);
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether a mount of the config gives what is at or below it a propagation of its own.
fn shares(above: &Mount, target: &str) -> bool {
    let path = place(&above.destination);
    !above.options.propagation.is_empty() && target.starts_with(&path)
}

fn covered(what: &str, path: &str, seen: &Observation, findings: &mut Findings) {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let found = at(seen, trimmed);
    // A path that does not exist is not covered, as the spec says.
    if found.is_some() || seen.sensitive.iter().any(|there| there == trimmed) {
        let options = found.map(|mount| mount.options.clone());
        let agrees = found.is_some_and(|mount| has(mount, "ro"));
        findings.check(format!("{what} {trimmed}"), "a read-only mount", options, agrees);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topmost_mount_is_the_one_that_nothing_is_on() {
        let mount = |id, parent, fstype: &str| MountInfo {
            id,
            parent,
            target: "/a".into(),
            fstype: fstype.into(),
            ..MountInfo::default()
        };
        let mounts = vec![mount(5, 9, "top"), mount(7, 3, "bottom"), mount(9, 7, "middle")];
        let seen = Observation { mounts, ..Observation::default() };
        assert_eq!(at(&seen, "/a").unwrap().fstype, "top");
        assert!(at(&seen, "/b").is_none());
    }
}
