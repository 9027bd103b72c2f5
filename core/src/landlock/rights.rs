//! Rights, and since which version of Landlock there are (`linux/landlock.h`, `Documentation/userspace-api/landlock.rst`).

/// Execute files.
pub(super) const EXECUTE: u64 = 1;
/// Read files, list directories.
pub(super) const READ: u64 = 1 << 2 | 1 << 3;
/// Everything else: write, remove and make (bits 1, 4 to 12), refer (13), truncate (14), ioctl of devices (15).
pub(super) const WRITE: u64 = 1 << 1 | 0xfff0;

/// The rights that make sense on what is no directory: execute, write, read, truncate, ioctl.
pub const FILE: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;

/// Scopes by name.
pub(super) const SCOPES: [(&str, u64); 2] = [("abstract-unix-socket", 1), ("signal", 2)];

/// `LANDLOCK_ACCESS_NET_BIND_TCP`
pub(super) const BIND: u64 = 1;
/// `LANDLOCK_ACCESS_NET_CONNECT_TCP`
pub(super) const CONNECT: u64 = 2;

/// The first versions that know the network, and scopes.
pub(super) const NET_ABI: u32 = 4;
pub(super) const SCOPE_ABI: u32 = 6;

/// The rights on files that version `abi` knows, of those that are used here.
#[must_use]
pub fn fs_rights(abi: u32) -> u64 {
    match abi {
        0 => 0,
        1 => 0x1fff,
        2 => 0x3fff,
        3 | 4 => 0x7fff,
        _ => 0xffff,
    }
}

/// What a version does not restrict, and the first that does. Moving between directories is no such thing: the first version, which has
/// no right for it, always denies it.
pub(super) fn unrestricted(abi: u32) -> Vec<(u32, &'static str)> {
    let all = [(3, "truncate"), (5, "ioctl of devices")];
    all.into_iter().filter(|(since, _)| abi < *since).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_are_all_rights_and_no_right_twice() {
        assert_eq!(EXECUTE | READ | WRITE, fs_rights(5));
        assert_eq!((EXECUTE & READ, EXECUTE & WRITE, READ & WRITE), (0, 0, 0));
    }
}
