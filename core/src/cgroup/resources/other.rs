//! Tasks, huge pages, network marks, RDMA, and v2 files verbatim.

use std::collections::BTreeMap;

use oci_spec::runtime::LinuxResources;

use super::{Refuse, is_word};

/// A limit on huge pages of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HugePages {
    /// Where the config has it: the index in `hugepageLimits`.
    pub index: usize,
    /// As the kernel's files have it: `2MB`, `1GB`.
    pub size: String,
    /// Bytes.
    pub limit: u64,
}

/// Marks on what is sent; v1 only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Class of packets, for traffic control.
    pub class: Option<u32>,
    /// Priority by interface.
    pub priorities: Vec<(String, u32)>,
}

/// A limit on one RDMA device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rdma {
    /// The device's name.
    pub device: String,
    /// Handles.
    pub handles: Option<u32>,
    /// Objects.
    pub objects: Option<u32>,
}

pub(super) fn pids(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> Option<i64> {
    let limit = resources.pids().as_ref()?.limit();
    if limit < -1 {
        refuse.add("pids.limit", format!("{limit} is less than -1"));
    }
    // 0 would forbid the first process; runc 1.4 settled on the least useful limit instead.
    Some(if limit == 0 { 1 } else { limit })
}

pub(super) fn huge_pages(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> Vec<HugePages> {
    let mut read = Vec::new();
    for (index, entry) in resources.hugepage_limits().iter().flatten().enumerate() {
        let size = entry.page_size();
        let number = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let plain = !number.is_empty()
            && !number.starts_with('0')
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && ["KB", "MB", "GB"].contains(&&size[number.len()..]);
        if !plain {
            refuse.add(
                format_args!("hugepageLimits[{index}].pageSize"),
                format!("{size:?} is not a size such as 2MB"),
            );
        }
        let limit = entry.limit();
        let limit = u64::try_from(limit).unwrap_or_else(|_| {
            refuse.add(format_args!("hugepageLimits[{index}].limit"), format!("{limit} is negative"));
            0
        });
        read.push(HugePages { index, size: size.clone(), limit });
    }
    read
}

pub(super) fn network(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> Network {
    let Some(network) = resources.network() else { return Network::default() };
    let mut read = Network { class: network.class_id(), priorities: Vec::new() };
    for (index, entry) in network.priorities().iter().flatten().enumerate() {
        if !is_word(entry.name()) {
            refuse.add(
                format_args!("network.priorities[{index}].name"),
                format!("{:?} is no interface", entry.name()),
            );
        }
        read.priorities.push((entry.name().clone(), entry.priority()));
    }
    read
}

/// By name, since the config's map has no order.
pub(super) fn rdma(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> Vec<Rdma> {
    let mut read = Vec::new();
    let mut listed: Vec<_> = resources.rdma().iter().flatten().collect();
    listed.sort_by_key(|(device, _)| *device);
    for (device, limits) in listed {
        let (handles, objects) = (limits.hca_handles(), limits.hca_objects());
        if !is_word(device) {
            refuse.add(format_args!("rdma[{device:?}]"), "is no name of a device");
        }
        if (handles, objects) == (None, None) {
            refuse.add(format_args!("rdma[{device:?}]"), "limits neither hcaHandles nor hcaObjects");
        }
        read.push(Rdma { device: device.clone(), handles, objects });
    }
    read
}

/// Files of the group itself that are limits; the others move processes, stop them, or change the tree.
const LIMITS_OF_GROUPS: [&str; 2] = ["cgroup.max.depth", "cgroup.max.descendants"];

pub(super) fn unified(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    let mut listed: Vec<_> = resources.unified().iter().flatten().collect();
    listed.sort_by_key(|(key, _)| *key);
    for (key, value) in listed {
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) && key.contains('.');
        let dangerous = key.starts_with("cgroup.") && !LIMITS_OF_GROUPS.contains(&key.as_str());
        if !plain || dangerous || key.starts_with('.') {
            refuse.add(format_args!("unified[{key:?}]"), "is not the name of a controller's file");
        }
        if value.contains('\0') {
            refuse.add(format_args!("unified[{key:?}]"), "has a NUL byte");
        }
        read.insert(key.clone(), value.clone());
    }
    read
}
