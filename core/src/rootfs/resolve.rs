//! Paths of the container, resolved in the container.
//!
//! The content of the root file system is hostile. `openat2(2)` with `RESOLVE_IN_ROOT` keeps every link inside it, and
//! magic links of a mounted `/proc` are not followed at all. What is missing is made one component at a time, each
//! resolved afresh.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::{Errno, Result, fs};

/// What to do about symbolic links inside the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// Follow them, inside the root.
    Follow,
    /// Fail with `ELOOP`.
    Refuse,
}

pub(crate) const ROOT: u64 = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;

/// Opens an existing object (`O_PATH`).
pub(crate) fn existing(root: BorrowedFd<'_>, path: &CStr, links: Links) -> Result<OwnedFd> {
    let refuse = if links == Links::Refuse { libc::RESOLVE_NO_SYMLINKS } else { 0 };
    fs::openat2(root, path, libc::O_PATH, ROOT | refuse)
}

/// Opens a directory, made with its parents where it is missing.
pub(crate) fn directory(root: BorrowedFd<'_>, path: &CStr, links: Links) -> Result<OwnedFd> {
    match existing(root, path, links) {
        Err(Errno::ENOENT) => {
            make_directories(root, path, links)?;
            existing(root, path, links)
        }
        found => found,
    }
}

/// Opens what a file is to be mounted on: an existing non-directory, or a new empty file.
pub(crate) fn file(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd> {
    match existing(root, path, Links::Follow) {
        Err(Errno::ENOENT) => {
            with_parent(root, path, |parent, name| fs::mknodat(parent, name, libc::S_IFREG | 0o644, 0))?;
            existing(root, path, Links::Refuse)
        }
        found => found,
    }
}

/// Calls `make` with the open parent directory of `path`, made where it is missing, and the last component.
pub(crate) fn with_parent(
    root: BorrowedFd<'_>,
    path: &CStr,
    make: impl FnOnce(BorrowedFd<'_>, &CStr) -> Result<()>,
) -> Result<()> {
    let bytes = path.to_bytes_with_nul();
    let trimmed = path.to_bytes().iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let slash = bytes.get(..trimmed).and_then(|path| path.iter().rposition(|byte| *byte == b'/'));
    let mut parent = Buffer::new();
    let mut name = Buffer::new();
    let split = slash.map_or(0, |slash| slash + 1);
    let parent_path = if split == 0 { c"/" } else { parent.fill(bytes.get(..split))? };
    let parent = directory(root, parent_path, Links::Follow)?;
    make(parent.as_fd(), name.fill(bytes.get(split..trimmed))?)
}

fn make_directories(root: BorrowedFd<'_>, path: &CStr, links: Links) -> Result<()> {
    let bytes = path.to_bytes();
    let mut prefix = Buffer::new();
    let mut name = Buffer::new();
    let mut parent: Option<OwnedFd> = None;
    let mut start = 0;
    for end in 1..=bytes.len() {
        let at_end = bytes.get(end).is_none_or(|byte| *byte == b'/');
        let component = bytes.get(start..end).unwrap_or_default();
        let component = component.strip_prefix(b"/").unwrap_or(component);
        if !at_end {
            continue;
        }
        start = end;
        if component.is_empty() {
            continue;
        }
        let whole = prefix.fill(bytes.get(..end))?;
        let below = parent.as_ref().map_or(root, AsFd::as_fd);
        let found = match existing(root, whole, links) {
            Err(Errno::ENOENT) => {
                // A dangling link is EEXIST here, and refused.
                fs::mkdirat(below, name.fill(Some(component))?, 0o755)?;
                existing(root, whole, Links::Refuse)?
            }
            found => found?,
        };
        parent = Some(found);
    }
    Ok(())
}

/// A path on the stack, ended by NUL.
struct Buffer([u8; libc::PATH_MAX as usize]);

impl Buffer {
    fn new() -> Buffer {
        Buffer([0; libc::PATH_MAX as usize])
    }

    fn fill(&mut self, bytes: Option<&[u8]>) -> Result<&CStr> {
        let bytes = bytes.ok_or(Errno::EINVAL)?;
        let room = self.0.get_mut(..=bytes.len()).ok_or(Errno::ENAMETOOLONG)?;
        let (last, body) = room.split_last_mut().ok_or(Errno::ENAMETOOLONG)?;
        body.copy_from_slice(bytes);
        *last = 0;
        CStr::from_bytes_with_nul(room).map_err(|_| Errno::EINVAL)
    }
}
