//! Memory and huge pages.

use isolab_core::cgroup::Resources;

use super::{Limit, limit};

/// Swap is memory and swap together, and swap alone in v2; without a limit of memory there is none of swap.
pub(super) fn memory(resources: &Resources, v2: bool) -> Vec<Limit> {
    let memory = &resources.memory;
    let mut all = Vec::new();
    let mut put = |names: [&str; 2], value: i64, path: &str, harmless: bool| {
        let value = if v2 && value < 0 { "max".to_owned() } else { value.to_string() };
        let file = names[usize::from(v2)].to_owned();
        if !file.is_empty() {
            all.push(Limit { harmless, ..limit("memory", file, value, format!("memory.{path}")) });
        }
    };
    if memory.use_hierarchy {
        put(["memory.use_hierarchy", ""], 1, "useHierarchy", true);
    }
    memory
        .limit
        .into_iter()
        .for_each(|value| put(["memory.limit_in_bytes", "memory.max"], value, "limit", false));
    memory
        .reservation
        .into_iter()
        .for_each(|value| put(["memory.soft_limit_in_bytes", "memory.low"], value, "reservation", false));
    if let Some(swap) = memory.swap.or(memory.limit.filter(|limit| *limit == -1)) {
        let alone = if v2 && swap >= 0 { swap - memory.limit.unwrap_or(0) } else { swap };
        put(["memory.memsw.limit_in_bytes", "memory.swap.max"], alone, "swap", swap < 0);
    }
    let percent = memory.swappiness.and_then(|percent| i64::try_from(percent).ok());
    percent.into_iter().for_each(|value| put(["memory.swappiness", ""], value, "swappiness", false));
    if memory.disable_oom_killer {
        put(["memory.oom_control", ""], 1, "disableOOMKiller", false);
    }
    all
}

pub(super) fn pages(resources: &Resources, v2: bool) -> Vec<Limit> {
    let word = if v2 { "max" } else { "limit_in_bytes" };
    let both = resources.huge_pages.iter().flat_map(|one| {
        let path = format!("hugepageLimits[{}]", one.index);
        let new = |kind: &str| {
            limit(
                "hugetlb",
                format!("hugetlb.{}.{kind}{word}", one.size),
                one.limit.to_string(),
                path.clone(),
            )
        };
        [new(""), Limit { harmless: true, ..new("rsvd.") }]
    });
    both.collect()
}
