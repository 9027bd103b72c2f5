//! `isolab host`: what a host offers for isolation, each thing available or missing, why it matters, and what to do.
//!
//! Features are probed by trying them (`isolab_core::host`); settings are read from files that `catalog/host.toml` names; CPU
//! flaws are what the kernel says of them. Nothing is changed.

mod render;

use std::fs;

use isolab_core::host::{Feature, Host};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::expect::Expect;
use crate::launcher;
use crate::path::Path;

pub use render::{markdown, text};

const CATALOG: &str = include_str!("../../catalog/host.toml");

/// All that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Survey {
    /// The host as records have it.
    pub host: Host,
    /// What it offers, group by group.
    pub offers: Vec<Offered>,
}

/// One thing that isolation can lean on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offered {
    /// `namespaces`, `cgroups`, …
    pub group: String,
    /// What it is.
    pub name: String,
    /// Whether it is there.
    pub available: bool,
    /// What was seen.
    pub found: String,
    /// Why it matters.
    pub why: String,
    /// How to get it; empty when it is there.
    pub remedy: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    setting: Vec<Setting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    id: String,
    group: String,
    path: String,
    want: Expect,
    /// What it means that there is no such file.
    #[serde(default)]
    absent: Absent,
    why: String,
    remedy: String,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Absent {
    Available,
    #[default]
    Missing,
}

/// The order of groups.
const GROUPS: [&str; 9] =
    ["namespaces", "cgroups", "mounts", "seccomp", "LSMs", "limits", "settings", "CPU flaws", "launchers"];

/// Looks at this host.
///
/// # Errors
/// None in a release: a test reads the catalogue.
pub fn take(host: Host) -> Result<Survey, crate::schema::Error> {
    let catalog: Catalog = crate::schema::parse("host.toml", CATALOG)?;
    let mut offers: Vec<Offered> =
        host.features.iter().map(|(name, feature)| of_feature(name, feature)).collect();
    offers.extend(controllers(&host));
    offers.extend(lsms(&host));
    offers.extend(catalog.setting.into_iter().map(|setting| {
        let text = fs::read_to_string(&setting.path);
        of_setting(setting, text.as_deref().map(str::trim).ok())
    }));
    offers.extend(host.mitigations.iter().map(|(flaw, state)| of_flaw(flaw, state)));
    offers.extend(launchers(&host));
    offers.sort_by_key(|one| GROUPS.iter().position(|group| *group == one.group));
    Ok(Survey { host, offers })
}

fn of_feature(name: &str, feature: &Feature) -> Offered {
    let (group, why) = match name {
        "user-namespace" => {
            ("namespaces", "root in a container that is nobody on the host; rootless containers")
        }
        "time-namespace" => ("namespaces", "clocks of a container's own"),
        "time-namespace-at-exec" => ("namespaces", "those without one more fork"),
        "mount-namespace" => ("namespaces", "a root file system of a container's own"),
        "clone-into-cgroup" => ("cgroups", "no moment in which a new process is in its parent's group"),
        "overlay" => ("mounts", "many containers over the same layers"),
        "overlay-in-user-namespace" => ("mounts", "the same without root"),
        "mount_setattr" => ("mounts", "attributes of whole trees of mounts, and idmapped mounts"),
        "seccomp-filter" => ("seccomp", "fewer ways into the kernel"),
        "landlock" => ("LSMs", "restrictions that a program sets itself, without privileges"),
        "apparmor" => ("LSMs", "process.apparmorProfile"),
        "selinux" => ("LSMs", "process.selinuxLabel and linux.mountLabel"),
        _ => ("mounts", "a launch may need it"),
    };
    let (available, found, remedy) = match feature {
        Feature::Available => (true, "it works".to_owned(), String::new()),
        Feature::Missing { reason, remedy } => (false, reason.clone(), remedy.clone()),
    };
    Offered { group: group.into(), name: name.into(), available, found, why: why.into(), remedy }
}

/// A value is a number where it is one, else a text.
fn of_setting(setting: Setting, text: Option<&str>) -> Offered {
    let value = text.map(|text| text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)));
    let available = match &value {
        None => setting.absent == Absent::Available,
        Some(value) => is_as_wanted(&setting.want, value),
    };
    let found = match &value {
        None => format!("there is no {}", setting.path),
        Some(value) => {
            format!("{} is {}", setting.path, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }
    };
    let remedy = if available { String::new() } else { setting.remedy };
    Offered { group: setting.group, name: setting.id, available, found, why: setting.why, remedy }
}

fn is_as_wanted(want: &Expect, value: &Value) -> bool {
    let Ok(path) = Path::parse("value") else { return false };
    want.judge(&path, &json!({"value": value})).iter().all(|evidence| evidence.agrees)
}

