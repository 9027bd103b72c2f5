//! Limits as the kernel's files take them (`Documentation/admin-guide/cgroup-v1`, `cgroup-v2.rst`; conversions of the runtime-spec and, where
//! it is silent, of runc and crun).

mod block_io;
mod host;
mod memory;

use isolab_core::cgroup::{Group, Resources};
use isolab_core::host::Cgroups;

pub(super) use host::{gaps, lacking};

/// A value for a file of a controller.
pub(super) struct Limit {
    pub(super) controller: String,
    pub(super) file: String,
    pub(super) value: String,
    pub(super) path: String,
    /// Without the file all is as asked.
    pub(super) harmless: bool,
    /// What means the same where there is no such file.
    pub(super) instead: Option<(String, String)>,
}

/// Whether a controller's files are those of v2, by the names of v1.
pub(super) fn is_v2(cgroups: &Cgroups, controller: &str) -> bool {
    let has =
        |name: &str| cgroups.v2.as_ref().is_some_and(|tree| tree.controllers.iter().any(|own| own == name));
    let in_v1 = cgroups.v1.iter().any(|one| one.controllers.iter().any(|own| own == controller));
    match controller {
        _ if in_v1 => false,
        // Without one of v1 devices are for programs, which need nothing but the tree.
        "devices" => cgroups.v2.is_some(),
        "blkio" => cgroups.v1.is_empty() || has("io"),
        _ => has(controller) || cgroups.v1.is_empty(),
    }
}

/// All but the lists of devices.
pub(super) fn limits(resources: &Resources, cgroups: &Cgroups) -> Vec<Limit> {
    let mut all = Vec::new();
    let mut put = |controller: &str, file: &str, value: String, path: &str| {
        let path = format!("linux.resources.{path}");
        let (controller, file) = (controller.to_owned(), file.to_owned());
        all.push(Limit { controller, file, value, path, harmless: false, instead: None });
    };
    let max = |value: i64| if value < 0 { "max".to_owned() } else { value.to_string() };
    let cpu = &resources.cpu;
    let v2 = is_v2(cgroups, "cpu");
    // An idle group has no weight of its own.
    if let Some(shares) = cpu.shares.filter(|_| cpu.idle != Some(1)) {
        put(
            "cpu",
            if v2 { "cpu.weight" } else { "cpu.shares" },
            if v2 { weight(shares) } else { shares }.to_string(),
            "cpu.shares",
        );
    }
    if let Some(idle) = cpu.idle {
        put("cpu", "cpu.idle", idle.to_string(), "cpu.idle");
    }
    if v2 && (cpu.quota.is_some() || cpu.period.is_some()) {
        let value = format!("{} {}", max(cpu.quota.unwrap_or(-1)), cpu.period.unwrap_or(100_000));
        put("cpu", "cpu.max", value, "cpu.quota");
    }
    let burst = if v2 { "cpu.max.burst" } else { "cpu.cfs_burst_us" };
    let text = |value: Option<u64>| value.map(|value| value.to_string());
    for (file, value, path, wanted) in [
        ("cpu.cfs_period_us", text(cpu.period), "cpu.period", !v2),
        ("cpu.cfs_quota_us", cpu.quota.map(|value| value.to_string()), "cpu.quota", !v2),
        (burst, text(cpu.burst), "cpu.burst", true),
        ("cpu.rt_period_us", text(cpu.realtime_period), "cpu.realtimePeriod", !v2),
        (
            "cpu.rt_runtime_us",
            cpu.realtime_runtime.map(|value| value.to_string()),
            "cpu.realtimeRuntime",
            !v2,
        ),
    ] {
        value.filter(|_| wanted).into_iter().for_each(|value| put("cpu", file, value, path));
    }
    for (file, list) in [("cpus", &cpu.cpus), ("mems", &cpu.mems)] {
        list.iter()
            .for_each(|list| put("cpuset", &format!("cpuset.{file}"), list.clone(), &format!("cpu.{file}")));
    }
    if let Some(limit) = resources.pids {
        put("pids", "pids.max", max(limit), "pids.limit");
    }
    let network = &resources.network;
    if let Some(class) = network.class.filter(|_| !is_v2(cgroups, "net_cls")) {
        put("net_cls", "net_cls.classid", class.to_string(), "network.classID");
    }
    for (index, (link, priority)) in
        network.priorities.iter().enumerate().filter(|_| !is_v2(cgroups, "net_prio"))
    {
        put(
            "net_prio",
            "net_prio.ifpriomap",
            format!("{link} {priority}"),
            &format!("network.priorities[{index}]"),
        );
    }
    for one in &resources.rdma {
        let limit =
            |key: &str, value: Option<u32>| value.map(|value| format!(" {key}={value}")).unwrap_or_default();
        let value =
            format!("{}{}{}", one.device, limit("hca_handle", one.handles), limit("hca_object", one.objects));
        put("rdma", "rdma.max", value, &format!("rdma[{:?}]", one.device));
    }
    for (file, value) in &resources.unified {
        put(file.split('.').next().unwrap_or_default(), file, value.clone(), &format!("unified[{file:?}]"));
    }
    all.extend(memory::memory(resources, is_v2(cgroups, "memory")));
    all.extend(block_io::block_io(&resources.block_io, is_v2(cgroups, "blkio")));
    all.extend(memory::pages(resources, is_v2(cgroups, "hugetlb")));
    all
}

/// As runc since 1.3.2 has it: 2, 1024 and 262144 shares are weights of 1, 100 and 10000.
fn weight(shares: u64) -> u64 {
    match shares {
        0..=2 => 1,
        1024 => 100,
        262_144.. => 10_000,
        _ => {
            let log = (shares as f64).log2();
            10f64.powf((log * log + 125.0 * log) / 612.0 - 7.0 / 34.0).ceil() as u64
        }
    }
}

fn limit(controller: &str, file: String, value: String, path: String) -> Limit {
    let path = format!("linux.resources.{path}");
    Limit { controller: controller.into(), file, value, path, harmless: false, instead: None }
}

/// Whether device rules are a program.
pub(super) fn wants_program(group: &Group, cgroups: &Cgroups) -> bool {
    !group.resources.devices.is_empty() && is_v2(cgroups, "devices")
}

/// Whether device rules are lists.
pub(super) fn wants_lists(group: &Group, cgroups: &Cgroups) -> bool {
    !group.resources.devices.is_empty() && !is_v2(cgroups, "devices")
}
