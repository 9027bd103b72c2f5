//! Huge pages, network marks, RDMA.

use super::Setting;
use crate::cgroup::resources::{HugePages, Network, Rdma};

/// Both what is used and what is reserved for it, where the kernel counts that too (Linux 5.7): a reservation beyond
/// the limit would end in a SIGBUS instead of an ENOMEM.
pub(super) fn huge_pages(limits: &[HugePages], v2: bool, all: &mut Vec<Setting>) {
    let word = if v2 { "max" } else { "limit_in_bytes" };
    for HugePages { index, size, limit } in limits {
        let path = format!("hugepageLimits[{index}]");
        let new = |file: String| Setting::new("hugetlb", &file, limit, &path);
        all.push(new(format!("hugetlb.{size}.{word}")));
        all.push(new(format!("hugetlb.{size}.rsvd.{word}")).harmless());
    }
}

pub(super) fn class(network: &Network, all: &mut Vec<Setting>) {
    if let Some(class) = network.class {
        all.push(Setting::new("net_cls", "net_cls.classid", class, "network.classID"));
    }
}

pub(super) fn priorities(network: &Network, all: &mut Vec<Setting>) {
    for (index, (interface, priority)) in network.priorities.iter().enumerate() {
        let path = format!("network.priorities[{index}]");
        all.push(Setting::new("net_prio", "net_prio.ifpriomap", format!("{interface} {priority}"), &path));
    }
}

pub(super) fn rdma(limits: &[Rdma], all: &mut Vec<Setting>) {
    for Rdma { device, handles, objects } in limits {
        let limit = |key: &str, limit: &Option<u32>| limit.map(|limit| format!(" {key}={limit}"));
        let limits = [limit("hca_handle", handles), limit("hca_object", objects)];
        let value: String = std::iter::once(device.clone()).chain(limits.into_iter().flatten()).collect();
        all.push(Setting::new("rdma", "rdma.max", value, &format!("rdma[{device:?}]")));
    }
}
