//! What the groups of a process show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{CgroupLine, mountinfo};
use crate::host::Cgroups;

/// Files of a group that hold a limit or say what it uses.
const VALUES: [&str; 57] = [
    "cpu.shares",
    "cpu.cfs_period_us",
    "cpu.cfs_quota_us",
    "cpu.cfs_burst_us",
    "cpu.rt_period_us",
    "cpu.rt_runtime_us",
    "cpu.idle",
    "cpu.weight",
    "cpu.weight.nice",
    "cpu.max",
    "cpu.max.burst",
    "cpu.uclamp.min",
    "cpu.uclamp.max",
    "cpu.stat",
    "cpuset.cpus",
    "cpuset.mems",
    "cpuset.cpus.partition",
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "memory.soft_limit_in_bytes",
    "memory.swappiness",
    "memory.oom_control",
    "memory.use_hierarchy",
    "memory.failcnt",
    "memory.max",
    "memory.high",
    "memory.low",
    "memory.min",
    "memory.swap.max",
    "memory.swap.high",
    "memory.zswap.max",
    "memory.oom.group",
    "memory.events",
    "pids.max",
    "pids.current",
    "devices.list",
    "blkio.weight",
    "blkio.weight_device",
    "blkio.bfq.weight",
    "blkio.bfq.weight_device",
    "blkio.leaf_weight",
    "blkio.leaf_weight_device",
    "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device",
    "blkio.throttle.read_iops_device",
    "blkio.throttle.write_iops_device",
    "io.weight",
    "io.bfq.weight",
    "io.max",
    "io.latency",
    "io.prio.class",
    "net_cls.classid",
    "net_prio.ifpriomap",
    "rdma.max",
    "cgroup.max.depth",
    "cgroup.max.descendants",
    "cgroup.freeze",
];

/// Whether a group's file is observed: one of [`VALUES`], or a limit on huge pages, which has their size in its name.
pub(super) fn is_value(name: &str) -> bool {
    let huge = name.starts_with("hugetlb.") && (name.ends_with(".max") || name.ends_with(".limit_in_bytes"));
    huge || VALUES.contains(&name)
}

/// The process's group in each hierarchy of the host that it is in; v2 has no controllers in its line.
fn groups<'l>(lines: &'l [CgroupLine], cgroups: &Cgroups) -> Vec<(&'l CgroupLine, PathBuf)> {
    let place = |line: &'l CgroupLine| {
        let hierarchy = match line.controllers.first() {
            None => cgroups.v2.as_ref(),
            Some(controller) => {
                cgroups.v1.iter().find(|hierarchy| hierarchy.controllers.contains(controller))
            }
        };
        Some((line, directory(&hierarchy?.mount, &line.path)))
    };
    lines.iter().filter_map(place).collect()
}

/// The directory of a group, whose path `/proc/PID/cgroup` shows, in a hierarchy that is mounted at `mount`. In a container without
/// a cgroup namespace a part of the hierarchy is mounted, and paths begin above it.
#[must_use]
pub fn directory(mount: &Path, path: &str) -> PathBuf {
    let whole = mount.join(path.trim_start_matches('/'));
    if whole.exists() {
        return whole;
    }
    let table = mountinfo(&super::text_of(Path::new("/proc/thread-self/mountinfo")).unwrap_or_default());
    let part = table.iter().rfind(|one| Path::new(&one.target) == mount).map(|one| one.root.as_str());
    part.and_then(|root| path.strip_prefix(root))
        .map_or(whole, |below| mount.join(below.trim_start_matches('/')))
}

pub(super) fn group_values(lines: &[CgroupLine], cgroups: &Cgroups) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (_, directory) in groups(lines, cgroups) {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if is_value(&name)
                && let Ok(value) = std::fs::read_to_string(entry.path())
            {
                found.insert(name, value.trim_end().to_owned());
            }
        }
    }
    found
}

/// How many device programs the v2 group has; `None` where that cannot be asked.
#[cfg(feature = "launch")]
pub(super) fn device_programs(lines: &[CgroupLine], cgroups: &Cgroups) -> Option<u32> {
    use std::os::fd::AsFd;
    let groups = groups(lines, cgroups);
    let (_, directory) = groups.iter().find(|(line, _)| line.controllers.is_empty())?;
    crate::sys::bpf::count_device_programs(std::fs::File::open(directory).ok()?.as_fd()).ok()
}

#[cfg(not(feature = "launch"))]
pub(super) fn device_programs(_lines: &[CgroupLine], _cgroups: &Cgroups) -> Option<u32> {
    None
}
