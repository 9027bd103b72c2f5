//! The fact tree that expectations look into: `{inside, outside, host, canary, config}`.
//!
//! * `inside`: the probe's answers, by the names that the scenario gave them.
//! * `outside`: what the host's kernel says of the container while it lives ([`tree`]), its control groups' values, and
//!   what became of files and canaries afterwards.
//! * `host`: the same [`tree`] of this process.
//! * `canary`: what was planted on the host, see [`crate::canary`].
//! * `config`: the config that the guarantee asks for, without what a control took away.

use std::collections::BTreeSet;

use isolab_core::observe::Observation;
use serde_json::{Map, Value, json};

/// An observation in the shape that scenario files refer to.
///
/// As [`Observation`] serialises, but: `mounts` is an object by target (the topmost mount where several are stacked)
/// and `targets` the list of all targets in order; capability sets are lists of names; `cgroups` is the set of paths;
/// id maps are texts `inside outside length`; `fd_numbers` lists the descriptors.
#[must_use]
pub(crate) fn tree(seen: &Observation) -> Value {
    let mounts: Map<_, _> = seen.mounts.iter().map(|mount| (mount.target.clone(), json!(mount))).collect();
    let targets: Vec<_> = seen.mounts.iter().map(|mount| mount.target.clone()).collect();
    let cgroups: BTreeSet<_> = seen.cgroups.iter().map(|line| &line.path).collect();
    let map = |lines: &[isolab_core::observe::IdMapLine]| -> Vec<String> {
        lines.iter().map(|line| format!("{} {} {}", line.inside, line.outside, line.length)).collect()
    };
    let fds = seen.fds.iter().filter(|(_, target)| !is_own_listing(target));
    let fds: Map<_, _> = fds.map(|(number, target)| (number.to_string(), json!(target))).collect();
    let mut numbers: Vec<i32> = fds.keys().filter_map(|number| number.parse().ok()).collect();
    numbers.sort_unstable();
    let mut status = json!(seen.status);
    let caps = &seen.status.caps;
    for (set, mask) in [
        ("inheritable", caps.inheritable),
        ("permitted", caps.permitted),
        ("effective", caps.effective),
        ("bounding", caps.bounding),
        ("ambient", caps.ambient),
    ] {
        status["caps"][set] = json!(isolab_core::capability::names(mask));
    }
    status["umask"] = json!(format!("{:04o}", seen.status.umask));
    json!({
        "namespaces": seen.namespaces,
        "status": status,
        "mounts": mounts,
        "targets": targets,
        "cgroups": cgroups,
        "uid_map": map(&seen.uid_map),
        "gid_map": map(&seen.gid_map),
        "rlimits": seen.rlimits,
        "fds": fds,
        "fd_numbers": numbers,
        "cgroup_values": seen.cgroup_values,
    })
}

/// The descriptor that a process has open while it lists its own descriptors.
fn is_own_listing(target: &str) -> bool {
    target.starts_with("/proc/") && target.ends_with("/fd")
}

/// How the mounts that were seen differ from those that a config asks for: `unexpected` and `missing` targets.
///
/// A runtime may add what the runtime specification asks of it: default devices (as bind mounts where it cannot make
/// nodes), masked and read-only paths, and one mount a controller below a cgroup mount.
#[must_use]
pub(crate) fn mounts_against(config: &Value, targets: &[String]) -> Value {
    const DEVICES: [&str; 8] = ["null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"];
    let texts = |value: &Value, key: Option<&str>| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        let text = |item: &Value| {
            key.map_or(Some(item), |key| item.get(key)).and_then(Value::as_str).map(str::to_owned)
        };
        items.filter_map(text).collect()
    };
    let asked = texts(&config["mounts"], Some("destination"));
    let mut allowed: BTreeSet<String> = asked.iter().cloned().collect();
    allowed.insert("/".into());
    allowed.extend(texts(&config["linux"]["maskedPaths"], None));
    allowed.extend(texts(&config["linux"]["readonlyPaths"], None));
    allowed.extend(texts(&config["linux"]["devices"], Some("path")));
    allowed.extend(DEVICES.map(|name| format!("/dev/{name}")));
    let groups: Vec<_> = config["mounts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|mount| mount["type"] == "cgroup" || mount["type"] == "cgroup2")
        .filter_map(|mount| mount["destination"].as_str())
        .collect();
    let is_group = |target: &str| groups.iter().any(|group| target.starts_with(&format!("{group}/")));
    let unexpected: Vec<_> =
        targets.iter().filter(|target| !allowed.contains(*target) && !is_group(target)).collect();
    let missing: Vec<_> = asked.iter().filter(|asked| !targets.contains(asked)).collect();
    json!({"unexpected": unexpected, "missing": missing})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_that_the_config_does_not_explain_are_unexpected() {
        let config = json!({
            "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/cg", "type": "cgroup"},
                {"destination": "/gone", "type": "tmpfs"}],
            "linux": {"maskedPaths": ["/proc/keys"]},
        });
        let targets =
            ["/", "/proc", "/proc/keys", "/cg", "/cg/memory", "/dev/null", "/put_old"].map(String::from);
        assert_eq!(
            mounts_against(&config, &targets),
            json!({"unexpected": ["/put_old"], "missing": ["/gone"]})
        );
    }
}
