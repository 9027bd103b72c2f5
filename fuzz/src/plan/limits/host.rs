//! What a host lacks for limits, and what its hierarchies have no words for.

use std::collections::BTreeSet;

use isolab_core::config::Config;
use isolab_core::host::Host;

use super::{is_v2, limits, wants_lists, wants_program};

/// Settings whose files are nowhere, or where no group can be made.
pub(in crate::plan) fn lacking(config: &Config, host: &Host) -> BTreeSet<String> {
    let Some(group) = &config.cgroup else { return BTreeSet::new() };
    let cgroups = &host.cgroups;
    let mut all = BTreeSet::new();
    for limit in limits(&group.resources, cgroups) {
        let v1 = cgroups.v1.iter().find(|one| one.controllers.contains(&limit.controller));
        let v2 = cgroups
            .v2
            .as_ref()
            .filter(|tree| limit.controller == "cgroup" || tree.controllers.contains(&limit.controller));
        let home = v1.or(v2);
        // Files of v2 are not those of v1.
        let verbatim = limit.path.starts_with("linux.resources.unified") && v1.is_some();
        if home.is_none_or(|home| !home.writable) || verbatim {
            all.insert(limit.path);
        }
    }
    let tree = cgroups.v2.as_ref().is_some_and(|tree| tree.writable);
    if wants_program(group, cgroups) && !tree {
        all.insert("linux.resources.devices".into());
    }
    let list = cgroups.v1.iter().find(|one| one.controllers.iter().any(|name| name == "devices"));
    if wants_lists(group, cgroups) && list.is_none_or(|one| !one.writable) {
        all.extend(
            (0..group.resources.devices.len()).map(|index| format!("linux.resources.devices[{index}]")),
        );
        all.insert("linux.resources.devices".into());
    }
    all
}

/// What v2 has no words for.
pub(in crate::plan) fn gaps(config: &Config, host: &Host) -> BTreeSet<String> {
    let Some(group) = &config.cgroup else { return BTreeSet::new() };
    let (resources, mut all) = (&group.resources, BTreeSet::new());
    let mut when = |asked: bool, controller: &str, path: &str| {
        if asked && is_v2(&host.cgroups, controller) {
            all.insert(format!("linux.resources.{path}"));
        }
    };
    let (cpu, memory, io) = (&resources.cpu, &resources.memory, &resources.block_io);
    when(cpu.realtime_runtime.is_some() || cpu.realtime_period.is_some(), "cpu", "cpu.realtimeRuntime");
    when(memory.swappiness.is_some(), "memory", "memory.swappiness");
    when(memory.disable_oom_killer, "memory", "memory.disableOOMKiller");
    let leaf = io.leaf_weight.is_some() || io.devices.iter().any(|one| one.leaf_weight.is_some());
    when(leaf, "blkio", "blockIO.leafWeight");
    when(resources.network.class.is_some(), "net_cls", "network.classID");
    when(!resources.network.priorities.is_empty(), "net_prio", "network.priorities");
    if wants_program(group, &host.cgroups) && host.uid != 0 {
        all.insert("linux.resources.devices".into());
    }
    all
}
