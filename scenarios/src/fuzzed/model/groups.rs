//! Control groups: where the workload is, and the limits there.

use std::fs;
use std::path::Path;

use isolab_core::host::Host;
use serde_json::Value;

use super::{Findings, items};
use crate::fuzzed::outside::Outside;

/// The group of each hierarchy that a limit needs, as `/proc/PID/cgroup` shows it.
pub(super) fn paths(spec: &Value, seen: &Outside, findings: &mut Findings) {
    let Some(asked) = spec["linux"]["cgroupsPath"].as_str() else { return };
    let resources = &spec["linux"]["resources"];
    let named = [("pids", "pids"), ("memory", "memory"), ("cpu", "cpu"), ("devices", "devices")];
    for (property, controller) in named.into_iter().filter(|(property, _)| !resources[property].is_null()) {
        let line = seen.text("cgroup").lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers.split(',').any(|one| one == controller).then_some(path)
        });
        // Without such a line the controller is in the v2 tree, where the line has none.
        let line = line.or_else(|| seen.text("cgroup").lines().find_map(|line| line.strip_prefix("0::")));
        let agrees = line.is_some_and(|line| line.ends_with(asked));
        findings.check(&format!("group of {property}"), asked, line, agrees);
    }
}

/// The values of its limits in v1 hierarchies (cgroup-v1/{pids,memory,cpu}.rst, cpu: scheduler/sched-bwc.rst).
#[must_use]
pub fn groups(spec: &Value, host: &Host) -> Vec<String> {
    let mut findings = Findings::default();
    let resources = &spec["linux"]["resources"];
    let group = spec["linux"]["cgroupsPath"].as_str().unwrap_or_default().trim_start_matches('/');
    let number = |value: &Value| value.as_i64().map(|value| value.to_string());
    let cpu = &resources["cpu"];
    for (controller, file, asked) in [
        ("pids", "pids.max", number(&resources["pids"]["limit"])),
        ("memory", "memory.limit_in_bytes", number(&resources["memory"]["limit"])),
        ("cpu", "cpu.shares", number(&cpu["shares"])),
        ("cpu", "cpu.cfs_quota_us", number(&cpu["quota"])),
        ("cpu", "cpu.cfs_period_us", number(&cpu["period"])),
    ] {
        let (Some(asked), Some(mount)) = (asked, v1(host, controller)) else { continue };
        findings.equal(file, asked, read(&mount.join(group).join(file)));
    }
    // cgroup-v1/devices.rst: a list without entries lets nothing through.
    let denies = |rule: &Value| rule["allow"] == false && rule["type"].is_null();
    if let Some(mount) = v1(host, "devices")
        && items(&resources["devices"]).next().is_some_and(denies)
    {
        let list = read(&mount.join(group).join("devices.list"));
        let all = list.lines().any(|line| line.starts_with("a "));
        findings.check("devices.list", "no rule for all devices", list, !all);
    }
    findings.lines()
}

fn v1<'h>(host: &'h Host, controller: &str) -> Option<&'h Path> {
    let has = |names: &[String]| names.iter().any(|name| name == controller);
    host.cgroups
        .v1
        .iter()
        .find(|hierarchy| has(&hierarchy.controllers))
        .map(|hierarchy| hierarchy.mount.as_path())
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).map_or_else(|error| error.to_string(), |text| text.trim_end().to_owned())
}
