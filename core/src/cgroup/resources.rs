//! What a group limits, in the runtime-spec's units.

use std::collections::BTreeMap;

use oci_spec::runtime::{LinuxDeviceType, LinuxResources};

use crate::config::{NOT_YET, Reader};

/// Limits of a group; `None` everywhere leaves the kernel's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU time.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// Tasks; -1 is unlimited.
    pub pids: Option<i64>,
    /// Device access rules, in order.
    pub devices: Vec<DeviceRule>,
    /// v2 files verbatim.
    pub unified: BTreeMap<String, String>,
}

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
    /// CPU list, such as `0-2,7`.
    pub cpus: Option<String>,
    /// Memory node list.
    pub mems: Option<String>,
}

/// Memory, in bytes; -1 is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Hard limit.
    pub limit: Option<i64>,
    /// Soft limit (v1), protection (v2).
    pub reservation: Option<i64>,
    /// Memory and swap together.
    pub swap: Option<i64>,
}

/// One rule on devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule {
    /// Allow or deny.
    pub allow: bool,
    /// `a`, `b` or `c`.
    pub kind: char,
    /// Major number; `None` is any.
    pub major: Option<u32>,
    /// Minor number; `None` is any.
    pub minor: Option<u32>,
    /// Of `r`, `w`, `m`.
    pub access: String,
}

impl Resources {
    pub(super) fn read(reader: &mut Reader<'_>) -> Resources {
        let Some(resources) = reader.linux().and_then(|linux| linux.resources().as_ref()) else {
            return Resources::default();
        };
        refuse_unsupported(reader, resources);
        let mut read = Resources {
            cpu: read_cpu(reader, resources),
            memory: read_memory(reader, resources),
            pids: None,
            devices: read_devices(reader, resources),
            unified: resources.unified().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
        };
        if let Some(pids) = resources.pids() {
            let limit = pids.limit();
            if limit < -1 {
                reader.refuse("linux.resources.pids.limit", format!("{limit} is less than -1"));
            }
            // 0 would forbid the first process; runc 1.4 settled on the least useful limit instead.
            read.pids = Some(if limit == 0 { 1 } else { limit });
        }
        for (key, value) in &read.unified {
            let plain =
                key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) && key.contains('.');
            if !plain || key.starts_with("cgroup.") || key.starts_with('.') {
                reader.refuse(
                    format!("linux.resources.unified[{key:?}]"),
                    "is not the name of a controller's file",
                );
            }
            if value.contains('\0') {
                reader.refuse(format!("linux.resources.unified[{key:?}]"), "has a NUL byte");
            }
        }
        read
    }
}

fn refuse_unsupported(reader: &mut Reader<'_>, resources: &LinuxResources) {
    let asked = [
        ("blockIO", resources.block_io().is_some()),
        ("hugepageLimits", resources.hugepage_limits().as_ref().is_some_and(|limits| !limits.is_empty())),
        ("network", resources.network().is_some()),
        ("rdma", resources.rdma().is_some()),
    ];
    for (name, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        reader.refuse(format!("linux.resources.{name}"), NOT_YET);
    }
}

fn read_cpu(reader: &mut Reader<'_>, resources: &LinuxResources) -> Cpu {
    let Some(cpu) = resources.cpu() else { return Cpu::default() };
    let at = |field: &str| format!("linux.resources.cpu.{field}");
    if cpu.realtime_runtime().is_some() || cpu.realtime_period().is_some() {
        reader.refuse(at("realtimeRuntime"), NOT_YET);
    }
    if let Some(quota) = cpu.quota().filter(|quota| *quota < -1) {
        reader.refuse(at("quota"), format!("{quota} is less than -1"));
    }
    if let Some(idle) = cpu.idle().filter(|idle| ![0, 1].contains(idle)) {
        reader.refuse(at("idle"), format!("{idle} is neither 0 nor 1"));
    }
    for (field, list) in [("cpus", cpu.cpus()), ("mems", cpu.mems())] {
        let plain = |list: &String| list.chars().all(|c| c.is_ascii_digit() || ",-".contains(c));
        if let Some(list) = list.as_ref().filter(|list| !plain(list)) {
            reader.refuse(at(field), format!("{list:?} is not a list such as 0-2,7"));
        }
    }
    let named = |list: &Option<String>| list.clone().filter(|list| !list.is_empty());
    Cpu {
        shares: cpu.shares().filter(|shares| *shares != 0),
        quota: cpu.quota().filter(|quota| *quota != 0),
        period: cpu.period().filter(|period| *period != 0),
        burst: cpu.burst(),
        idle: cpu.idle(),
        cpus: named(cpu.cpus()),
        mems: named(cpu.mems()),
    }
}

