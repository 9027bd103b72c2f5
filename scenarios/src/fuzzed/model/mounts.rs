//! Mounts, by `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).

use std::path::Path;

use serde_json::Value;

use super::{Findings, items, words};
use crate::fuzzed::outside::Outside;

/// A line of `mountinfo`.
struct Line<'t> {
    target: &'t str,
    options: Vec<&'t str>,
    propagation: Vec<&'t str>,
    kind: &'t str,
    system: Vec<&'t str>,
}

impl Line<'_> {
    fn has(&self, option: &str) -> bool {
        self.options.contains(&option)
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    text.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<Line<'_>> {
    let (before, after) = text.split_once(" - ")?;
    let before: Vec<&str> = before.split(' ').collect();
    let after: Vec<&str> = after.split(' ').collect();
    Some(Line {
        target: before.get(4).copied()?,
        options: before.get(5)?.split(',').collect(),
        propagation: before.get(6..)?.to_vec(),
        kind: after.first().copied()?,
        system: after.last()?.split(',').collect(),
    })
}

pub(super) fn compare(spec: &Value, seen: &Outside, findings: &mut Findings) {
    let all = lines(seen.text("mountinfo"));
    let at = |target: &str| all.iter().rfind(|line| line.target == target);
    let readonly = spec["root"]["readonly"] == true;
    findings.equal("root.readonly", Some(readonly), at("/").map(|line| line.has("ro")));
    let mut known = vec!["/".to_owned()];
    for mount in items(&spec["mounts"]) {
        let target = mount["destination"].as_str().unwrap_or_default();
        known.push(target.to_owned());
        match at(target) {
            Some(line) => one(mount, line, findings),
            None => findings.check(target, "a mount", "none", false),
        }
    }
    // Below a file system of their own they may be there or not, and are not if there is none.
    let base = |path: &str| ["/proc/", "/sys/"].into_iter().find(|base| path.starts_with(base));
    let mounted = |path: &str| base(path).is_none_or(|base| at(base.trim_end_matches('/')).is_some());
    for (field, what) in [("maskedPaths", "masked"), ("readonlyPaths", "read-only")] {
        for path in words(&spec["linux"][field]) {
            known.push(path.to_owned());
            let is_there = path == "/etc" || base(path).is_some() && Path::new(path).exists();
            if is_there && mounted(path) {
                let got = at(path).map(|line| line.options.join(","));
                let agrees = at(path).is_some_and(|line| line.has("ro"));
                findings.check(&format!("{what} {path}"), "a read-only mount", got, agrees);
            }
        }
    }
    for line in &all {
        let explained = known.iter().any(|target| target == line.target)
            || line.target.starts_with("/dev/")
            || line.target.starts_with("/sys/fs/cgroup/");
        findings.check(line.target, "no such mount", line.kind, explained);
        propagation(spec, line, findings);
    }
}

fn one(mount: &Value, line: &Line<'_>, findings: &mut Findings) {
    let (target, kind) = (line.target, mount["type"].as_str().unwrap_or_default());
    match kind {
        "bind" => {}
        "cgroup" => {
            findings.check(target, "tmpfs or cgroup2", line.kind, ["tmpfs", "cgroup2"].contains(&line.kind))
        }
        kind => findings.equal(target, kind, line.kind),
    }
    let asked = words(&mount["options"]);
    for flag in ["ro", "nosuid", "nodev", "noexec", "noatime"] {
        if asked.contains(&flag) {
            findings.check(target, flag, &line.options, line.has(flag));
        } else if kind == "tmpfs" && flag != "noatime" {
            // A file system of its own has nothing from elsewhere.
            findings.check(target, &format!("not {flag}"), &line.options, !line.has(flag));
        }
    }
    if asked.contains(&"strictatime") {
        findings.check(target, "strictatime", &line.options, !line.has("relatime") && !line.has("noatime"));
    }
    for option in asked.iter().filter(|_| kind == "tmpfs") {
        // tmpfs(5); the kernel shows kibibytes, and leaves the usual mode out.
        let shown = match option.split_once('=') {
            Some(("size", size)) => format!("size={}k", kibibytes(size)),
            Some(("mode", "1777")) | None => continue,
            Some(("mode", mode)) => format!("mode={mode}"),
            _ => (*option).to_owned(),
        };
        findings.check(target, &shown, &line.system, line.system.contains(&shown.as_str()));
    }
}

fn kibibytes(size: &str) -> u64 {
    let (digits, unit) = size.split_at(size.len() - 1);
    let factor = if unit == "m" { 1024 } else { 1 };
    digits.parse::<u64>().unwrap_or(0) * factor
}

/// mount_namespaces(7): nothing is shared with anybody, since nothing that is drawn asks for it; a slave is where it is asked for.
fn propagation(spec: &Value, line: &Line<'_>, findings: &mut Findings) {
    let shared = line.propagation.iter().any(|field| field.starts_with("shared:"));
    let slave = line.propagation.iter().any(|field| field.starts_with("master:"));
    let mount = items(&spec["mounts"]).filter(|mount| mount["destination"] == line.target).last();
    let options = mount.map(|mount| words(&mount["options"])).unwrap_or_default();
    let asked = |word: &str| options.iter().any(|option| option.trim_start_matches('r') == word);
    let root = spec["linux"]["rootfsPropagation"].as_str().unwrap_or_default();
    let may = asked("slave") || root.trim_start_matches('r') == "slave" && !asked("private");
    findings.check(line.target, "not shared", &line.propagation, !shared);
    findings.check(line.target, "no slave", &line.propagation, may || !slave);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart_with_and_without_optional_fields() {
        let text = "36 35 98:0 /mnt1 /a rw,noatime master:1 unbindable - ext3 /dev/root rw,errors=continue\n\
                    37 35 0:5 / /b ro - tmpfs tmpfs rw,size=1024k\nx\n";
        let all = lines(text);
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].target, all[0].kind, all[0].propagation.len()), ("/a", "ext3", 2));
        assert!(all[1].has("ro") && all[1].system.contains(&"size=1024k") && all[1].propagation.is_empty());
        assert_eq!((kibibytes("4m"), kibibytes("64k")), (4096, 64));
    }
}
