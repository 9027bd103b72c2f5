//! Kernel modules that the scenarios need. They are names only: a kernel may have them built in, or not at all.

/// A module, the option that builds it, and what needs it.
type Needed = (&'static str, &'static str, &'static str);

/// In every guest.
const ALWAYS: [Needed; 3] = [
    ("overlay", "CONFIG_OVERLAY_FS", "the root file systems of containers, and the overlay costs"),
    ("veth", "CONFIG_VETH", "links between network namespaces"),
    ("bridge", "CONFIG_BRIDGE", "what such links are plugged into"),
];

/// For a disk.
const DISK: [Needed; 4] = [
    ("virtio_pci", "CONFIG_VIRTIO_PCI", "the bus that the disk is on"),
    ("virtio_blk", "CONFIG_VIRTIO_BLK", "the disk"),
    ("ext4", "CONFIG_EXT4_FS", "the disk's file system"),
    ("loop", "CONFIG_BLK_DEV_LOOP", "images of file systems"),
];

/// What to load, in the order of need.
#[must_use]
pub fn wanted(disk: bool) -> Vec<&'static str> {
    needed(disk).map(|(name, ..)| *name).collect()
}

/// Those of them that a kernel of this configuration has not built in.
#[must_use]
pub fn not_built_in(config: &str, disk: bool) -> Vec<&'static str> {
    let is_in = |option: &str| config.lines().any(|line| line.strip_prefix(option) == Some("=y"));
    needed(disk).filter(|(_, option, _)| !is_in(option)).map(|(name, ..)| *name).collect()
}

fn needed(disk: bool) -> impl Iterator<Item = &'static Needed> {
    let disk: &[Needed] = if disk { &DISK } else { &[] };
    ALWAYS.iter().chain(disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_configuration_builds_in_is_no_module() {
        let config = "CONFIG_OVERLAY_FS=y\nCONFIG_VETH=m\n# CONFIG_BRIDGE is not set\nCONFIG_EXT4_FS=y\n";
        assert_eq!(not_built_in(config, false), ["veth", "bridge"]);
        assert_eq!(not_built_in(config, true), ["veth", "bridge", "virtio_pci", "virtio_blk", "loop"]);
    }
}
