//! From the runtime-spec's units to the kernel's files, for v1 and v2. A table, and pure.

use super::Resources;
use super::resources::{Cpu, DeviceRule, Memory};

/// One value for one file of one controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Controller that the file belongs to.
    pub controller: String,
    /// File name.
    pub file: String,
    /// What is written.
    pub value: String,
    /// Where the config asks for it.
    pub path: String,
}

impl Setting {
    fn new(controller: &str, file: &str, value: impl ToString, path: &str) -> Setting {
        let path = format!("linux.resources.{path}");
        Setting { controller: controller.into(), file: file.into(), value: value.to_string(), path }
    }
}

/// Everything that `resources` asks of controllers, in the order in which it must be written. `v2` says whether a
/// controller lives in the v2 tree of this host.
#[must_use]
pub fn settings(resources: &Resources, v2: impl Fn(&str) -> bool) -> Vec<Setting> {
    let mut all = Vec::new();
    cpu(&resources.cpu, v2("cpu"), &mut all);
    cpuset(&resources.cpu, &mut all);
    memory(&resources.memory, v2("memory"), &mut all);
    if let Some(limit) = resources.pids {
        all.push(Setting::new("pids", "pids.max", or_max(limit), "pids.limit"));
    }
    if !v2("devices") {
        devices(&resources.devices, &mut all);
    }
    for (key, value) in &resources.unified {
        let controller = key.split('.').next().unwrap_or_default();
        all.push(Setting::new(controller, key, value, &format!("unified[{key:?}]")));
    }
    all
}

/// v1 writes -1 where v2 writes `max`; `pids.max` takes `max` in both.
fn or_max(value: i64) -> String {
    if value < 0 { "max".into() } else { value.to_string() }
}

/// CPU shares (2 to 262144) as a v2 weight (1 to 10000): the linear conversion that runc and crun have used since they
/// learnt v2.
#[must_use]
pub fn weight_of_shares(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9_999 / 262_142
}

