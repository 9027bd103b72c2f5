//! Limits, and the groups that they are of.

use std::collections::BTreeMap;

use isolab_core::cgroup::{BlockIo, Cpu, Device, Memory, Rate, Resources};
use isolab_core::config::Config;
use serde_json::Value;

use super::super::model::{self, MountKind, list, properties, text};
use super::number;

pub(super) fn check(config: &Config, spec: &Value) {
    let linux = &spec["linux"];
    let path = text(&linux["cgroupsPath"]);
    let seen = model::mount_kinds(spec).contains(&MountKind::Cgroup);
    let wanted = !path.is_empty() || linux.get("resources").is_some() || seen;
    assert_eq!(config.cgroup.is_some(), wanted);
    let Some(group) = &config.cgroup else { return };
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    let default = format!("isolab.{}", config.id);
    assert_eq!(group.path, if path.is_empty() { default } else { names.join("/") });
    assert!(!group.everywhere);
    limits(&group.resources, &linux["resources"]);
}

fn limits(meant: &Resources, written: &Value) {
    cpu(&meant.cpu, &written["cpu"]);
    memory(&meant.memory, &written["memory"]);
    // 0 would forbid the first process.
    let tasks = number(&written["pids"]["limit"]).map(|limit: i64| if limit == 0 { 1 } else { limit });
    assert_eq!(meant.pids, tasks);
    block_io(&meant.block_io, &written["blockIO"]);
    let pages: Vec<_> =
        meant.huge_pages.iter().map(|limit| (limit.index, limit.size.as_str(), Some(limit.limit))).collect();
    let page = |(index, limit): (usize, &'_ Value)| {
        (index, text(&limit["pageSize"]).to_owned(), number::<u64>(&limit["limit"]))
    };
    let listed: Vec<_> = list(&written["hugepageLimits"]).map(page).collect();
    assert!(pages.into_iter().eq(listed.iter().map(|(index, size, limit)| (*index, size.as_str(), *limit))));
    let network = &written["network"];
    assert_eq!(meant.network.class, number(&network["classID"]));
    let priority = |(_, entry): (usize, &Value)| {
        (text(&entry["name"]).to_owned(), number(&entry["priority"]).unwrap_or(0))
    };
    assert_eq!(meant.network.priorities, list(&network["priorities"]).map(priority).collect::<Vec<_>>());
    let rdma: Vec<_> = meant.rdma.iter().map(|one| (one.device.clone(), one.handles, one.objects)).collect();
    let listed = properties(&written["rdma"])
        .map(|(device, one)| (device.clone(), number(&one["hcaHandles"]), number(&one["hcaObjects"])));
    assert_eq!(rdma, listed.collect::<Vec<_>>());
    let files: BTreeMap<String, String> =
        properties(&written["unified"]).map(|(file, value)| (file.clone(), text(value).to_owned())).collect();
    assert_eq!(meant.unified, files);
    devices(meant, &written["devices"]);
}

/// 0 and an empty list are not given.
fn cpu(meant: &Cpu, written: &Value) {
    let positive = |field: &str| number(&written[field]).filter(|value: &u64| *value != 0);
    let signed = |field: &str| number(&written[field]).filter(|value: &i64| *value != 0);
    let named = |field: &str| Some(text(&written[field])).filter(|list| !list.is_empty()).map(str::to_owned);
    let expected = Cpu {
        shares: positive("shares"),
        quota: signed("quota"),
        period: positive("period"),
        burst: number(&written["burst"]),
        idle: number(&written["idle"]),
        realtime_runtime: signed("realtimeRuntime"),
        realtime_period: positive("realtimePeriod"),
        cpus: named("cpus"),
        mems: named("mems"),
    };
    assert_eq!(*meant, expected);
}

fn memory(meant: &Memory, written: &Value) {
    let is = |field: &str| written[field] == true;
    let expected = Memory {
        limit: number(&written["limit"]),
        reservation: number(&written["reservation"]),
        swap: number(&written["swap"]).filter(|swap| *swap != 0),
        swappiness: number(&written["swappiness"]),
        disable_oom_killer: is("disableOOMKiller"),
        use_hierarchy: is("useHierarchy"),
        check_before_update: is("checkBeforeUpdate"),
    };
    assert_eq!(*meant, expected);
}

fn node(value: &Value) -> Device {
    Device { major: number(&value["major"]).unwrap_or(0), minor: number(&value["minor"]).unwrap_or(0) }
}

fn block_io(meant: &BlockIo, written: &Value) {
    let weight = |value: &Value| number(value).filter(|weight: &u16| *weight != 0);
    assert_eq!(
        (meant.weight, meant.leaf_weight),
        (weight(&written["weight"]), weight(&written["leafWeight"]))
    );
    let devices: Vec<_> =
        meant.devices.iter().map(|one| (one.index, one.device, one.weight, one.leaf_weight)).collect();
    let listed = list(&written["weightDevice"])
        .map(|(index, one)| (index, node(one), weight(&one["weight"]), weight(&one["leafWeight"])));
    assert_eq!(devices, listed.collect::<Vec<_>>());
    let rates = [
        (Rate::ReadBytes, "throttleReadBpsDevice"),
        (Rate::WriteBytes, "throttleWriteBpsDevice"),
        (Rate::Reads, "throttleReadIOPSDevice"),
        (Rate::Writes, "throttleWriteIOPSDevice"),
    ];
    let listed = rates.iter().flat_map(|(rate, field)| {
        list(&written[*field])
            .map(move |(index, one)| (*rate, index, node(one), one["rate"].as_u64().unwrap_or(0)))
    });
    let throttles: Vec<_> =
        meant.throttles.iter().map(|one| (one.rate, one.index, one.device, one.limit)).collect();
    assert_eq!(throttles, listed.collect::<Vec<_>>());
}

/// -1 is any number, and so is none; what is not said is everything.
fn devices(meant: &Resources, written: &Value) {
    let rules: Vec<_> = meant
        .devices
        .iter()
        .map(|rule| (rule.allow, rule.kind, rule.major, rule.minor, rule.access.as_str()))
        .collect();
    let any = |value: &Value| {
        number(value).filter(|value: &i64| *value != -1).and_then(|value| u32::try_from(value).ok())
    };
    let listed = list(written).map(|(_, rule)| {
        let kind = match text(&rule["type"]) {
            "b" => 'b',
            "c" | "u" => 'c',
            _ => 'a',
        };
        let access = Some(text(&rule["access"])).filter(|access| !access.is_empty()).unwrap_or("rwm");
        (rule["allow"] == true, kind, any(&rule["major"]), any(&rule["minor"]), access)
    });
    assert_eq!(rules, listed.collect::<Vec<_>>());
}
