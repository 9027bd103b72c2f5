//! What this host is, in the words of a report.

use isolab_core::host::{Cgroups, Feature, Hierarchy};

use crate::record::Record;
use crate::text::visible;
use crate::units;

/// The host and the launchers found on it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostFacts {
    /// Kernel release and machine.
    pub kernel: String,
    /// One line: processor, memory, cgroup mode, privilege.
    pub machine: String,
    /// Label and value, most important first.
    pub facts: Vec<(&'static str, String)>,
    /// Launchers: name and where or why not.
    pub launchers: Vec<(String, String)>,
    /// Features that work here.
    pub available: Vec<String>,
    /// Features that do not: name, reason, remedy.
    pub missing: Vec<[String; 3]>,
    /// CPU vulnerabilities and their mitigation.
    pub mitigations: Vec<[String; 2]>,
}

impl HostFacts {
    /// Derives the facts.
    pub fn of(record: &Record) -> HostFacts {
        let host = &record.host;
        let mode = cgroup_mode(&host.cgroups);
        let user = if host.uid == 0 { "root".to_string() } else { format!("uid {}, unprivileged", host.uid) };
        let cpus = format!("{} CPU{}", host.cpus.len(), if host.cpus.len() == 1 { "" } else { "s" });
        let memory = units::bytes(host.memory);
        HostFacts {
            kernel: format!("Linux {} {}", visible(&host.kernel), visible(&host.machine)),
            machine: format!("{}, {cpus}, {memory}, cgroup {mode}, {user}", visible(&host.cpu)),
            facts: vec![
                ("Kernel", format!("{} ({})", visible(&host.kernel), visible(&host.kernel_build))),
                ("Command line", visible(&host.cmdline)),
                ("Processor", format!("{}, {}", visible(&host.cpu), visible(&host.machine))),
                ("CPUs allowed", format!("{} ({})", host.cpus.len(), ranges(&host.cpus))),
                ("Memory", memory),
                ("cgroups", format!("{mode}: {}", hierarchies(&host.cgroups))),
                ("LSMs", list(&host.lsms)),
                ("Clock source", visible(&host.clock_source)),
                ("Ran as", format!("uid {}, gid {}", host.uid, host.gid)),
                ("Last capability", host.last_capability.to_string()),
            ],
            launchers: record.launchers.iter().map(launcher).collect(),
            available: features(record)
                .filter(|(_, f)| **f == Feature::Available)
                .map(|(n, _)| visible(n))
                .collect(),
            missing: features(record).filter_map(missing).collect(),
            mitigations: host
                .mitigations
                .iter()
                .map(|(name, state)| [visible(name), visible(state)])
                .collect(),
        }
    }
}

fn features(record: &Record) -> impl Iterator<Item = (&String, &Feature)> {
    record.host.features.iter()
}

fn missing((name, feature): (&String, &Feature)) -> Option<[String; 3]> {
    match feature {
        Feature::Available => None,
        Feature::Missing { reason, remedy } => Some([visible(name), visible(reason), visible(remedy)]),
    }
}

fn launcher(launcher: &crate::record::Launcher) -> (String, String) {
    let about = match (&launcher.version, &launcher.path) {
        (Some(version), Some(path)) => format!("{}, {}", visible(version), visible(path)),
        (Some(version), None) => format!("{}, in process", visible(version)),
        (None, _) => "not found".to_string(),
    };
    (visible(&launcher.name), about)
}

/// As systemd and the runtimes call it: hybrid is a v2 tree beside v1 hierarchies, with or without controllers.
fn cgroup_mode(cgroups: &Cgroups) -> &'static str {
    match (&cgroups.v2, cgroups.v1.is_empty()) {
        (Some(_), true) => "v2",
        (Some(_), false) => "hybrid",
        (None, false) => "v1",
        (None, true) => "absent",
    }
}

fn hierarchies(cgroups: &Cgroups) -> String {
    let one = |hierarchy: &Hierarchy| {
        let access = if hierarchy.writable { "" } else { ", read-only" };
        let mount = visible(&hierarchy.mount.to_string_lossy());
        format!("{mount} ({}{access})", list(&hierarchy.controllers))
    };
    let all: Vec<String> = cgroups.v2.iter().chain(&cgroups.v1).map(one).collect();
    if all.is_empty() { "none mounted".to_string() } else { all.join("; ") }
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        return "none".to_string();
    }
    items.iter().map(|item| visible(item)).collect::<Vec<_>>().join(", ")
}

/// CPU numbers as the kernel's list format writes them: `0-3,8`.
fn ranges(cpus: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(cpu) => *last = cpu,
            _ => runs.push((cpu, cpu)),
        }
    }
    let run = |&(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_as_the_kernel_lists_them() {
        assert_eq!(ranges(&[0, 1, 2, 3, 8, 10, 11]), "0-3,8,10-11");
        assert_eq!(ranges(&[u32::MAX]), u32::MAX.to_string());
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn cgroup_modes() {
        let tree =
            Hierarchy { mount: "/sys/fs/cgroup".into(), controllers: vec!["cpu".into()], writable: false };
        let both = Cgroups { v2: Some(tree.clone()), v1: vec![tree] };
        assert_eq!(cgroup_mode(&both), "hybrid");
        assert_eq!(cgroup_mode(&Cgroups { v1: Vec::new(), ..both.clone() }), "v2");
        assert_eq!(cgroup_mode(&Cgroups { v2: None, ..both.clone() }), "v1");
        assert_eq!(cgroup_mode(&Cgroups::default()), "absent");
        assert!(hierarchies(&both).contains("/sys/fs/cgroup (cpu, read-only)"));
    }
}
