//! Usage as v2's files have it (`Documentation/admin-guide/cgroup-v2.rst`), in the places of v1's.

use std::path::Path;

use super::read::{Group, flat, list};
use super::{BlkioEntry, HugeUsage, MemoryEntry, Usage, v1};
use crate::cgroup::error::Result;
use crate::cgroup::file;

/// Files are looked for, since a group has those of the controllers that it was given. The tree of a hybrid host has
/// CPU times and pressure without any controller; those of v1 replace them, where they are.
pub(super) fn read(path: &Path, usage: &mut Usage) -> Result<()> {
    let group = Group(path);
    cpu(&group, usage)?;
    if group.path("cpuset.cpus.effective").exists() {
        usage.cpuset.cpus = list(&group.text("cpuset.cpus.effective")?);
        usage.cpuset.mems = list(&group.text("cpuset.mems.effective")?);
    }
    usage.memory.psi = group.pressure("memory.pressure")?;
    if group.path("memory.current").exists() {
        memory(&group, usage)?;
    }
    if group.path("pids.current").exists() {
        v1::pids(&group, usage)?;
    }
    io(&group, usage)?;
    hugetlb(&group, usage)
}

fn cpu(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    let stat = flat(&group.text("cpu.stat")?);
    let value = |key: &str| stat.get(key).copied().unwrap_or(0);
    let cpu = &mut usage.cpu;
    cpu.usage.total = value("usage_usec") * 1000;
    cpu.usage.user = value("user_usec") * 1000;
    cpu.usage.kernel = value("system_usec") * 1000;
    cpu.throttling.periods = value("nr_periods");
    cpu.throttling.throttled_periods = value("nr_throttled");
    cpu.throttling.throttled_time = value("throttled_usec") * 1000;
    cpu.psi = group.pressure("cpu.pressure")?;
    Ok(())
}

/// v2 counts swap alone; here it is memory and swap together, as in v1 and in the config.
fn memory(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    let events = group.text("memory.events")?;
    let memory = &mut usage.memory;
    memory.raw = flat(&group.text("memory.stat")?);
    memory.cache = memory.raw.get("file").copied().unwrap_or(0);
    memory.usage = MemoryEntry {
        limit: group.number("memory.max")?,
        usage: group.number("memory.current")?,
        max: group.number("memory.peak")?,
        failcnt: file::number(&events, Some("max")).unwrap_or(0),
    };
    memory.swap = MemoryEntry {
        limit: group.number("memory.swap.max")?.saturating_add(memory.usage.limit),
        usage: group.number("memory.swap.current")?.saturating_add(memory.usage.usage),
        max: 0,
        failcnt: file::number(&group.text("memory.swap.events")?, Some("max")).unwrap_or(0),
    };
    Ok(())
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`.
fn io(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    let blkio = &mut usage.blkio;
    blkio.psi = group.pressure("io.pressure")?;
    for line in group.text("io.stat")?.lines() {
        let mut words = line.split(' ');
        let device = words.next().and_then(|device| device.split_once(':'));
        let Some((Ok(major), Ok(minor))) = device.map(|(major, minor)| (major.parse(), minor.parse())) else {
            continue;
        };
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let (list, op) = match key {
                "rbytes" => (&mut blkio.io_service_bytes_recursive, "Read"),
                "wbytes" => (&mut blkio.io_service_bytes_recursive, "Write"),
                "dbytes" => (&mut blkio.io_service_bytes_recursive, "Discard"),
                "rios" => (&mut blkio.io_serviced_recursive, "Read"),
                "wios" => (&mut blkio.io_serviced_recursive, "Write"),
                "dios" => (&mut blkio.io_serviced_recursive, "Discard"),
                _ => continue,
            };
            let value = value.parse().unwrap_or_default();
            list.push(BlkioEntry { major, minor, op: op.into(), value });
        }
    }
    Ok(())
}

fn hugetlb(group: &Group<'_>, usage: &mut Usage) -> Result<()> {
    for size in group.between("hugetlb.", ".current") {
        if !size.contains('.') {
            let events = group.text(&format!("hugetlb.{size}.events"))?;
            let entry = HugeUsage {
                usage: group.number(&format!("hugetlb.{size}.current"))?,
                max: 0,
                failcnt: file::number(&events, Some("max")).unwrap_or(0),
            };
            usage.hugetlb.insert(size, entry);
        }
    }
    Ok(())
}
