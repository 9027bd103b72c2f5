//! Asked versus got.
//!
//! Not compared, since it does not show from outside: host and domain name, device nodes, what a bind mount is of, the
//! instructions of the filter, Landlock's rules, and the arguments.

mod confinement;
mod groups;
mod mounts;

use std::ffi::CStr;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{IdMapLine, Observation};
use crate::config::Config;
use crate::host::Host;
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
    mounts::compare(config, seen, &mut findings);
    identity(config, host, seen, &mut findings);
    privileges(config, host, launcher, seen, &mut findings);
    confinement::compare(config, seen, &mut findings);
    process(config, seen, &mut findings);
    groups::compare(config, host, seen, &mut findings);
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
    if config.namespaces.makes(Kind::Network)
        && let Some(got) = seen.loopback
    {
        findings.equal("loopback up", true, got);
    }
    if config.namespaces.makes(Kind::User) {
        let ids = &config.namespaces.ids;
        let asked = |lines: &[IdMap]| -> Vec<_> {
            lines.iter().map(|line| (line.inside, line.outside, line.length)).collect()
        };
        let got = |lines: &[IdMapLine]| -> Vec<_> {
            lines.iter().map(|line| (line.inside, line.outside, line.length)).collect()
        };
        findings.equal("uid_map", asked(&ids.uids), got(&seen.uid_map));
        findings.equal("gid_map", asked(&ids.gids), got(&seen.gid_map));
    }
    for (clock, seconds, nanoseconds) in &config.namespaces.time_offsets {
        let got = seen.time_offsets.get(clock).copied();
        findings.equal(format!("time offset {clock}"), Some((*seconds, *nanoseconds)), got);
    }
}

fn identity(config: &Config, host: &Host, seen: &Observation, findings: &mut Findings) {
    let (process, status) = (&config.process, &seen.status);
    let mapped = config.namespaces.makes(Kind::User);
    // The kernel shows ids as the launcher's user namespace has them.
    let outside = |map: &[IdMap], id: u32| match mapped {
        true => map
            .iter()
            .find(|line| id.checked_sub(line.inside).is_some_and(|nth| nth < line.length))
            .map_or(u32::MAX, |line| line.outside.saturating_add(id - line.inside)),
        false => id,
    };
    let ids = &config.namespaces.ids;
    findings.equal("user ids", [outside(&ids.uids, process.uid); 4], status.uids);
    findings.equal("group ids", [outside(&ids.gids, process.gid); 4], status.gids);
    // Without privilege, setgroups is denied in a user namespace, and the launcher's groups stay.
    if !mapped || host.uid == 0 {
        let sorted = |mut groups: Vec<u32>| {
            groups.sort_unstable();
            groups
        };
        let asked = process.groups.iter().map(|group| outside(&ids.gids, *group)).collect();
        findings.equal("additional groups", sorted(asked), sorted(status.groups.clone()));
    }
}

fn privileges(
    config: &Config,
    host: &Host,
    launcher: &Observation,
    seen: &Observation,
    findings: &mut Findings,
) {
    let process = &config.process;
    let status = &seen.status;
    let (granted, _) = config.capabilities.granted(host, config.namespaces.separates(Kind::User));
    let asked = granted.after_exec(process.uid, process.no_new_privs);
    for (name, asked, got) in [
        ("CapInh", asked.inheritable, status.caps.inheritable),
        ("CapPrm", asked.permitted, status.caps.permitted),
        ("CapEff", asked.effective, status.caps.effective),
        ("CapBnd", asked.bounding, status.caps.bounding),
        ("CapAmb", asked.ambient, status.caps.ambient),
    ] {
        findings.equal(name, format!("{asked:016x}"), format!("{got:016x}"));
    }
    findings.equal("no_new_privs", process.no_new_privs, status.no_new_privs);
    if config.seccomp.is_some() {
        findings.equal("seccomp mode", 2, status.seccomp);
    }
    // The launcher may be under filters itself, which the workload inherits.
    if let (Some(own), Some(got)) = (launcher.status.seccomp_filters, status.seccomp_filters) {
        findings.equal("seccomp filters", own + u32::from(config.seccomp.is_some()), got);
    }
    for limit in &process.rlimits {
        let value = |value: u64| (value != u64::MAX).then_some(value);
        let got = seen.rlimits.get(limit.name).copied();
        findings.equal(limit.name, Some((value(limit.soft), value(limit.hard))), got);
    }
}

fn process(config: &Config, seen: &Observation, findings: &mut Findings) {
    let process = &config.process;
    findings.equal("umask", format!("{:03o}", process.umask), format!("{:03o}", seen.status.umask));
    if let Some(asked) = process.oom_score_adj {
        findings.equal("oom_score_adj", Some(asked), seen.oom_score_adj);
    }
    // Without a mount namespace the root is a directory of the launcher's, and so is the path that the kernel shows.
    if config.namespaces.separates(Kind::Mount)
        && let Some(got) = &seen.cwd
    {
        findings.equal("cwd", text(&process.cwd), got.clone());
    }
    if let Some(got) = &seen.env {
        let asked: Vec<String> = process.env.iter().map(|entry| text(entry)).collect();
        // The values may be secrets.
        let name = |entry: &String| entry.split('=').next().unwrap_or_default().to_owned();
        let names = |env: &[String]| env.iter().map(name).collect::<Vec<_>>();
        findings.check("environment", names(&asked), names(got), asked == *got);
    }
    let leaked: Vec<_> = seen.fds.iter().filter(|(number, _)| *number > 2).collect();
    findings.check("descriptors above 2", "none", &leaked, leaked.is_empty());
}

fn text(text: &CStr) -> String {
    text.to_string_lossy().into_owned()
}
