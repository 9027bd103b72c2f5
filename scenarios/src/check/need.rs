//! What a guarantee needs of the host.

use isolab_core::host::{Feature, Host};

/// Why a need is not met, and what would meet it; `None` when it is met.
///
/// Needs are `root`, `cgroup` (any hierarchy), `cgroup <controller>`, `cpus <n>`, or the name of a host feature.
pub(super) fn missing(need: &str, host: &Host) -> Option<(String, String)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_met_or_say_why_not() {
        let mut host = crate::testing::host();
        host.uid = 0;
        host.cpus = vec![0];
        assert_eq!(missing("root", &host), None);
        assert_eq!(missing("cpus 2", &host).unwrap().0, "needs 2 CPUs, and there are 1");
        assert!(missing("cgroup memory", &host).unwrap().0.contains("memory controller"));
        let (reason, remedy) = missing("cgroup", &host).unwrap();
        assert!(reason.contains("hierarchy") && remedy.starts_with("mount /sys/fs/cgroup,"), "{remedy}");
        host.cgroups = Host::example().cgroups;
        assert_eq!(missing("cgroup", &host), None);
        assert!(missing("wings", &host).unwrap().0.contains("`wings`"));
        host.uid = 1000;
        assert_eq!(missing("root", &host).unwrap().1, "run as root");
    }
}