fn read_memory(reader: &mut Reader<'_>, resources: &LinuxResources) -> Memory {
    let Some(memory) = resources.memory() else { return Memory::default() };
    let at = |field: &str| format!("linux.resources.memory.{field}");
    let read = Memory { limit: memory.limit(), reservation: memory.reservation(), swap: memory.swap() };
    for (field, value) in [("limit", read.limit), ("reservation", read.reservation), ("swap", read.swap)] {
        if let Some(value) = value.filter(|value| *value < -1) {
            reader.refuse(at(field), format!("{value} is less than -1"));
        }
    }
    match (read.limit, read.swap) {
        (Some(limit), Some(swap)) if limit > swap && swap >= 0 => {
            reader.refuse(
                at("swap"),
                format!("{swap} is memory and swap together, and less than the limit {limit}"),
            );
        }
        (None | Some(-1), Some(swap)) if swap >= 0 => {
            reader.refuse(at("swap"), "needs a memory limit as well")
        }
        _ => {}
    }
    if let (Some(limit), Some(reservation)) = (read.limit, read.reservation)
        && limit >= 0
        && reservation > limit
    {
        reader.refuse(at("reservation"), format!("{reservation} is more than the limit {limit}"));
    }
    let asked = [
        ("kernel", memory.kernel().is_some()),
        ("kernelTCP", memory.kernel_tcp().is_some()),
        ("swappiness", memory.swappiness().is_some()),
        ("disableOOMKiller", memory.disable_oom_killer().unwrap_or(false)),
        // The only way since Linux 5.11; a group made now has no usage that a check could find too high.
        ("useHierarchy", memory.use_hierarchy() == Some(false)),
    ];
    for (field, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        reader.refuse(at(field), NOT_YET);
    }
    read
}

fn read_devices(reader: &mut Reader<'_>, resources: &LinuxResources) -> Vec<DeviceRule> {
    let mut rules = Vec::new();
    for (index, rule) in resources.devices().iter().flatten().enumerate() {
        let at = |field: &str| format!("linux.resources.devices[{index}].{field}");
        let kind = match rule.typ() {
            None | Some(LinuxDeviceType::A) => 'a',
            Some(LinuxDeviceType::B) => 'b',
            Some(LinuxDeviceType::C | LinuxDeviceType::U) => 'c',
            Some(LinuxDeviceType::P) => {
                reader.refuse(at("type"), "a FIFO is not a device");
                'a'
            }
        };
        let mut number = |field: &str, value: Option<i64>| match value {
            None | Some(-1) => None,
            Some(value) => u32::try_from(value).ok().or_else(|| {
                reader.refuse(at(field), format!("{value} is no device number"));
                None
            }),
        };
        let (major, minor) = (number("major", rule.major()), number("minor", rule.minor()));
        let access =
            rule.access().clone().filter(|access| !access.is_empty()).unwrap_or_else(|| "rwm".into());
        if !access.chars().all(|c| "rwm".contains(c)) {
            reader.refuse(at("access"), format!("{access:?} has more than r, w and m"));
        }
        rules.push(DeviceRule { allow: rule.allow(), kind, major, minor, access });
    }
    rules
}
