//! What a guarantee needs of the host.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use isolab_core::host::{Feature, Host};
use isolab_core::sys::mount;

/// Why a need is not met, and what would meet it; `None` when it is met.
///
/// Needs are `root`, `unprivileged`, `guest`, `stage` (isolab's own namespaces), `i386`, `cgroup` (any hierarchy),
/// `cgroup <controller>`, the same with `v1` and `v2`, `cpus <n>`, `file <path>`, `capability <name>`, `apparmor-profile <name>`,
/// `scratch suid` and `scratch dev` (the temporary directory's mount honours these), `hard limits` (those that kernels begin with, or the
/// capability to raise them), or the name of a host feature.
pub(super) fn missing(need: &str, host: &Host, staged: bool) -> Option<(String, String)> {
    if let Some(met) = of_this_place(need, host, staged) {
        return met;
    }
    if need == "root" {
        return (host.uid != 0)
            .then(|| (format!("needs root, and this is uid {}", host.uid), "run as root".into()));
    }
    let enable = match host.uid {
        0 => {
            "mount /sys/fs/cgroup with that controller, and look for cgroup_disable= on the kernel command line"
        }
        _ => "run as root, or in a delegated cgroup with that controller",
    };
    if need == "cgroup" {
        let any = host.cgroups.v1.iter().chain(&host.cgroups.v2).any(|one| one.writable);
        let reason = "needs a cgroup hierarchy that we may write to".to_owned();
        return (!any).then(|| (reason, enable.replace(" with that controller", "")));
    }
    if let Some(controller) = need.strip_prefix("cgroup ") {
        let mut hierarchies = host.cgroups.v1.iter().chain(&host.cgroups.v2);
        // In the unified tree device rules are programs of their own, not a controller.
        let has = hierarchies
            .any(|one| one.writable && one.controllers.iter().any(|name| name == controller))
            || (controller == "devices" && host.cgroups.v2.as_ref().is_some_and(|one| one.writable));
        return (!has).then(|| {
            let reason =
                format!("needs the {controller} controller in a cgroup hierarchy that we may write to");
            (reason, enable.into())
        });
    }
    if let Some(wanted) = need.strip_prefix("cpus ").and_then(|number| number.parse::<usize>().ok()) {
        let have = host.cpus.len();
        return (have < wanted)
            .then(|| (format!("needs {wanted} CPUs, and there are {have}"), "use a larger machine".into()));
    }
    match host.features.get(need) {
        Some(Feature::Available) => None,
        Some(Feature::Missing { reason, remedy }) => Some((reason.clone(), remedy.clone())),
        None => Some((
            format!("needs `{need}`, which this isolab cannot probe for"),
            "check the scenario's `needs`".into(),
        )),
    }
}

/// Needs that are no feature of a host; `None` when it is another kind of need.
fn of_this_place(need: &str, host: &Host, staged: bool) -> Option<Option<(String, String)>> {
    let unless =
        |met: bool, reason: &str, remedy: &str| (!met).then(|| (reason.to_owned(), remedy.to_owned()));
    Some(match need {
        "guest" => unless(
            isolab_core::need::is_guest(host),
            "it could change a setting of the whole host, so it runs in a guest alone",
            "isolab kernels 6.12 --only check",
        ),
        "stage" => unless(staged, "needs namespaces of isolab's own, which take root", "run as root"),
        "unprivileged" => unless(
            host.uid != 0,
            "it is about what a user without privileges may do, and this is root",
            "run as another user",
        ),
        "i386" => unless(
            isolab_core::sys::trial::has_i386(),
            "no programs of i386 run here",
            "a kernel with CONFIG_IA32_EMULATION",
        ),
        _ if need.starts_with("apparmor-profile ") => {
            let name = need.trim_start_matches("apparmor-profile ");
            let loaded =
                std::fs::read_to_string("/sys/kernel/security/apparmor/profiles").unwrap_or_default();
            let met = loaded.lines().any(|line| line.split(" (").next() == Some(name));
            let remedy =
                format!("apparmor_parser --replace scenarios/catalog/apparmor/{name}; in a guest --apparmor");
            unless(met, &format!("no AppArmor profile {name} is loaded"), &remedy)
        }
        _ if need.starts_with("capability ") => {
            let name = need.trim_start_matches("capability ");
            let own = isolab_core::capability::names(host.capabilities.permitted);
            let remedy = "run as root outside of a container, or with --cap-add";
            unless(
                own.iter().any(|one| one == name),
                &format!("isolab has no {name} here that it could give"),
                remedy,
            )
        }
        _ if need.starts_with("scratch ") => {
            let option = need.trim_start_matches("scratch ");
            let at = std::env::temp_dir();
            let reason = format!("{} is mounted no{option}, and so is all that is made there", at.display());
            unless(honours(&at, option), &reason, "TMPDIR with a directory on another mount")
        }
        "hard limits" => {
            let raises = isolab_core::capability::names(host.capabilities.permitted)
                .iter()
                .any(|name| name == "CAP_SYS_RESOURCE");
            let text = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
            let lowered = lowered(&text).filter(|_| !raises).unwrap_or_default();
            let reason = format!("isolab's own hard limit is lower than what is to be set: {lowered}");
            unless(
                lowered.is_empty(),
                &reason,
                "without such a limit (Slurm: --propagate=NONE), or with CAP_SYS_RESOURCE",
            )
        }
        _ if need.starts_with("file ") => {
            let path = need.trim_start_matches("file ");
            unless(
                std::path::Path::new(path).exists(),
                &format!("there is no {path}"),
                "another kernel or machine",
            )
        }
        _ if need.starts_with("v1 ") || need.starts_with("v2 ") => {
            let (version, controller) = need.split_at(3);
            let hierarchies: Vec<_> = if version == "v1 " {
                host.cgroups.v1.iter().collect()
            } else {
                host.cgroups.v2.iter().collect()
            };
            let has = |one: &&isolab_core::host::Hierarchy| {
                one.writable && (controller == "any" || one.controllers.iter().any(|name| name == controller))
            };
            let met = hierarchies.iter().any(has);
            let reason = format!("needs the {controller} controller on cgroup {}, writable", version.trim());
            unless(met, &reason, "a host of that kind, or a guest: isolab kernels 6.12 --only check")
        }
        _ => return None,
    })
}

