//! Limits, by `config-linux.md` and the kernel's documentation of cgroups.

use serde_json::Value;

use super::{Wrong, list, properties, text};

pub(super) fn resources(resources: &Value, wrong: &mut Wrong) {
    let mut bad = |is: bool, at: String| wrong.when(is, format!("linux.resources.{at}"));
    cpu(&resources["cpu"], &mut bad);
    memory(&resources["memory"], &mut bad);
    bad(resources["pids"]["limit"].as_i64().unwrap_or(0) < -1, "pids.limit".into());
    devices(&resources["devices"], &mut bad);
    block_io(&resources["blockIO"], &mut bad);
    for (index, limit) in list(&resources["hugepageLimits"]) {
        let at = |field: &str| format!("hugepageLimits[{index}].{field}");
        bad(!is_page_size(text(&limit["pageSize"])), at("pageSize"));
        bad(limit["limit"].as_i64().unwrap_or(0) < 0, at("limit"));
    }
    let is_word = |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '\0');
    for (index, entry) in list(&resources["network"]["priorities"]) {
        bad(!is_word(text(&entry["name"])), format!("network.priorities[{index}].name"));
    }
    for (device, limits) in properties(&resources["rdma"]) {
        let none = limits.get("hcaHandles").is_none() && limits.get("hcaObjects").is_none();
        bad(!is_word(device) || none, format!("rdma[{device:?}]"));
    }
    for (file, value) in properties(&resources["unified"]) {
        bad(!is_limit(file) || text(value).contains('\0'), format!("unified[{file:?}]"));
    }
}

/// `CONTROLLER.FILE`; those of the group itself would move or stop processes, but for two.
fn is_limit(file: &str) -> bool {
    let plain = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let own = ["cgroup.max.depth", "cgroup.max.descendants"].contains(&file);
    plain && file.find('.').is_some_and(|at| at > 0) && (own || !file.starts_with("cgroup."))
}

/// As the kernel names the files of huge pages: `2MB`.
fn is_page_size(size: &str) -> bool {
    let unit = ["KB", "MB", "GB"].iter().find_map(|unit| size.strip_suffix(unit));
    unit.is_some_and(|number| {
        number.parse::<u64>().is_ok_and(|value| value > 0 && value.to_string() == number)
    })
}

fn cpu(cpu: &Value, bad: &mut dyn FnMut(bool, String)) {
    for field in ["quota", "realtimeRuntime"] {
        bad(cpu[field].as_i64().unwrap_or(0) < -1, format!("cpu.{field}"));
    }
    let shares = cpu["shares"].as_u64().unwrap_or(0);
    bad(shares == 1 || shares > 262_144, "cpu.shares".into());
    bad(!(0..2).contains(&cpu["idle"].as_i64().unwrap_or(0)), "cpu.idle".into());
    for field in ["cpus", "mems"] {
        let odd = text(&cpu[field]).bytes().any(|byte| !byte.is_ascii_digit() && !b",-".contains(&byte));
        bad(odd, format!("cpu.{field}"));
    }
}

/// Swap is memory and swap together; 0 is not given.
fn memory(memory: &Value, bad: &mut dyn FnMut(bool, String)) {
    let number = |field: &str| memory[field].as_i64();
    let (limit, reservation) = (number("limit"), number("reservation"));
    let swap = number("swap").filter(|swap| *swap != 0);
    bad(limit.is_some_and(|limit| limit < -1), "memory.limit".into());
    let over = matches!((limit, reservation), (Some(limit), Some(kept)) if limit >= 0 && kept > limit);
    bad(over || reservation.is_some_and(|kept| kept < -1), "memory.reservation".into());
    let bounded = limit.filter(|limit| *limit != -1);
    let short = swap.is_some_and(|swap| swap >= 0 && bounded.is_none_or(|limit| swap < limit));
    bad(short || swap.is_some_and(|swap| swap < -1), "memory.swap".into());
    bad(memory["swappiness"].as_u64().is_some_and(|percent| percent > 100), "memory.swappiness".into());
    bad(memory["useHierarchy"] == false, "memory.useHierarchy".into());
}

fn devices(rules: &Value, bad: &mut dyn FnMut(bool, String)) {
    for (index, rule) in list(rules) {
        let at = |field: &str| format!("devices[{index}].{field}");
        bad(rule["type"] == "p", at("type"));
        bad(text(&rule["access"]).contains(|c| !"rwm".contains(c)), at("access"));
        for field in ["major", "minor"] {
            let number = rule[field].as_i64().unwrap_or(-1);
            bad(!(-1..=0xffff_ffff).contains(&number), at(field));
        }
    }
}

/// Weights are 10 to 1000; 0 is not given.
fn block_io(block_io: &Value, bad: &mut dyn FnMut(bool, String)) {
    let is_weight = |weight: &Value| matches!(weight.as_u64(), None | Some(0 | 10..=1000));
    let numbers = |at: &str, device: &Value, bad: &mut dyn FnMut(bool, String)| {
        for field in ["major", "minor"] {
            let number = device[field].as_i64().unwrap_or(0);
            bad(!(0..=0xffff_ffff).contains(&number), format!("blockIO.{at}.{field}"));
        }
    };
    for field in ["weight", "leafWeight"] {
        bad(!is_weight(&block_io[field]), format!("blockIO.{field}"));
        for (index, device) in list(&block_io["weightDevice"]) {
            bad(!is_weight(&device[field]), format!("blockIO.weightDevice[{index}].{field}"));
        }
    }
    for rate in ["weight", "throttleReadBps", "throttleWriteBps", "throttleReadIOPS", "throttleWriteIOPS"] {
        let name = format!("{rate}Device");
        for (index, device) in list(&block_io[&name]) {
            numbers(&format!("{name}[{index}]"), device, bad);
        }
    }
}
