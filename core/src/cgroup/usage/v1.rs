//! Usage as v1's files have it.

use super::read::{Group, by_operation, flat, list, numbers};
use super::{Cpuset, HugeUsage, MemoryEntry, Usage};
use crate::cgroup::directory::Directory;
use crate::cgroup::error::Result;

/// The unit of `cpuacct.stat`, `USER_HZ`, is 1/100 s on every architecture that this is built for.
const TICK: u64 = 10_000_000;

pub(super) fn read(directory: &Directory, usage: &mut Usage) -> Result<()> {
    let group = Group(&directory.path);
    for controller in &directory.controllers {
        match controller.as_str() {
            "cpu" => throttling(&group, usage)?,
            "cpuacct" => times(&group, usage)?,
            "cpuset" => usage.cpuset = cpuset(&group)?,
            "memory" => memory(&group, usage)?,
            "pids" => pids(&group, usage)?,
            "blkio" => blkio(&group, usage)?,
            "hugetlb" => hugetlb(&group, usage)?,
            _ => {}
        }
    }
    Ok(())
}

fn throttling(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    let stat = flat(&group.text("cpu.stat")?);
    let value = |key: &str| stat.get(key).copied().unwrap_or(0);
    let throttling = &mut usage.cpu.throttling;
    throttling.periods = value("nr_periods");
    throttling.throttled_periods = value("nr_throttled");
    throttling.throttled_time = value("throttled_time");
    Ok(())
}

fn times(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    let stat = flat(&group.text("cpuacct.stat")?);
    let ticks = |key: &str| stat.get(key).copied().unwrap_or(0) * TICK;
    let times = &mut usage.cpu.usage;
    times.total = group.number("cpuacct.usage")?;
    times.percpu = numbers(&group.text("cpuacct.usage_percpu")?);
    times.percpu_kernel = numbers(&group.text("cpuacct.usage_percpu_sys")?);
    times.percpu_user = numbers(&group.text("cpuacct.usage_percpu_user")?);
    (times.kernel, times.user) = (ticks("system"), ticks("user"));
    Ok(())
}

fn cpuset(group: &Group<'_>) -> Result<Cpuset> {
    let level = group.text("cpuset.sched_relax_domain_level")?;
    Ok(Cpuset {
        cpus: list(&group.text("cpuset.cpus")?),
        cpu_exclusive: group.number("cpuset.cpu_exclusive")?,
        mems: list(&group.text("cpuset.mems")?),
        mem_hardwall: group.number("cpuset.mem_hardwall")?,
        mem_exclusive: group.number("cpuset.mem_exclusive")?,
        memory_migrate: group.number("cpuset.memory_migrate")?,
        memory_spread_page: group.number("cpuset.memory_spread_page")?,
        memory_spread_slab: group.number("cpuset.memory_spread_slab")?,
        memory_pressure: group.number("cpuset.memory_pressure")?,
        sched_load_balance: group.number("cpuset.sched_load_balance")?,
        sched_relax_domain_level: level.trim().parse().unwrap_or_default(),
    })
}

fn memory(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    let entry = |kind: &str| -> Result<MemoryEntry> {
        let number = |name: &str| group.number(&format!("memory.{kind}{name}"));
        Ok(MemoryEntry {
            limit: number("limit_in_bytes")?,
            usage: number("usage_in_bytes")?,
            max: number("max_usage_in_bytes")?,
            failcnt: number("failcnt")?,
        })
    };
    let memory = &mut usage.memory;
    memory.raw = flat(&group.text("memory.stat")?);
    memory.cache = memory.raw.get("cache").copied().unwrap_or(0);
    memory.usage = entry("")?;
    memory.swap = entry("memsw.")?;
    memory.kernel = entry("kmem.")?;
    memory.kernel_tcp = entry("kmem.tcp.")?;
    Ok(())
}

pub(super) fn pids(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    usage.pids.current = group.number("pids.current")?;
    let limit = group.number("pids.max")?;
    usage.pids.limit = if limit == u64::MAX { 0 } else { limit };
    Ok(())
}

/// BFQ counts if it schedules the device, the throttling layer does always.
fn blkio(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    let read = |name: &str| -> Result<_> {
        let own = by_operation(&group.text(&format!("blkio.bfq.{name}"))?);
        match own.is_empty() {
            true => Ok(by_operation(&group.text(&format!("blkio.throttle.{name}"))?)),
            false => Ok(own),
        }
    };
    usage.blkio.io_service_bytes_recursive = read("io_service_bytes_recursive")?;
    usage.blkio.io_serviced_recursive = read("io_serviced_recursive")?;
    Ok(())
}

fn hugetlb(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    for size in group.between("hugetlb.", ".limit_in_bytes") {
        if !size.contains('.') {
            let number = |name: &str| group.number(&format!("hugetlb.{size}.{name}"));
            let entry = HugeUsage {
                usage: number("usage_in_bytes")?,
                max: number("max_usage_in_bytes")?,
                failcnt: number("failcnt")?,
            };
            usage.hugetlb.insert(size, entry);
        }
    }
    Ok(())
}
