//! The oracle for one group's files: what the kernel takes and what it then shows
//! (`Documentation/admin-guide/cgroup-v1/`, `Documentation/scheduler/sched-bwc.rst`).

use std::collections::BTreeSet;

/// Pages that no limit is (`PAGE_COUNTER_MAX`).
const UNLIMITED: u64 = i64::MAX as u64 / PAGE;
const PAGE: u64 = 4096;
/// One more than the kernel has pids (`PIDS_MAX`).
const MOST_PIDS: i64 = 4_194_304;

/// The values of one group in one hierarchy; those of controllers that are not there mean nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values {
    pids: Option<i64>,
    limit: u64,
    swap: u64,
    soft: u64,
    pub(crate) swappiness: u64,
    shares: u64,
    idle: u64,
    quota: i64,
    period: u64,
    burst: u64,
    pub(crate) cpus: BTreeSet<u32>,
}

impl Values {
    /// A new group's, with its parent's where they are inherited.
    pub(crate) fn new(swappiness: u64, cpus: BTreeSet<u32>) -> Values {
        let (limit, swap, soft) = (UNLIMITED, UNLIMITED, UNLIMITED);
        Values {
            pids: None,
            limit,
            swap,
            soft,
            swappiness,
            shares: 1024,
            idle: 0,
            quota: -1,
            period: 100_000,
            burst: 0,
            cpus,
        }
    }

    /// What a file shows.
    pub(crate) fn show(&self, file: &str) -> String {
        let bytes = |pages: u64| (pages * PAGE).to_string();
        match file {
            "pids.max" => self.pids.map_or_else(|| "max".into(), |limit| limit.to_string()),
            "memory.limit_in_bytes" => bytes(self.limit),
            "memory.memsw.limit_in_bytes" => bytes(self.swap),
            "memory.soft_limit_in_bytes" => bytes(self.soft),
            "memory.swappiness" => self.swappiness.to_string(),
            "cpu.shares" => self.shares.to_string(),
            "cpu.idle" => self.idle.to_string(),
            "cpu.cfs_quota_us" => self.quota.to_string(),
            "cpu.cfs_period_us" => self.period.to_string(),
            "cpu.cfs_burst_us" => self.burst.to_string(),
            "cpuset.cpus" => list(&self.cpus),
            other => panic!("{other} is not modelled"),
        }
    }

    /// Takes a value; `None` when the kernel refuses it for what this group alone is.
    pub(crate) fn write(&self, file: &str, value: &str) -> Option<Values> {
        let mut new = self.clone();
        let number = || value.parse::<i64>().ok();
        match file {
            "pids.max" if value == "max" => new.pids = None,
            "pids.max" => new.pids = Some(number().filter(|limit| (0..=MOST_PIDS).contains(limit))?),
            "memory.limit_in_bytes" => new.limit = pages(number()?),
            "memory.memsw.limit_in_bytes" => new.swap = pages(number()?),
            "memory.soft_limit_in_bytes" => new.soft = pages(number()?),
            "memory.swappiness" => new.swappiness = value.parse().ok().filter(|value| *value <= 200)?,
            "cpu.shares" if self.idle == 1 => return None,
            "cpu.shares" => new.shares = value.parse().ok()?,
            "cpu.idle" => {
                new.idle = value.parse().ok()?;
                match (self.idle, new.idle) {
                    (0, 1) => new.shares = 3,
                    (1, 0) => new.shares = 1024,
                    _ => {}
                }
            }
            "cpu.cfs_quota_us" => new.quota = number()?,
            "cpu.cfs_period_us" => new.period = value.parse().ok()?,
            "cpu.cfs_burst_us" => new.burst = value.parse().ok()?,
            "cpuset.cpus" => new.cpus = cpus(value)?,
            other => panic!("{other} is not modelled"),
        }
        (new.limit <= new.swap && new.bandwidth()).then_some(new)
    }

    /// At least a millisecond in every period, a period of at most a second, and never more saved up than given.
    fn bandwidth(&self) -> bool {
        let quota = self.quota == -1 || (self.quota >= 1000 && self.burst <= self.quota.unsigned_abs());
        (1000..=1_000_000).contains(&self.period) && quota
    }

    /// Time in a period, as the kernel compares it with that of the group above; `None` without limit.
    pub(crate) fn ratio(&self) -> Option<u64> {
        (self.quota >= 0).then(|| ((self.quota.unsigned_abs() * 1000) << 20) / (self.period * 1000))
    }
}

fn pages(bytes: i64) -> u64 {
    u64::try_from(bytes).map_or(UNLIMITED, |bytes| bytes / PAGE)
}

/// A list such as `0-2,7`.
pub(crate) fn cpus(text: &str) -> Option<BTreeSet<u32>> {
    let mut cpus = BTreeSet::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(from.parse::<u32>().ok()?..=to.parse().ok()?);
    }
    Some(cpus)
}

fn list(cpus: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for cpu in cpus {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == *cpu => *to = *cpu,
            _ => ranges.push((*cpu, *cpu)),
        }
    }
    let text = |(from, to): &(u32, u32)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}