/// What containers are limited by, wherever the controller lives.
fn controllers(host: &Host) -> Vec<Offered> {
    const CONTROLLERS: [(&str, &str); 10] = [
        ("cpu", "shares and quotas of CPU time"),
        ("cpuset", "which CPUs"),
        ("memory", "how much memory"),
        ("pids", "how many processes"),
        ("io", "disk bandwidth (blkio in v1)"),
        ("devices", "which devices; in v2 a BPF program"),
        ("freezer", "stopping all at once; in v2 every group can"),
        ("hugetlb", "how many huge pages"),
        ("rdma", "how much of RDMA devices"),
        ("misc", "other scarce things, such as encrypted VMs"),
    ];
    let v2 = host.cgroups.v2.as_ref();
    let one = |(name, why): (&str, &str)| {
        let v1_name = if name == "io" { "blkio" } else { name };
        let v1 = host.cgroups.v1.iter().find(|one| one.controllers.iter().any(|known| known == v1_name));
        let built_in = matches!(name, "devices" | "freezer");
        let unified = v2.filter(|tree| built_in || tree.controllers.iter().any(|known| known == name));
        let (available, found) = match v1.or(unified) {
            Some(hierarchy) if hierarchy.writable => (true, format!("at {}", hierarchy.mount.display())),
            Some(hierarchy) => {
                (false, format!("at {}, where this user may make no group", hierarchy.mount.display()))
            }
            None => (false, "in no hierarchy that is mounted".into()),
        };
        let remedy = match (available, host.uid) {
            (true, _) => String::new(),
            (false, 0) => {
                "mount the cgroup file system with it; see cgroup_disable= on the kernel's command line"
                    .into()
            }
            (false, _) => {
                format!("have it delegated: systemctl set-property user@{}.service Delegate=yes", host.uid)
            }
        };
        Offered {
            group: "cgroups".into(),
            name: format!("controller {name}"),
            available,
            found,
            why: why.into(),
            remedy,
        }
    };
    CONTROLLERS.into_iter().map(one).collect()
}

fn lsms(host: &Host) -> Option<Offered> {
    let known = !host.lsms.is_empty();
    known.then(|| Offered {
        group: "LSMs".into(),
        name: "active".into(),
        available: true,
        found: host.lsms.join(", "),
        why: "each is asked before the kernel does what a workload wants".into(),
        remedy: String::new(),
    })
}

fn of_flaw(flaw: &str, state: &str) -> Offered {
    let available = !state.starts_with("Vulnerable");
    let remedy = if available {
        String::new()
    } else {
        "microcode, and no mitigations=off on the kernel's command line".into()
    };
    Offered {
        group: "CPU flaws".into(),
        name: flaw.into(),
        available,
        found: state.into(),
        why: "memory of the host and of neighbours can be read through the CPU".into(),
        remedy,
    }
}

fn launchers(host: &Host) -> Vec<Offered> {
    let found = launcher::find(host);
    let group = || "launchers".to_owned();
    let here = found.here.iter().map(|launcher| {
        let launcher = launcher.describe();
        Offered {
            group: group(),
            name: launcher.name,
            available: true,
            found: launcher.version.unwrap_or_default(),
            why: "a container can be started with it".into(),
            remedy: String::new(),
        }
    });
    let absent = found.absent.iter().map(|gap| Offered {
        group: group(),
        name: gap.what.trim_start_matches("launcher ").into(),
        available: false,
        found: gap.reason.clone(),
        why: "a container can be started with it".into(),
        remedy: gap.remedy.clone(),
    });
    here.chain(absent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_of_the_catalogue_is_known_and_every_entry_read() {
        let survey = take(Host::probe()).unwrap();
        assert!(survey.offers.len() > 40);
        for one in &survey.offers {
            assert!(GROUPS.contains(&one.group.as_str()), "{}", one.group);
            assert_eq!(one.available, one.remedy.is_empty(), "{one:?}");
        }
    }

    #[test]
    fn a_setting_is_judged_by_its_file() {
        let setting = |absent| Setting {
            id: "x".into(),
            group: "settings".into(),
            path: "/p".into(),
            want: Expect { at_least: Some(2.0), ..Expect::default() },
            absent,
            why: "w".into(),
            remedy: "r".into(),
        };
        assert!(of_setting(setting(Absent::Missing), Some("2")).available);
        let low = of_setting(setting(Absent::Available), Some("1"));
        assert_eq!((low.available, low.found.as_str(), low.remedy.as_str()), (false, "/p is 1", "r"));
        assert!(of_setting(setting(Absent::Available), None).available);
        assert!(!of_setting(setting(Absent::Missing), None).available);
        assert!(!of_flaw("meltdown", "Vulnerable").available);
    }
}
