//! Hosts: what they offer, and who asks.

use arbitrary::{Result, Unstructured};
use isolab_core::capability::Sets;
use isolab_core::host::{Cgroups, FEATURES, Feature, Hierarchy, Host};

fn one_in(bytes: &mut Unstructured<'_>, many: u8) -> Result<bool> {
    Ok(bytes.int_in_range(1..=many)? == many)
}

/// A host; the plain one is root's, with everything, and with cgroup v1 and v2.
pub(super) fn host(bytes: &mut Unstructured<'_>) -> Result<Host> {
    let mut host = Host::example();
    if one_in(bytes, 4)? {
        (host.uid, host.gid) = (1000, 1000);
    }
    host.cgroups = cgroups(bytes, host.uid)?;
    for feature in FEATURES {
        if one_in(bytes, 16)? {
            let (reason, remedy) = ("it was drawn so".to_owned(), "draw again".to_owned());
            let missing = Feature::Missing { reason, remedy };
            host.features.insert(feature.to_owned(), missing);
        } else if one_in(bytes, 32)? {
            host.features.remove(feature);
        }
    }
    host.landlock = *bytes.choose(&[7, 0, 1, 2, 3, 4, 5, 6])?;
    host.last_capability = *bytes.choose(&[40, 36, 39, 63, 64])?;
    if one_in(bytes, 4)? {
        let bounding = *bytes.choose(&[0, 0xff, 0x1_ffff_ffff_u64])?;
        host.capabilities = Sets { bounding, permitted: bounding & 0x7f, ..Sets::all() };
    }
    if one_in(bytes, 8)? {
        host.lsms.push("selinux".into());
    }
    if one_in(bytes, 2)? {
        host.namespaces = [("net", 1), ("ipc", 2), ("uts", 3), ("user", 4)]
            .map(|(kind, inode)| (kind.to_owned(), inode))
            .into();
    }
    Ok(host)
}

fn cgroups(bytes: &mut Unstructured<'_>, uid: u32) -> Result<Cgroups> {
    const ALL: [&str; 12] = [
        "cpu,cpuacct",
        "cpuset",
        "memory",
        "pids",
        "devices",
        "freezer",
        "blkio",
        "net_cls,net_prio",
        "hugetlb",
        "rdma",
        "name=systemd",
        "perf_event",
    ];
    const V2: [&str; 7] = ["cpu", "cpuset", "memory", "pids", "io", "hugetlb", "rdma"];
    let (v1, v2): (&[&str], Option<&[&str]>) = match bytes.int_in_range(0..=6u8)? {
        0 => (&ALL[..], Some(&[])),
        1 => (&[], Some(&V2[..])),
        2 => (&ALL[..], None),
        3 => (&ALL[..3], Some(&V2[3..])),
        4 => (&ALL[..6], None),
        5 => (&[], None),
        _ => (&ALL[10..11], Some(&V2[..4])),
    };
    let mut hierarchy = |mount: String, controllers: &[&str]| -> Result<Hierarchy> {
        let controllers = controllers.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
        // Whoever is not root has groups where they are delegated.
        let writable = if uid == 0 { !one_in(bytes, 32)? } else { one_in(bytes, 2)? };
        Ok(Hierarchy { mount: mount.into(), controllers, writable })
    };
    Ok(Cgroups {
        v2: v2.map(|controllers| hierarchy("/sys/fs/cgroup/unified".into(), controllers)).transpose()?,
        v1: v1
            .iter()
            .map(|names| hierarchy(format!("/sys/fs/cgroup/{names}"), &[*names]))
            .collect::<Result<_>>()?,
    })
}
