//! The root file system: a directory, or an overlay of layers, entered by `pivot_root(2)`.
//!
//! Without a mount namespace the weaker `chroot(2)` is used; it is kept so that its known weakness can be shown.
//! An overlay is asked for by a first mount at `/`: type `overlay`, options `lowerdir=`, `upperdir=`, `workdir=` and
//! those of the kernel's `overlayfs.rst`; it is attached on `root.path`, which the container then never sees.

#[cfg(feature = "launch")]
pub(crate) mod made;
mod overlay;
#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;
#[cfg(feature = "launch")]
pub(crate) mod resolve;

use std::ffi::CString;

use crate::config::Reader;
use crate::mount;
use crate::namespace::{Kind, Namespaces};
use crate::planted::planted;

pub use overlay::{Data, Layer, Overlay};
#[cfg(feature = "launch")]
pub use perform::attach_overlay;
pub use plan::Op;
pub(crate) use plan::{enter, plan};

/// A root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Directory on the host.
    pub path: CString,
    /// An overlay mount; `None` takes the directory as it is.
    pub overlay: Option<Overlay>,
    /// Whether the container may not write to it.
    pub readonly: bool,
    /// Propagation of the root in the end, with `MS_REC` for all mounts: `MS_PRIVATE`, `MS_SLAVE` of the host's mounts,
    /// `MS_SHARED` in a new peer group, or `MS_UNBINDABLE`.
    pub propagation: u64,
    /// Whether `chroot` is used, which is weaker, in place of `pivot_root`. No config asks for it, only a caller whose own
    /// root cannot be pivoted away from.
    pub no_pivot: bool,
}

impl Root {
    pub(crate) fn read(reader: &mut Reader<'_>, namespaces: &Namespaces) -> Root {
        let path = match reader.spec.root() {
            Some(root) => reader.path_on_host("root.path", root.path()),
            None => {
                reader.refuse("root", "is missing");
                CString::default()
            }
        };
        let asked = reader.spec.root().as_ref().and_then(oci_spec::runtime::Root::readonly);
        let readonly = asked.unwrap_or(false);
        if readonly && !namespaces.separates(Kind::Mount) {
            reader.refuse("root.readonly", "needs a mount namespace in linux.namespaces");
        }
        let overlay = read_overlay(reader);
        let overruled = asked == Some(false) && planted("overlay-ro-overruled");
        let readonly = readonly || !overruled && overlay.as_ref().is_some_and(|(_, readonly)| *readonly);
        let overlay = overlay.map(|(overlay, _)| overlay);
        Root { path, overlay, readonly, propagation: read_propagation(reader), no_pivot: false }
    }
}

fn read_overlay(reader: &mut Reader<'_>) -> Option<(Overlay, bool)> {
    let mounts = reader.spec.mounts().as_deref().unwrap_or_default();
    let mut read = None;
    for (index, mount) in mounts.iter().enumerate().filter(|(_, mount)| mount::is_root(mount)) {
        let at = |field: &str| format!("mounts[{index}].{field}");
        if index != 0 {
            reader.refuse(at("destination"), "is /, which only the first mount may be");
        }
        if mount.typ().as_deref() != Some("overlay") {
            reader.refuse(at("type"), "is not overlay, the only type that can be mounted at /");
        }
        if mount.uid_mappings().is_some() || mount.gid_mappings().is_some() {
            reader.refuse(at("uidMappings"), "are for bind mounts; map the layers instead");
        }
        read = Some(overlay::read(reader, index, mount));
    }
    read
}

fn read_propagation(reader: &mut Reader<'_>) -> u64 {
    let asked = reader.linux().and_then(|linux| linux.rootfs_propagation().as_deref()).unwrap_or_default();
    match asked {
        "" | "private" | "rprivate" => libc::MS_PRIVATE | libc::MS_REC,
        "slave" | "rslave" => libc::MS_SLAVE | libc::MS_REC,
        "shared" => libc::MS_SHARED,
        "rshared" => libc::MS_SHARED | libc::MS_REC,
        "unbindable" => libc::MS_UNBINDABLE,
        "runbindable" => libc::MS_UNBINDABLE | libc::MS_REC,
        _ => {
            reader.refuse("linux.rootfsPropagation", format!("{asked:?} is no propagation type"));
            libc::MS_PRIVATE | libc::MS_REC
        }
    }
}
