//! Asked versus got.

use std::ffi::CStr;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Observation;
use crate::cgroup::{self, Setting};
use crate::config::Config;
use crate::host::Host;
use crate::mount::Source;
use crate::namespace::{IdMap, Kind};

/// Whether the kernel shows what the config asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Enforced {
    /// All of it.
    Enforced,
    /// Some of it.
    Partial {
        /// What is missing.
        missing: Vec<String>,
    },
    /// None of what was checked.
    NotEnforced {
        /// What is missing.
        missing: Vec<String>,
    },
}

impl fmt::Display for Enforced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Enforced::Enforced => write!(f, "enforced"),
            Enforced::Partial { missing } => write!(f, "partial: {}", missing.join("; ")),
            Enforced::NotEnforced { missing } => write!(f, "not enforced: {}", missing.join("; ")),
        }
    }
}

/// What was looked at, and what of it is not as asked.
#[derive(Default)]
struct Findings {
    checked: usize,
    missing: Vec<String>,
}

impl Findings {
    fn check(&mut self, what: impl fmt::Display, asked: impl fmt::Debug, got: impl fmt::Debug, agrees: bool) {
        self.checked += 1;
        if !agrees {
            self.missing.push(format!("{what}: asked {asked:?}, got {got:?}"));
        }
    }

    fn equal<T: PartialEq + fmt::Debug>(&mut self, what: impl fmt::Display, asked: T, got: T) {
        let agrees = asked == got;
        self.check(what, asked, got, agrees);
    }
}

/// Compares what `config` asks for with what was seen of the workload, held right after its exec. `launcher` is an
/// observation of the launcher itself, which a container's namespaces must differ from.
#[must_use]
pub fn compare(config: &Config, host: &Host, launcher: &Observation, seen: &Observation) -> Enforced {
    let mut findings = Findings::default();
    namespaces(config, launcher, seen, &mut findings);
    mounts(config, seen, &mut findings);
    privileges(config, seen, &mut findings);
    groups(config, host, seen, &mut findings);
    let Findings { checked, missing } = findings;
    match missing.len() {
        0 => Enforced::Enforced,
        count if count == checked => Enforced::NotEnforced { missing },
        _ => Enforced::Partial { missing },
    }
}

fn namespaces(config: &Config, launcher: &Observation, seen: &Observation, findings: &mut Findings) {
    for kind in Kind::ALL {
        let (own, theirs) = (launcher.namespaces.get(kind.link()), seen.namespaces.get(kind.link()));
        let separate = config.namespaces.separates(kind);
        // A network namespace joined by path may be anyone's, the launcher's too.
        if config.namespaces.joined.iter().any(|(joined, _)| *joined == kind) || own.is_none() {
            continue;
        }
        findings.check(
            kind,
            if separate { "its own" } else { "the launcher's" },
            theirs,
            (own != theirs) == separate,
        );
    }
    if config.namespaces.makes(Kind::User) {
        let lines = |asked: &[IdMap]| asked.iter().map(|line| (line.inside, line.length)).collect::<Vec<_>>();
        let got = |seen: &[super::IdMapLine]| {
            seen.iter().map(|line| (line.inside, line.length)).collect::<Vec<_>>()
        };
        findings.equal("uid_map", lines(&config.namespaces.ids.uids), got(&seen.uid_map));
        findings.equal("gid_map", lines(&config.namespaces.ids.gids), got(&seen.gid_map));
    }
}

