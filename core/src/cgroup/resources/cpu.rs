//! CPU time and placement.

use oci_spec::runtime::LinuxResources;

use super::Refuse;

/// CPU time and placement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Relative share, 2 to 262144.
    pub shares: Option<u64>,
    /// Microseconds per period; -1 is unlimited.
    pub quota: Option<i64>,
    /// Microseconds.
    pub period: Option<u64>,
    /// Microseconds that may be saved up.
    pub burst: Option<u64>,
    /// 1 for `SCHED_IDLE`.
    pub idle: Option<i64>,
    /// Microseconds per period in which realtime tasks may run; v1 only.
    pub realtime_runtime: Option<i64>,
    /// Microseconds; v1 only.
    pub realtime_period: Option<u64>,
    /// CPU list, such as `0-2,7`.
    pub cpus: Option<String>,
    /// Memory node list.
    pub mems: Option<String>,
}

/// 0 and empty lists mean what runc and crun take them for: not set.
pub(super) fn read(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> Cpu {
    let Some(cpu) = resources.cpu() else { return Cpu::default() };
    for (field, value) in [("quota", cpu.quota()), ("realtimeRuntime", cpu.realtime_runtime())] {
        if let Some(value) = value.filter(|value| *value < -1) {
            refuse.add(format_args!("cpu.{field}"), format!("{value} is less than -1"));
        }
    }
    // The kernel would take what is nearest (`MIN_SHARES` and `MAX_SHARES` of its scheduler).
    if let Some(shares) = cpu.shares().filter(|shares| *shares != 0 && !(2..=262_144).contains(shares)) {
        refuse.add("cpu.shares", format!("{shares} is not between 2 and 262144"));
    }
    if let Some(idle) = cpu.idle().filter(|idle| ![0, 1].contains(idle)) {
        refuse.add("cpu.idle", format!("{idle} is neither 0 nor 1"));
    }
    for (field, list) in [("cpus", cpu.cpus()), ("mems", cpu.mems())] {
        let plain = |list: &String| list.chars().all(|c| c.is_ascii_digit() || ",-".contains(c));
        if let Some(list) = list.as_ref().filter(|list| !plain(list)) {
            refuse.add(format_args!("cpu.{field}"), format!("{list:?} is not a list such as 0-2,7"));
        }
    }
    let named = |list: &Option<String>| list.clone().filter(|list| !list.is_empty());
    Cpu {
        shares: cpu.shares().filter(|shares| *shares != 0),
        quota: cpu.quota().filter(|quota| *quota != 0),
        period: cpu.period().filter(|period| *period != 0),
        burst: cpu.burst(),
        idle: cpu.idle(),
        realtime_runtime: cpu.realtime_runtime().filter(|runtime| *runtime != 0),
        realtime_period: cpu.realtime_period().filter(|period| *period != 0),
        cpus: named(cpu.cpus()),
        mems: named(cpu.mems()),
    }
}
