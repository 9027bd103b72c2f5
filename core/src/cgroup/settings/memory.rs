//! Memory.

use super::{Setting, or_max};
use crate::cgroup::Memory;

pub(super) fn settings(memory: &Memory, v2: bool, all: &mut Vec<Setting>) {
    let new = |file: &str, value: String, path: &str| {
        Setting::new("memory", file, value, &format!("memory.{path}"))
    };
    if memory.use_hierarchy && !v2 {
        // Linux 5.11 took the file's other value away, and may take the file.
        all.push(new("memory.use_hierarchy", "1".into(), "useHierarchy").harmless());
    }
    if let Some(limit) = memory.limit {
        all.push(match v2 {
            true => new("memory.max", or_max(limit), "limit"),
            false => new("memory.limit_in_bytes", limit.to_string(), "limit"),
        });
    }
    if let Some(reservation) = memory.reservation {
        all.push(match v2 {
            true => new("memory.low", or_max(reservation), "reservation"),
            false => new("memory.soft_limit_in_bytes", reservation.to_string(), "reservation"),
        });
    }
    all.extend(swap(memory, v2));
    if v2 {
        return;
    }
    if let Some(swappiness) = memory.swappiness {
        all.push(new("memory.swappiness", swappiness.to_string(), "swappiness"));
    }
    if memory.disable_oom_killer {
        all.push(new("memory.oom_control", "1".into(), "disableOOMKiller"));
    }
}

/// The spec counts memory and swap together, as v1 does; v2 counts swap alone. Memory without limit, and nothing said
/// of swap, is swap without limit, as for runc. Where the kernel does not account for swap, there is no file and no
/// limit, which is what -1 asks for.
fn swap(memory: &Memory, v2: bool) -> Option<Setting> {
    let swap = memory.swap.or(memory.limit.filter(|limit| *limit < 0))?;
    let new = |file: &str, value: String| Setting::new("memory", file, value, "memory.swap");
    let setting = match v2 {
        true if swap < 0 => new("memory.swap.max", "max".into()),
        true => new("memory.swap.max", (swap - memory.limit.unwrap_or(0)).to_string()),
        false => new("memory.memsw.limit_in_bytes", swap.to_string()),
    };
    Some(if swap < 0 { setting.harmless() } else { setting })
}
