//! CPU time and placement.

use super::{Setting, or_max};
use crate::cgroup::Cpu;
use crate::planted::planted;

/// CPU shares (2 to 262144) as a v2 weight (1 to 10000).
///
/// By the formula of runc since 1.3.2 and 1.4, and of crun since 1.23: quadratic in the logarithms, so that the ends and
/// the defaults (1024 and 100) meet. Before, both were linear, and the default of v1 became 39: a container that asked
/// for what everybody has got less than half of it (opencontainers/runc#4772).
#[must_use]
pub fn weight_of_shares(shares: u64) -> u64 {
    match shares {
        0..=2 => 1,
        262_144.. => 10_000,
        _ => {
            let log = (shares as f64).log2();
            // Between 1 and 10000 by its construction.
            let weight = 10f64.powf((log * log + 125.0 * log) / 612.0 - 7.0 / 34.0);
            (if planted("weight-rounded") { weight.round() } else { weight.ceil() }) as u64
        }
    }
}

/// Before the quota the period, of which it is a part; after it the burst, which it bounds.
pub(super) fn settings(cpu: &Cpu, v2: bool, all: &mut Vec<Setting>) {
    let mut push = |file: &str, value: String, path: &str| {
        all.push(Setting::new("cpu", file, value, &format!("cpu.{path}")));
    };
    // An idle group has the least weight there is, and takes no other.
    if let Some(shares) = cpu.shares.filter(|_| cpu.idle != Some(1)) {
        match v2 {
            true => push("cpu.weight", weight_of_shares(shares).to_string(), "shares"),
            false => push("cpu.shares", shares.to_string(), "shares"),
        }
    }
    if let Some(idle) = cpu.idle {
        push("cpu.idle", idle.to_string(), "idle");
    }
    if v2 {
        if cpu.quota.is_some() || cpu.period.is_some() {
            let quota = cpu.quota.map_or_else(|| "max".into(), or_max);
            push("cpu.max", format!("{quota} {}", cpu.period.unwrap_or(100_000)), "quota");
        }
        if let Some(burst) = cpu.burst {
            push("cpu.max.burst", burst.to_string(), "burst");
        }
        return;
    }
    let mut values = [
        ("cpu.cfs_period_us", cpu.period.map(|period| period.to_string()), "period"),
        ("cpu.cfs_quota_us", cpu.quota.map(|quota| quota.to_string()), "quota"),
        ("cpu.cfs_burst_us", cpu.burst.map(|burst| burst.to_string()), "burst"),
        ("cpu.rt_period_us", cpu.realtime_period.map(|period| period.to_string()), "realtimePeriod"),
        ("cpu.rt_runtime_us", cpu.realtime_runtime.map(|runtime| runtime.to_string()), "realtimeRuntime"),
    ];
    if planted("quota-before-period") {
        values.swap(0, 1);
    }
    for (file, value, path) in values {
        if let Some(value) = value {
            push(file, value, path);
        }
    }
}

pub(super) fn placement(cpu: &Cpu, all: &mut Vec<Setting>) {
    for (file, list, path) in [("cpuset.cpus", &cpu.cpus, "cpu.cpus"), ("cpuset.mems", &cpu.mems, "cpu.mems")]
    {
        if let Some(list) = list {
            all.push(Setting::new("cpuset", file, list, path));
        }
    }
}
