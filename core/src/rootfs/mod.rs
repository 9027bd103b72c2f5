//! The root file system: a directory, or an overlay of layers, entered by `pivot_root(2)`.
//!
//! Without a mount namespace the weaker `chroot(2)` is used; it is kept so that its known weakness can be shown.
//! An overlay is asked for by a first mount at `/`: type `overlay`, options `lowerdir=`, `upperdir=`, `workdir=` and
//! those of the kernel's `overlayfs.rst`; it is attached on `root.path`, which the container then never sees.

#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;
#[cfg(feature = "launch")]
pub(crate) mod resolve;

use std::ffi::CString;

use crate::config::{NOT_YET, Reader};
use crate::mount;
use crate::namespace::{Kind, Namespaces};

pub use plan::Op;
pub(crate) use plan::{enter, plan};

/// The kernel passes mount data in one page.
const LONGEST_DATA: usize = 4095;

/// A root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Directory on the host.
    pub path: CString,
    /// Data of an overlay mount; `None` takes the directory as it is.
    pub overlay: Option<CString>,
    /// Whether the container may not write to it.
    pub readonly: bool,
    /// Propagation given to the whole mount tree first: `MS_PRIVATE` or `MS_SLAVE`, with `MS_REC`.
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
        let readonly =
            reader.spec.root().as_ref().and_then(oci_spec::runtime::Root::readonly).unwrap_or(false);
        if readonly && !namespaces.makes(Kind::Mount) {
            reader.refuse("root.readonly", "needs a new mount namespace");
        }
        let propagation = read_propagation(reader);
        Root { path, overlay: read_overlay(reader), readonly, propagation, no_pivot: false }
    }
}

fn read_overlay(reader: &mut Reader<'_>) -> Option<CString> {
    let mounts = reader.spec.mounts().as_deref().unwrap_or_default();
    let mut overlay = None;
    for (index, mount) in mounts.iter().enumerate().filter(|(_, mount)| mount::is_root(mount)) {
        let at = |field: &str| format!("mounts[{index}].{field}");
        if index != 0 {
            reader.refuse(at("destination"), "is /, which only the first mount may be");
        }
        if mount.typ().as_deref() != Some("overlay") {
            reader.refuse(at("type"), "is not overlay, the only type that can be mounted at /");
        }
        if mount.uid_mappings().is_some() || mount.gid_mappings().is_some() {
            reader.refuse(at("uidMappings"), NOT_YET);
        }
        let options = mount.options().as_deref().unwrap_or_default();
        if !options.iter().any(|option| option.starts_with("lowerdir=")) {
            reader.refuse(at("options"), "has no lowerdir=");
        }
        let data = options.join(",");
        if data.len() > LONGEST_DATA {
            reader
                .refuse(at("options"), format!("has {} bytes; the kernel takes {LONGEST_DATA}", data.len()));
        }
        overlay = Some(reader.text(&at("options"), data));
    }
    overlay
}

fn read_propagation(reader: &mut Reader<'_>) -> u64 {
    const AT: &str = "linux.rootfsPropagation";
    let private = libc::MS_PRIVATE | libc::MS_REC;
    let asked = reader.linux().and_then(|linux| linux.rootfs_propagation().as_deref()).unwrap_or_default();
    match asked {
        "" | "private" | "rprivate" => private,
        "slave" | "rslave" => libc::MS_SLAVE | libc::MS_REC,
        "shared" | "rshared" | "unbindable" | "runbindable" => {
            reader.refuse(AT, format!("{asked} {NOT_YET}"));
            private
        }
        _ => {
            reader.refuse(AT, format!("{asked:?} is no propagation type"));
            private
        }
    }
}
