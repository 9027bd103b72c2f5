//! What a container uses, in the shape of `runc events --stats`, which engines read.
//!
//! Times are nanoseconds, sizes bytes. What no group of the container knows is left at 0 or out. Values of v2 are given the
//! places of v1's, as runc does: `memory.stat` is `raw`, and an absent limit is the largest number.

mod read;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::collections::BTreeMap;

use serde::Serialize;

use super::directory::Directory;
use super::error::Result;

/// What a container uses.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Usage {
    /// CPU time.
    pub cpu: CpuUsage,
    /// Where it may run.
    pub cpuset: Cpuset,
    /// Memory.
    pub memory: MemoryUsage,
    /// Tasks.
    pub pids: PidsUsage,
    /// Block devices.
    pub blkio: BlkioUsage,
    /// Huge pages by size.
    pub hugetlb: BTreeMap<String, HugeUsage>,
    /// Always empty.
    pub intel_rdt: BTreeMap<String, u64>,
    /// Always absent: it is no matter of groups.
    pub network_interfaces: Option<()>,
}

/// CPU time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CpuUsage {
    /// Time used.
    pub usage: CpuTimes,
    /// Time denied.
    pub throttling: Throttling,
    /// How often tasks waited for a CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// CPU time used, in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CpuTimes {
    /// All.
    #[serde(skip_serializing_if = "is_zero")]
    pub total: u64,
    /// By CPU; v1 only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu: Vec<u64>,
    /// In the kernel, by CPU; v1 only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu_kernel: Vec<u64>,
    /// In user mode, by CPU; v1 only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu_user: Vec<u64>,
    /// In the kernel.
    pub kernel: u64,
    /// In user mode.
    pub user: u64,
}

/// How its quota held it back.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Throttling {
    /// Periods with a task that wanted to run.
    #[serde(skip_serializing_if = "is_zero")]
    pub periods: u64,
    /// Of these, periods in which the quota ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub throttled_periods: u64,
    /// Nanoseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub throttled_time: u64,
}

/// Shares of time in which tasks waited (`Documentation/accounting/psi.rst`); v2 only.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pressure {
    /// At least one waited.
    pub some: Waiting,
    /// All waited.
    pub full: Waiting,
}

/// Percent over 10, 60 and 300 seconds, and microseconds in all.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Waiting {
    /// Percent.
    pub avg10: f64,
    /// Percent.
    pub avg60: f64,
    /// Percent.
    pub avg300: f64,
    /// Microseconds.
    pub total: u64,
}

/// Where it may run. On v2 only the two lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cpuset {
    /// CPUs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<u32>,
    /// `cpuset.cpu_exclusive`.
    pub cpu_exclusive: u64,
    /// Memory nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mems: Vec<u32>,
    /// `cpuset.mem_hardwall`.
    pub mem_hardwall: u64,
    /// `cpuset.mem_exclusive`.
    pub mem_exclusive: u64,
    /// `cpuset.memory_migrate`.
    pub memory_migrate: u64,
    /// `cpuset.memory_spread_page`.
    pub memory_spread_page: u64,
    /// `cpuset.memory_spread_slab`.
    pub memory_spread_slab: u64,
    /// `cpuset.memory_pressure`.
    pub memory_pressure: u64,
    /// `cpuset.sched_load_balance`.
    pub sched_load_balance: u64,
    /// `cpuset.sched_relax_domain_level`.
    pub sched_relax_domain_level: i64,
}

/// Memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MemoryUsage {
    /// Bytes of page cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache: u64,
    /// Memory.
    pub usage: MemoryEntry,
    /// Memory and swap together, on v2 too.
    pub swap: MemoryEntry,
    /// The kernel's own; v1 only.
    pub kernel: MemoryEntry,
    /// The kernel's buffers of TCP; v1 only.
    #[serde(rename = "kernelTCP")]
    pub kernel_tcp: MemoryEntry,
    /// `memory.stat`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub raw: BTreeMap<String, u64>,
    /// How often tasks waited for memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// One kind of memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemoryEntry {
    /// The limit.
    pub limit: u64,
    /// In use.
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: u64,
    /// The most that was ever in use.
    #[serde(skip_serializing_if = "is_zero")]
    pub max: u64,
    /// How often the limit was reached.
    pub failcnt: u64,
}

/// Tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PidsUsage {
    /// How many there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub current: u64,
    /// How many there may be; 0 without limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: u64,
}

/// Block devices.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlkioUsage {
    /// Bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_service_bytes_recursive: Vec<BlkioEntry>,
    /// Requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_serviced_recursive: Vec<BlkioEntry>,
    /// How often tasks waited for a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// One number of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BlkioEntry {
    /// Major number.
    #[serde(skip_serializing_if = "is_zero")]
    pub major: u64,
    /// Minor number.
    #[serde(skip_serializing_if = "is_zero")]
    pub minor: u64,
    /// `Read`, `Write` and so on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub op: String,
    /// The number.
    #[serde(skip_serializing_if = "is_zero")]
    pub value: u64,
}

/// Huge pages of one size, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HugeUsage {
    /// In use.
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: u64,
    /// The most that was ever in use; v1 only.
    #[serde(skip_serializing_if = "is_zero")]
    pub max: u64,
    /// How often the limit was reached.
    pub failcnt: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Reads what a container uses.
///
/// # Errors
/// When a file of a group is there and cannot be read. Groups that are gone use nothing.
pub fn usage(directories: &[Directory]) -> Result<Usage> {
    let mut usage = Usage::default();
    for directory in directories {
        match directory.v2 {
            true => v2::read(&directory.path, &mut usage)?,
            false => v1::read(directory, &mut usage)?,
        }
    }
    Ok(usage)
}
