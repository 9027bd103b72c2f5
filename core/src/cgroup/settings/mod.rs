//! From the runtime-spec's units to the kernel's files, for v1 and v2. A table, and pure.
//!
//! The conversions are those of the spec, and where it is silent those that runc and crun share; `tests.rs` has them as a
//! table with their sources.

mod block_io;
mod cpu;
mod memory;
mod other;
#[cfg(test)]
mod tests;

use super::{Resources, devices};

pub use cpu::weight_of_shares;

/// One value for one file of one controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Controller that the file belongs to; `cgroup` for files that every v2 group has.
    pub controller: String,
    /// File name.
    pub file: String,
    /// What is written.
    pub value: String,
    /// Where the config asks for it.
    pub path: String,
    /// What to do where there is no such file.
    pub absent: Absent,
}

/// What to do where a group has no such file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// The setting cannot be had: an error.
    Refuse,
    /// Without the file everything is as asked already.
    Harmless,
    /// Another file and value mean the same.
    Instead {
        /// Its name.
        file: String,
        /// What is written there.
        value: String,
    },
}

impl Setting {
    fn new(controller: &str, file: &str, value: impl ToString, path: &str) -> Setting {
        let path = format!("linux.resources.{path}");
        let value = value.to_string();
        Setting { controller: controller.into(), file: file.into(), value, path, absent: Absent::Refuse }
    }

    fn harmless(self) -> Setting {
        Setting { absent: Absent::Harmless, ..self }
    }

    fn or(self, file: &str, value: impl ToString) -> Setting {
        Setting { absent: Absent::Instead { file: file.into(), value: value.to_string() }, ..self }
    }

    /// Of a file with a line for each device or interface, the one that this sets, and what of it.
    pub(crate) fn keyed(&self) -> Option<(&str, &str)> {
        let file = self.file.as_str();
        let always =
            file.ends_with("_device") || ["io.max", "rdma.max", "net_prio.ifpriomap"].contains(&file);
        // One device's weight, beside the group's own.
        let device = ["io.weight", "io.bfq.weight"].contains(&file) && self.value.contains(':');
        if always || device { self.value.split_once(' ') } else { None }
    }
}

/// Everything that `resources` asks of controllers, in the order in which it must be written. `v2` says whether a
/// controller lives in the v2 tree of this host; it is asked by the names of v1. What has no form there is left out,
/// and is a gap of the plan; device rules are a program in v2, not a setting.
#[must_use]
pub fn settings(resources: &Resources, v2: impl Fn(&str) -> bool) -> Vec<Setting> {
    let mut all = Vec::new();
    cpu::settings(&resources.cpu, v2("cpu"), &mut all);
    cpu::placement(&resources.cpu, &mut all);
    memory::settings(&resources.memory, v2("memory"), &mut all);
    if let Some(limit) = resources.pids {
        all.push(Setting::new("pids", "pids.max", or_max(limit), "pids.limit"));
    }
    block_io::settings(&resources.block_io, v2("blkio"), &mut all);
    other::huge_pages(&resources.huge_pages, v2("hugetlb"), &mut all);
    if !v2("net_cls") {
        other::class(&resources.network, &mut all);
    }
    if !v2("net_prio") {
        other::priorities(&resources.network, &mut all);
    }
    other::rdma(&resources.rdma, &mut all);
    if !v2("devices") {
        device_lists(resources, &mut all);
    }
    for (key, value) in &resources.unified {
        let controller = key.split('.').next().unwrap_or_default();
        all.push(Setting::new(controller, key, value, &format!("unified[{key:?}]")));
    }
    all
}

/// What `resources` asks for and no setting of this host's hierarchies gives, each with the reason.
#[must_use]
pub(super) fn gaps(resources: &Resources, v2: impl Fn(&str) -> bool) -> Vec<String> {
    let (cpu, memory, network) = (&resources.cpu, &resources.memory, &resources.network);
    let realtime = cpu.realtime_runtime.is_some() || cpu.realtime_period.is_some();
    let leaf = resources.block_io.leaf_weight.is_some()
        || resources.block_io.devices.iter().any(|device| device.leaf_weight.is_some());
    let asked = [
        ("cpu.realtimeRuntime", "cpu", realtime),
        ("memory.swappiness", "memory", memory.swappiness.is_some()),
        ("memory.disableOOMKiller", "memory", memory.disable_oom_killer),
        ("blockIO.leafWeight", "blkio", leaf),
        ("network.classID", "net_cls", network.class.is_some()),
        ("network.priorities", "net_prio", !network.priorities.is_empty()),
    ];
    let mut gaps: Vec<String> = asked
        .into_iter()
        .filter(|(_, controller, asked)| *asked && v2(controller))
        .map(|(path, ..)| format!("linux.resources.{path}: cgroup v2 has nothing like it; leave it out"))
        .collect();
    if !v2("devices")
        && let Some(device) = devices::stays_allowed(&resources.devices)
    {
        gaps.push(format!(
            "linux.resources.devices: {device} would stay allowed, since cgroup v1 cannot deny a part of what a rule \
             before has allowed; allow the parts instead"
        ));
    }
    gaps
}

/// v1 writes -1 where v2 writes `max`; `pids.max` takes `max` in both.
fn or_max(value: i64) -> String {
    if value < 0 { "max".into() } else { value.to_string() }
}

fn device_lists(resources: &Resources, all: &mut Vec<Setting>) {
    for (allow, line, index) in devices::lines(&resources.devices) {
        let file = if allow { "devices.allow" } else { "devices.deny" };
        let path = index.map_or_else(|| "devices".into(), |index| format!("devices[{index}]"));
        all.push(Setting::new("devices", file, line, &path));
    }
}
