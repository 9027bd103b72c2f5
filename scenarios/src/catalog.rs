//! The catalogue that comes with isolab: scenario files, embedded.

use crate::schema::{self, Guarantee};

/// A table of embedded files below `catalog/`: name and text.
macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$((concat!($folder, "/", $name, ".toml"), include_str!(concat!("../catalog/", $folder, "/", $name, ".toml")))),*]
    };
}

/// Every guarantee, by name.
const GUARANTEES: &[(&str, &str)] = files!["guarantees":
    "caps-behaviour-not-bits",
    "caps-five-sets-exact",
    "cgroup-no-write-inside",
    "cgroupns-root-view",
    "chroot-dotdot-escape",
    "cpu-quota-holds",
    "cpuset-pins",
    "devices-default-deny",
    "devices-node-set-exact",
    "env-exact",
    "fds-only-stdio",
    "ipcns-sysv",
    "masked-dir-empty-ro",
    "masked-file-empty",
    "memory-limit-oom",
    "mntns-expected-mount-set",
    "mntns-old-root-gone",
    "mntns-root-inode",
    "netns-abstract-sockets",
    "netns-only-lo",
    "nnp-set",
    "ns-set-unshared",
    "oom-score-adj",
    "overlay-lower-immutable",
    "pidns-init-is-1",
    "pidns-no-host-pids",
    "pids-limit-holds",
    "readonly-paths",
    "rlimits-exact",
    "rootfs-readonly",
    "seccomp-64-bit-argument",
    "seccomp-errno",
    "seccomp-filter-last",
    "seccomp-mode-2",
    "seccomp-unknown-nr-enosys",
    "timens-offsets",
    "tmpfs-size-mode",
    "umask-exact",
    "userns-map-exact",
    "utsns-hostname",
];

/// The guarantees that come with isolab.
///
/// # Errors
/// None in a release: a test reads every file.
pub fn guarantees() -> Result<Vec<Guarantee>, schema::Error> {
    GUARANTEES.iter().map(|(file, text)| Guarantee::parse(file, text)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_guarantee_is_read_and_has_a_control() {
        let all = guarantees().unwrap();
        assert!(all.len() >= 24);
        for guarantee in &all {
            assert!(!guarantee.control.is_empty(), "{} has no control", guarantee.id);
        }
        let ids: BTreeSet<_> = all.iter().map(|guarantee| &guarantee.id).collect();
        assert_eq!(ids.len(), all.len());
    }

    #[test]
    fn every_file_is_embedded_under_its_id() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/catalog/guarantees");
        let name =
            |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let on_disk: BTreeSet<_> = std::fs::read_dir(dir).unwrap().map(name).collect();
        let id = |guarantee: Guarantee| format!("{}.toml", guarantee.id);
        let embedded: BTreeSet<_> = guarantees().unwrap().into_iter().map(id).collect();
        assert_eq!(embedded, on_disk);
    }
}
