//! The names of mount options and what the kernel calls them.

use std::ffi::CStr;

use crate::planted::planted;
/// Attributes to set and to clear, `MOUNT_ATTR_*` of `mount_setattr(2)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// To set.
    pub set: u64,
    /// To clear.
    pub clear: u64,
}

impl Attributes {
    pub(super) fn apply(&mut self, change: Attributes) {
        let cleared = if change.set != 0 && planted("access-times-not-cleared") { 0 } else { change.clear };
        self.set = (self.set & !cleared) | change.set;
        self.clear = (self.clear & !change.set) | change.clear;
    }

    /// Whether anything is to be changed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Attributes::default()
    }
}

const RDONLY: u64 = libc::MOUNT_ATTR_RDONLY;
const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
const ATIME: u64 = libc::MOUNT_ATTR__ATIME;
const NOATIME: u64 = libc::MOUNT_ATTR_NOATIME;
const STRICTATIME: u64 = libc::MOUNT_ATTR_STRICTATIME;
const NODIRATIME: u64 = libc::MOUNT_ATTR_NODIRATIME;
const NOSYMFOLLOW: u64 = libc::MOUNT_ATTR_NOSYMFOLLOW;

/// Name, to set, to clear. The access-time attributes are one field of the kernel's, so setting one clears the field
/// first; relatime is the field's zero.
pub(super) const ATTRIBUTES: [(&str, u64, u64); 18] = [
    ("ro", RDONLY, 0),
    ("rw", 0, RDONLY),
    ("nosuid", NOSUID, 0),
    ("suid", 0, NOSUID),
    ("nodev", NODEV, 0),
    ("dev", 0, NODEV),
    ("noexec", NOEXEC, 0),
    ("exec", 0, NOEXEC),
    ("noatime", NOATIME, ATIME),
    ("atime", 0, ATIME),
    ("relatime", 0, ATIME),
    ("norelatime", STRICTATIME, ATIME),
    ("strictatime", STRICTATIME, ATIME),
    ("nostrictatime", 0, ATIME),
    ("nodiratime", NODIRATIME, 0),
    ("diratime", 0, NODIRATIME),
    ("nosymfollow", NOSYMFOLLOW, 0),
    ("symfollow", 0, NOSYMFOLLOW),
];

/// Each attribute and its flag of `mount(2)`.
const FLAGS: [(u64, u64); 8] = [
    (RDONLY, libc::MS_RDONLY),
    (NOSUID, libc::MS_NOSUID),
    (NODEV, libc::MS_NODEV),
    (NOEXEC, libc::MS_NOEXEC),
    (NOATIME, libc::MS_NOATIME),
    (STRICTATIME, libc::MS_STRICTATIME),
    (NODIRATIME, libc::MS_NODIRATIME),
    (NOSYMFOLLOW, libc::MS_NOSYMFOLLOW),
];

/// `MS_*` of `MOUNT_ATTR_*`.
pub(super) fn flags_of(attributes: u64) -> u64 {
    FLAGS.iter().filter(|(attribute, _)| attributes & attribute != 0).fold(0, |all, (_, flag)| all | flag)
}

/// The flags of `mount(2)` that say how access times are kept; given none of them, a remount leaves that as it is.
#[cfg(feature = "launch")]
pub(super) const ATIME_FLAGS: u64 = libc::MS_NOATIME | libc::MS_RELATIME | libc::MS_STRICTATIME;

pub(super) const PROPAGATION: [(&str, u64); 4] = [
    ("private", libc::MS_PRIVATE),
    ("slave", libc::MS_SLAVE),
    ("shared", libc::MS_SHARED),
    ("unbindable", libc::MS_UNBINDABLE),
];

/// Flags of a file system, as options and as `fsconfig(2)` takes them.
pub(super) const SUPERBLOCK: [(&str, &CStr); 7] = [
    ("sync", c"sync"),
    ("async", c"async"),
    ("dirsync", c"dirsync"),
    ("lazytime", c"lazytime"),
    ("nolazytime", c"nolazytime"),
    ("mand", c"mand"),
    ("nomand", c"nomand"),
];

/// `MS_LAZYTIME`, which the libc crate lacks for this target.
pub(super) const LAZYTIME: u64 = 1 << 25;

/// Flags of a file system, to set and to clear in `mount(2)`.
pub(super) const SUPERBLOCK_FLAGS: [(&CStr, u64, u64); 7] = [
    (c"sync", libc::MS_SYNCHRONOUS, 0),
    (c"async", 0, libc::MS_SYNCHRONOUS),
    (c"dirsync", libc::MS_DIRSYNC, 0),
    (c"lazytime", LAZYTIME, 0),
    (c"nolazytime", 0, LAZYTIME),
    (c"mand", libc::MS_MANDLOCK, 0),
    (c"nomand", 0, libc::MS_MANDLOCK),
];

/// Read, and without effect.
pub(super) const WITHOUT_EFFECT: [&str; 3] = ["defaults", "silent", "loud"];

/// Options of the v2 tree as a whole. The kernel takes them from its first cgroup namespace alone and drops them
/// elsewhere (`cgroup-v2.rst`, "Mounting"); a container's mount never changes the host's tree.
pub(super) const OF_THE_WHOLE_TREE: [&CStr; 8] = [
    c"nsdelegate",
    c"favordynmods",
    c"nofavordynmods",
    c"memory_localevents",
    c"memory_recursiveprot",
    c"memory_hugetlb_accounting",
    c"pids_localevents",
    c"clone_children",
];

/// The names of attributes, in the order of the table.
pub(super) fn names_of(attributes: Attributes) -> impl Iterator<Item = &'static str> {
    ATTRIBUTES.iter().filter_map(move |&(name, set, clear)| {
        let sets = set != 0 && attributes.set & set == set;
        let clears = set == 0 && clear != ATIME && attributes.clear & clear == clear;
        (sets && name != "norelatime" || clears).then_some(name)
    })
}
