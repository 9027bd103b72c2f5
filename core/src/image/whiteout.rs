//! How a layer says that something below it is gone, in tar archives and in overlay's directories.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};

use super::error::{Problem, shown};
use super::tree::{Place, Tree};
use crate::sys::tree::{self, Stat};
use crate::sys::{Errno, fs};

/// What a tree is unpacked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A root file system.
    Flat,
    /// One layer of an overlay, its marks in `trusted.overlay.*`.
    Trusted,
    /// One layer of an overlay that is mounted with `userxattr`, its marks in `user.overlay.*`.
    User,
}

impl Form {
    pub(super) fn is_overlay(self) -> bool {
        self != Form::Flat
    }

    fn opaque(self) -> &'static CStr {
        if self == Form::User { c"user.overlay.opaque" } else { c"trusted.overlay.opaque" }
    }

    fn whiteout(self) -> &'static CStr {
        if self == Form::User { c"user.overlay.whiteout" } else { c"trusted.overlay.whiteout" }
    }
}

/// What an entry's name means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    Plain,
    /// The directory that it is in hides all that is below it.
    Opaque,
    /// What it names in its directory is gone.
    Whiteout(CString),
    /// Kept by the format for what AUFS had in its layers; it means nothing.
    Reserved,
}

/// What a name means, given by its components.
pub(super) fn name(components: &[&CStr]) -> Result<Name, Problem> {
    let marked = |part: &&CStr| part.to_bytes().starts_with(b".wh.");
    let reserved = |part: &&CStr| part.to_bytes().starts_with(b".wh..wh.");
    let Some((last, parents)) = components.split_last() else { return Ok(Name::Plain) };
    if *last == c".wh..wh..opq" && !parents.iter().any(marked) {
        return Ok(Name::Opaque);
    }
    if components.iter().any(reserved) {
        return Ok(Name::Reserved);
    }
    if parents.iter().any(marked) {
        return Err(Problem::refused("something below a whiteout"));
    }
    let Some(hidden) = last.to_bytes().strip_prefix(b".wh.") else { return Ok(Name::Plain) };
    match hidden {
        b"" | b"." | b".." => Err(Problem::refused("a whiteout of no name, or of . or ..")),
        _ => Ok(Name::Whiteout(CString::new(hidden).unwrap_or_default())),
    }
}

/// Makes an overlay's whiteout. What the same layer has under this name stays, and hides what is below it.
pub(super) fn make(form: Form, tree: &mut Tree, parent: &Place, hidden: &CStr) -> Result<(), Problem> {
    let path = parent.join(hidden);
    if let Some(stat) = tree.stat(parent, hidden)? {
        if stat.is_dir() {
            let dir = tree.reopen(&path)?;
            return mark(form, dir.as_fd(), &path);
        }
        return Ok(());
    }
    let dir = parent.dir.as_fd();
    let failed = |errno| Problem::system(format!("make the whiteout {}", shown(&path)), errno);
    match fs::mknodat(dir, hidden, libc::S_IFCHR, 0) {
        Ok(()) => Ok(()),
        // Not allowed by a filter or a file system: from Linux 6.7 on an attribute does as well.
        Err(Errno::EPERM) => make_by_attribute(form, tree, parent, hidden),
        Err(errno) => Err(failed(errno)),
    }
}

fn make_by_attribute(form: Form, tree: &Tree, parent: &Place, hidden: &CStr) -> Result<(), Problem> {
    let path = parent.join(hidden);
    let failed = |errno| Problem::system(format!("make the whiteout {}", shown(&path)), errno);
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
    let file = fs::openat(parent.dir.as_fd(), hidden, flags, 0o600).map_err(failed)?;
    tree::set_xattr(file.as_fd(), form.whiteout(), b"y").map_err(failed)?;
    // The kernel looks for such whiteouts only in directories that say so.
    let dir = tree.reopen(&parent.path)?;
    let mut value = [0u8; 8];
    match tree::get_xattr(dir.as_fd(), form.opaque(), &mut value) {
        Ok(b"y") => Ok(()),
        _ => tree::set_xattr(dir.as_fd(), form.opaque(), b"x").map_err(failed),
    }
}

/// Whether an object is an overlay's whiteout. In a flat tree there are none.
pub(super) fn is_one(form: Form, parent: &Place, name: &CStr, stat: &Stat) -> bool {
    if !form.is_overlay() || stat.is_whiteout() {
        return form.is_overlay();
    }
    if stat.mode & libc::S_IFMT != libc::S_IFREG {
        return false;
    }
    let mut value = [0u8; 8];
    let flags = libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    fs::openat(parent.dir.as_fd(), name, flags, 0)
        .is_ok_and(|file| tree::get_xattr(file.as_fd(), form.whiteout(), &mut value).is_ok())
}

/// Makes a directory hide all that is below it: in a flat tree by removing it.
pub(super) fn make_opaque(form: Form, tree: &mut Tree, place: &Place) -> Result<(), Problem> {
    match form {
        Form::Flat => tree.empty_lower(place),
        _ => mark(form, tree.reopen(&place.path)?.as_fd(), &place.path),
    }
}

/// Marks a directory of an overlay's layer as opaque.
pub(super) fn mark_opaque(form: Form, tree: &Tree, place: &Place) -> Result<(), Problem> {
    mark(form, tree.reopen(&place.path)?.as_fd(), &place.path)
}

fn mark(form: Form, dir: BorrowedFd<'_>, path: &[u8]) -> Result<(), Problem> {
    tree::set_xattr(dir, form.opaque(), b"y")
        .map_err(|errno| Problem::system(format!("make {} opaque", shown(path)), errno))
}

/// Whether an overlay's directory hides all that is below it.
pub(super) fn is_opaque(form: Form, dir: BorrowedFd<'_>) -> bool {
    let mut value = [0u8; 8];
    matches!(tree::get_xattr(dir, form.opaque(), &mut value), Ok(b"y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_the_image_spec_says() {
        let whiteout = |name: &CStr| Name::Whiteout(name.to_owned());
        assert_eq!(name(&[c"a", c"b"]).unwrap(), Name::Plain);
        assert_eq!(name(&[c"a", c".wh.b"]).unwrap(), whiteout(c"b"));
        assert_eq!(name(&[c".wh....b"]).unwrap(), whiteout(c"...b"));
        assert_eq!(name(&[c"a", c".wh..wh..opq"]).unwrap(), Name::Opaque);
        assert_eq!(name(&[c".wh..wh.plnk", c"1.2"]).unwrap(), Name::Reserved);
        for hostile in [c".wh.", c".wh..", c".wh..."] {
            assert!(name(&[c"a", hostile]).is_err(), "{hostile:?}");
        }
        assert!(name(&[c".wh.a", c"b"]).is_err());
    }
}
