//! What is varied, as data: one overlay that all others differ from in one thing, and the plain directories.

use crate::workload::files::operation::Shape;

/// One way to have the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// An overlay.
    Overlay(Overlay),
    /// A plain directory.
    Plain(Ground),
}

/// An overlay and what is below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overlay {
    /// Name of its series.
    pub(super) name: &'static str,
    /// Lower layers. Each has every directory, and every how-manieth file.
    pub(super) layers: usize,
    /// Where the upper layer is; the lower ones are never on tmpfs.
    pub(super) upper: Ground,
    /// Options besides the directories, all given: kernels are built with different defaults.
    pub(super) options: &'static [&'static str],
    /// Whether the layers' files belong to others, whom idmapped mounts show as root.
    pub(super) idmapped: bool,
}

/// On what, and how warm, files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ground {
    /// The file system of the scratch directory, with everything in the caches.
    Disk,
    /// A tmpfs.
    Tmpfs,
    /// An ext4 image that is mounted afresh, with nothing in the caches.
    Cold,
}

const OFF: &[&str] = &["redirect_dir=off", "index=off", "metacopy=off"];

/// What the others differ from.
pub(super) const BASE: Overlay =
    Overlay { name: "overlay", layers: 1, upper: Ground::Disk, options: OFF, idmapped: false };

/// One thing changed at a time.
const OVERLAYS: [Overlay; 11] = [
    BASE,
    Overlay { name: "8 layers", layers: 8, ..BASE },
    Overlay { name: "32 layers", layers: 32, ..BASE },
    Overlay { name: "128 layers", layers: 128, ..BASE },
    Overlay { name: "upper on tmpfs", upper: Ground::Tmpfs, ..BASE },
    // It takes redirect_dir with it (overlayfs.rst, "Metadata only copy up").
    Overlay { name: "metacopy", options: &["metacopy=on", "redirect_dir=on", "index=off"], ..BASE },
    Overlay { name: "redirect_dir", options: &["redirect_dir=on", "index=off", "metacopy=off"], ..BASE },
    Overlay {
        name: "volatile",
        options: &["volatile", "redirect_dir=off", "index=off", "metacopy=off"],
        ..BASE
    },
    Overlay { name: "index", options: &["index=on", "redirect_dir=off", "metacopy=off"], ..BASE },
    Overlay { name: "idmapped layers", idmapped: true, ..BASE },
    Overlay { name: "overlay, cold", upper: Ground::Cold, ..BASE },
];

/// All, in the order in which they are reported: overlays, then the plain directories.
pub(super) fn all() -> Vec<Variant> {
    let grounds = [Ground::Disk, Ground::Tmpfs, Ground::Cold];
    OVERLAYS.map(Variant::Overlay).into_iter().chain(grounds.map(Variant::Plain)).collect()
}

impl Ground {
    /// Name of the series of the plain directory there.
    pub(super) fn name(self) -> &'static str {
        match self {
            Ground::Disk => "plain",
            Ground::Tmpfs => "plain, tmpfs",
            Ground::Cold => "plain, cold",
        }
    }
}

impl Variant {
    /// Name of its series.
    pub(super) fn name(self) -> &'static str {
        match self {
            Variant::Overlay(overlay) => overlay.name,
            Variant::Plain(ground) => ground.name(),
        }
    }

    /// Where it writes to.
    pub(super) fn ground(self) -> Ground {
        match self {
            Variant::Overlay(overlay) => overlay.upper,
            Variant::Plain(ground) => ground,
        }
    }

    /// The plain directory that an operation on it is compared with: of what is changed, the one where the upper layer is, and
    /// of what is only looked at, the one where the layers are.
    pub(super) fn against(self, shape: &Shape) -> Option<Ground> {
        match self {
            Variant::Plain(_) => None,
            Variant::Overlay(overlay) if overlay.upper == Ground::Tmpfs && !shape.writes => {
                Some(Ground::Disk)
            }
            Variant::Overlay(overlay) => Some(overlay.upper),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workload::files::Operation;

    #[test]
    fn every_overlay_has_a_twin_and_a_name_of_its_own() {
        let all = all();
        let names: BTreeSet<&str> = all.iter().map(|variant| variant.name()).collect();
        assert_eq!(names.len(), all.len());
        for operation in Operation::ALL {
            for variant in &all {
                let twin = variant.against(&operation.shape());
                assert_eq!(twin.is_none(), matches!(variant, Variant::Plain(_)));
                assert!(twin.is_none_or(|ground| names.contains(ground.name())));
            }
        }
    }

    #[test]
    fn one_thing_is_changed_at_a_time() {
        for overlay in &OVERLAYS[1..] {
            let changed = [
                overlay.layers != BASE.layers,
                overlay.upper != BASE.upper,
                overlay.options != BASE.options,
                overlay.idmapped,
            ];
            assert_eq!(changed.iter().filter(|&&changed| changed).count(), 1, "{}", overlay.name);
        }
    }

    #[test]
    fn on_tmpfs_what_is_read_is_on_the_disk() {
        let tmpfs = Variant::Overlay(Overlay { upper: Ground::Tmpfs, ..BASE });
        assert_eq!(tmpfs.against(&Operation::Read.shape()), Some(Ground::Disk));
        assert_eq!(tmpfs.against(&Operation::Create.shape()), Some(Ground::Tmpfs));
    }
}