fn mounts(config: &Config, seen: &Observation, findings: &mut Findings) {
    if !config.namespaces.makes(Kind::Mount) {
        return;
    }
    let at = |path: &str| seen.mounts.iter().rfind(|mount| mount.target == path);
    let root = at("/");
    let kind = root.map(|mount| mount.fstype.as_str());
    if config.root.overlay.is_some() {
        findings.equal("type of the root file system", Some("overlay"), kind);
    }
    let readonly = root.is_some_and(|mount| mount.options.iter().any(|option| option == "ro"));
    findings.check("read-only root", config.root.readonly, readonly, readonly || !config.root.readonly);
    for mount in &config.mounts {
        let path = text(&mount.destination);
        let found = at(path.strip_suffix('/').unwrap_or(&path));
        let fstype = found.map(|mount| mount.fstype.clone());
        match &mount.source {
            Source::FileSystem(kind, _) => findings.equal(format!("mount {path}"), Some(text(kind)), fstype),
            Source::Bind(..) | Source::Cgroup => {
                findings.check(format!("mount {path}"), "a mount", fstype, found.is_some());
            }
        }
        for (name, bit) in [
            ("ro", libc::MOUNT_ATTR_RDONLY),
            ("nosuid", libc::MOUNT_ATTR_NOSUID),
            ("nodev", libc::MOUNT_ATTR_NODEV),
            ("noexec", libc::MOUNT_ATTR_NOEXEC),
        ] {
            if mount.options.attributes.set & bit != 0 {
                let options = found.map(|mount| mount.options.clone()).unwrap_or_default();
                let there = options.iter().any(|option| option == name);
                findings.check(format!("mount {path} option"), name, options, there);
            }
        }
    }
}

fn privileges(config: &Config, seen: &Observation, findings: &mut Findings) {
    let process = &config.process;
    let status = &seen.status;
    if !config.namespaces.makes(Kind::User) {
        findings.equal("user ids", [process.uid; 4], status.uids);
        findings.equal("group ids", [process.gid; 4], status.gids);
        let mut groups = status.groups.clone();
        groups.sort_unstable();
        // Additional groups may list the primary one as well, as with setgroups of the caller's choice.
        findings.equal("additional groups", process.groups.clone(), groups);
    }
    if let Some(sets) = config.capabilities {
        let asked = sets.after_exec(process.uid);
        for (name, asked, got) in [
            ("CapInh", asked.inheritable, status.caps.inheritable),
            ("CapPrm", asked.permitted, status.caps.permitted),
            ("CapEff", asked.effective, status.caps.effective),
            ("CapBnd", asked.bounding, status.caps.bounding),
            ("CapAmb", asked.ambient, status.caps.ambient),
        ] {
            findings.equal(name, format!("{asked:016x}"), format!("{got:016x}"));
        }
    }
    findings.equal("no_new_privs", process.no_new_privs, status.no_new_privs);
    if config.seccomp.is_some() {
        findings.equal("seccomp mode", 2, status.seccomp);
    }
    for limit in &process.rlimits {
        let value = |value: u64| (value != u64::MAX).then_some(value);
        let got = seen.rlimits.get(limit.name).copied();
        findings.equal(limit.name, Some((value(limit.soft), value(limit.hard))), got);
    }
    let leaked: Vec<_> = seen.fds.iter().filter(|(number, _)| *number > 2).collect();
    findings.check("descriptors above 2", "none", &leaked, leaked.is_empty());
}

fn groups(config: &Config, host: &Host, seen: &Observation, findings: &mut Findings) {
    let Some(group) = &config.cgroup else { return };
    let Ok(directories) = cgroup::directories(group, &host.cgroups) else { return };
    for directory in &directories {
        let controllers = &directory.controllers;
        let line = seen.cgroups.iter().find(|line| match directory.v2 {
            true => line.hierarchy == 0,
            false => line.controllers.iter().any(|controller| controllers.contains(controller)),
        });
        let suffix = format!("/{}", group.path);
        let got = line.map(|line| line.path.clone());
        let there = got.as_ref().is_some_and(|path| path.ends_with(&suffix));
        findings.check(format!("group in {}", directory.mount.display()), suffix, got, there);
    }
    for setting in cgroup::settings(&group.resources, |controller| host.cgroups.is_v2(controller)) {
        // Device rules cannot be read back one by one.
        if let Some(got) = seen.cgroup_values.get(&setting.file) {
            findings.check(&setting.file, &setting.value, got, agrees(&setting, got));
        }
    }
}

/// The kernel rounds memory down to pages, and shows v1's "unlimited" as the largest multiple of a page.
fn agrees(setting: &Setting, got: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    if setting.controller == "memory"
        && let (Some(asked), Some(got)) = (number(&setting.value), number(got))
    {
        return if asked < 0 { got > i64::MAX / 2 } else { asked - got >= 0 && asked - got < 65_536 };
    }
    setting.value == got
}

fn text(text: &CStr) -> String {
    text.to_string_lossy().into_owned()
}