/// A line of `/proc/PID/limits` whose hard limit is not the one that the kernel begins with, of those that are unlimited then
/// (`INIT_RLIMITS`).
fn lowered(limits: &str) -> Option<&str> {
    const UNLIMITED: [&str; 8] = [
        "Max cpu time",
        "Max file size",
        "Max data size",
        "Max stack size",
        "Max resident set",
        "Max address space",
        "Max file locks",
        "Max realtime timeout",
    ];
    let hard = |line: &str| line.get(47..).and_then(|rest| rest.split_whitespace().next().map(str::to_owned));
    limits
        .lines()
        .filter(|line| UNLIMITED.iter().any(|name| line.starts_with(name)))
        .find(|line| hard(line).as_deref() != Some("unlimited"))
}

/// Whether the mount of a directory honours `suid` or `dev`, in the words of `mount(8)`. One that cannot be opened is for
/// those to report who write there.
fn honours(directory: &Path, option: &str) -> bool {
    let flags = File::open(directory).map(|opened| mount::mount_flags(opened.as_fd()));
    !matches!(flags, Ok(Ok(flags)) if forbids(flags, option))
}

fn forbids(flags: u64, option: &str) -> bool {
    match option {
        "suid" => flags & libc::MS_NOSUID != 0,
        "dev" => flags & libc::MS_NODEV != 0,
        // Nothing is honoured that is not known.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_met_or_say_why_not() {
        let mut host = crate::testing::host();
        host.uid = 0;
        host.cpus = vec![0];
        assert_eq!(missing("root", &host, false), None);
        assert_eq!(missing("cpus 2", &host, false).unwrap().0, "needs 2 CPUs, and there are 1");
        assert!(missing("cgroup memory", &host, false).unwrap().0.contains("memory controller"));
        let (reason, remedy) = missing("cgroup", &host, false).unwrap();
        assert!(reason.contains("hierarchy") && remedy.starts_with("mount /sys/fs/cgroup,"), "{remedy}");
        host.cgroups = Host::example().cgroups;
        assert_eq!(missing("cgroup", &host, false), None);
        assert!(missing("wings", &host, false).unwrap().0.contains("`wings`"));
        assert!(forbids(libc::MS_NOSUID, "suid") && !forbids(libc::MS_NOSUID, "dev"));
        assert!(forbids(libc::MS_NODEV | libc::MS_NOSUID, "dev") && !forbids(libc::MS_RDONLY, "suid"));
        assert!(!honours(Path::new("/"), "wings"));
        let limits =
            |hard| format!("Max cpu time              unlimited            {hard}            seconds   \n");
        assert_eq!(lowered(&limits("unlimited")), None);
        assert_eq!(lowered(&limits("4096     ")).map(|line| &line[..12]), Some("Max cpu time"));
        host.uid = 1000;
        assert_eq!(missing("root", &host, false).unwrap().1, "run as root");
    }
}
