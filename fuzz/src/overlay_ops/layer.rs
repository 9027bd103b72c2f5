//! A layer's tree, as drawn and as it is put on disk: whiteouts and marks as `overlayfs.rst` has them.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use isolab_core::sys;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) what: What,
    pub(crate) mode: u32,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Directory { opaque: bool },
    File(Vec<u8>),
    Symlink(&'static str),
    Whiteout,
}

/// Items by path; what each is in is there as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree(pub BTreeMap<String, Item>);

impl Tree {
    pub(crate) fn new() -> Tree {
        Tree::default()
    }

    /// Adds an item with the directories that it is in, unless something is in the way.
    pub(crate) fn add(&mut self, path: &str, item: Item) {
        let above: Vec<&str> = path.match_indices('/').map(|(slash, _)| &path[..slash]).collect();
        let blocked = |above: &&str| {
            self.0.get(*above).is_some_and(|item| !matches!(item.what, What::Directory { .. }))
        };
        if above.iter().any(blocked) {
            return;
        }
        for above in above {
            let item = Item { what: What::Directory { opaque: false }, mode: 0o755 };
            self.0.entry(above.to_owned()).or_insert(item);
        }
        self.0.entry(path.to_owned()).or_insert(item);
    }

    /// Puts it into an empty directory.
    pub(crate) fn write(&self, root: &Path, userxattr: bool) {
        for (path, item) in &self.0 {
            let at = root.join(path);
            make(&at, item, userxattr).unwrap_or_else(|error| panic!("make {}: {error}", at.display()));
        }
    }
}

fn make(at: &Path, item: &Item, userxattr: bool) -> std::io::Result<()> {
    let system = |errno: sys::Errno| std::io::Error::from_raw_os_error(errno.into_raw());
    match &item.what {
        What::Directory { opaque } => {
            fs::create_dir(at)?;
            let name = if userxattr { c"user.overlay.opaque" } else { c"trusted.overlay.opaque" };
            if *opaque {
                sys::tree::set_xattr(File::open(at)?.as_fd(), name, b"y").map_err(system)?;
            }
        }
        What::File(data) => fs::write(at, data)?,
        What::Symlink(to) => return symlink(to, at),
        What::Whiteout => {
            let path = CString::new(at.as_os_str().as_bytes())?;
            return sys::fs::mknodat(sys::here(), &path, libc::S_IFCHR, 0).map_err(system);
        }
    }
    fs::set_permissions(at, PermissionsExt::from_mode(item.mode))
}