fn cpu(cpu: &Cpu, v2: bool, all: &mut Vec<Setting>) {
    let mut push = |file: &str, value: String, path: &str| {
        all.push(Setting::new("cpu", file, value, &format!("cpu.{path}")));
    };
    if let Some(idle) = cpu.idle {
        push("cpu.idle", idle.to_string(), "idle");
    }
    if let Some(shares) = cpu.shares {
        match v2 {
            true => push("cpu.weight", weight_of_shares(shares).to_string(), "shares"),
            false => push("cpu.shares", shares.to_string(), "shares"),
        }
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
    if let Some(period) = cpu.period {
        push("cpu.cfs_period_us", period.to_string(), "period");
    }
    if let Some(quota) = cpu.quota {
        push("cpu.cfs_quota_us", quota.to_string(), "quota");
    }
    if let Some(burst) = cpu.burst {
        push("cpu.cfs_burst_us", burst.to_string(), "burst");
    }
}

fn cpuset(cpu: &Cpu, all: &mut Vec<Setting>) {
    for (file, list, path) in [("cpuset.cpus", &cpu.cpus, "cpu.cpus"), ("cpuset.mems", &cpu.mems, "cpu.mems")]
    {
        if let Some(list) = list {
            all.push(Setting::new("cpuset", file, list, path));
        }
    }
}

fn memory(memory: &Memory, v2: bool, all: &mut Vec<Setting>) {
    let mut push = |file: &str, value: String, path: &str| {
        all.push(Setting::new("memory", file, value, &format!("memory.{path}")));
    };
    if let Some(limit) = memory.limit {
        match v2 {
            true => push("memory.max", or_max(limit), "limit"),
            false => push("memory.limit_in_bytes", limit.to_string(), "limit"),
        }
    }
    if let Some(reservation) = memory.reservation {
        match v2 {
            true => push("memory.low", or_max(reservation), "reservation"),
            false => push("memory.soft_limit_in_bytes", reservation.to_string(), "reservation"),
        }
    }
    if let Some(swap) = memory.swap {
        // The spec counts memory and swap together, as v1 does; v2 counts swap alone.
        match v2 {
            true if swap < 0 => push("memory.swap.max", "max".into(), "swap"),
            true => push("memory.swap.max", (swap - memory.limit.unwrap_or(0)).to_string(), "swap"),
            false => push("memory.memsw.limit_in_bytes", swap.to_string(), "swap"),
        }
    }
}

/// What every container may use besides its own rules: making any node, and the default devices of the spec with the
/// pseudo-terminals of its own devpts. As runc and crun do.
const ALWAYS: [&str; 11] = [
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:1 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
];

fn devices(rules: &[DeviceRule], all: &mut Vec<Setting>) {
    let mut push = |allow: bool, value: String, path: &str| {
        let file = if allow { "devices.allow" } else { "devices.deny" };
        all.push(Setting::new("devices", file, value, path));
    };
    let number = |number: Option<u32>| number.map_or_else(|| "*".into(), |number| number.to_string());
    for (index, rule) in rules.iter().enumerate() {
        let everything =
            (rule.major, rule.minor) == (None, None) && "rwm".chars().all(|c| rule.access.contains(c));
        // By `a` the kernel means everything, whatever follows it, so a narrower rule is one for each kind.
        let kinds = match rule.kind {
            'a' if everything => {
                push(rule.allow, "a".into(), &format!("devices[{index}]"));
                continue;
            }
            'a' => "bc",
            'b' => "b",
            _ => "c",
        };
        for kind in kinds.chars() {
            let value = format!("{kind} {}:{} {}", number(rule.major), number(rule.minor), rule.access);
            push(rule.allow, value, &format!("devices[{index}]"));
        }
    }
    if !rules.is_empty() {
        for value in ALWAYS {
            push(true, value.into(), "devices");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_become_weights_at_the_ends_and_the_default() {
        assert_eq!([2, 1024, 262_144].map(weight_of_shares), [1, 39, 10_000]);
    }

    /// `devices.allow` of `a 1:3 r` would allow everything.
    #[test]
    fn a_narrow_rule_for_all_kinds_does_not_become_a_wide_one() {
        let rule = |major, access: &str| DeviceRule {
            allow: true,
            kind: 'a',
            major,
            minor: None,
            access: access.into(),
        };
        let first = |rule: DeviceRule| {
            let mut all = Vec::new();
            devices(&[rule], &mut all);
            all.truncate(all.len() - ALWAYS.len());
            all.into_iter().map(|setting| setting.value).collect::<Vec<_>>()
        };
        assert_eq!(first(rule(None, "mrw")), ["a"]);
        assert_eq!(first(rule(None, "r")), ["b *:* r", "c *:* r"]);
        assert_eq!(first(rule(Some(8), "rwm")), ["b 8:* rwm", "c 8:* rwm"]);
    }

    #[test]
    fn memory_and_swap_are_counted_together_in_v1_and_apart_in_v2() {
        let resources = Resources {
            memory: Memory { limit: Some(100), reservation: None, swap: Some(150) },
            ..Resources::default()
        };
        let value = |v2: bool, file: &str| {
            let all = settings(&resources, |_| v2);
            all.into_iter().find(|setting| setting.file == file).map(|setting| setting.value)
        };
        assert_eq!(value(true, "memory.swap.max").as_deref(), Some("50"));
        assert_eq!(value(false, "memory.memsw.limit_in_bytes").as_deref(), Some("150"));
    }

    #[test]
    fn unlimited_is_max_in_v2_and_minus_one_in_v1() {
        let resources = Resources {
            cpu: Cpu { quota: Some(-1), period: Some(50_000), ..Cpu::default() },
            memory: Memory { limit: Some(-1), ..Memory::default() },
            pids: Some(-1),
            ..Resources::default()
        };
        let files = |v2: bool| -> Vec<(String, String)> {
            settings(&resources, |_| v2).into_iter().map(|setting| (setting.file, setting.value)).collect()
        };
        let pair = |file: &str, value: &str| (file.to_owned(), value.to_owned());
        assert_eq!(
            files(true),
            [pair("cpu.max", "max 50000"), pair("memory.max", "max"), pair("pids.max", "max")]
        );
        assert!(files(false).contains(&pair("cpu.cfs_quota_us", "-1")));
        assert!(files(false).contains(&pair("memory.limit_in_bytes", "-1")));
    }
}
