//! Paths of the container, resolved in the container.
//!
//! The content of the root file system is hostile. `openat2(2)` with `RESOLVE_IN_ROOT` keeps every link inside it, and
//! magic links of a mounted `/proc` are not followed at all. What is missing is made one component at a time, each
//! resolved afresh; a link that leads nowhere is followed to where it would lead inside the root, as images have them
//! (`/etc/resolv.conf` to a file below `/run`). Whatever is opened is opened with `O_PATH`, which runs nothing and waits for
//! nobody.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::made::Inside;
use crate::sys::{Errno, Result, fs};

/// What to do about symbolic links inside the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// Follow them, inside the root.
    Follow,
    /// Fail with `ELOOP`.
    Refuse,
}

/// What to make where there is nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Directory,
    File,
}

pub(crate) const ROOT: u64 = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
/// As many links as the kernel follows in one path; others that make things in between count too.
const MOST_LINKS: usize = 40;
const LONGEST: usize = libc::PATH_MAX as usize;
const LONGEST_NAME: usize = 256;

/// Opens an existing object (`O_PATH`).
pub(crate) fn existing(root: BorrowedFd<'_>, path: &CStr, links: Links) -> Result<OwnedFd> {
    let refuse = if links == Links::Refuse { libc::RESOLVE_NO_SYMLINKS } else { 0 };
    fs::openat2(root, path, libc::O_PATH, ROOT | refuse)
}

/// Opens what is at a name of an open directory, a link itself included.
pub(crate) fn entry(directory: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    fs::openat(directory, name, libc::O_PATH | libc::O_NOFOLLOW, 0)
}

/// Opens a directory, made with its parents where it is missing.
pub(crate) fn directory(inside: Inside<'_>, path: &CStr, links: Links) -> Result<OwnedFd> {
    match existing(inside.root, path, links) {
        Err(Errno::ENOENT) => make(inside, path, links, Missing::Directory),
        found => found,
    }
}

/// Opens what a file is to be mounted on: an existing object, or a new empty file.
pub(crate) fn file(inside: Inside<'_>, path: &CStr) -> Result<OwnedFd> {
    match existing(inside.root, path, Links::Follow) {
        Err(Errno::ENOENT) => make(inside, path, Links::Follow, Missing::File),
        found => found,
    }
}

/// Calls `make` with the open parent directory of `path`, made where it is missing, and the last component.
pub(crate) fn with_parent(
    inside: Inside<'_>,
    path: &CStr,
    make: impl FnOnce(BorrowedFd<'_>, &CStr) -> Result<()>,
) -> Result<()> {
    split(path, |above, name| {
        let parent = directory(inside, above, Links::Follow)?;
        make(parent.as_fd(), name)
    })
}

/// Calls `with` with the path of what `path` is in, and its name there.
pub(super) fn split(path: &CStr, with: impl FnOnce(&CStr, &CStr) -> Result<()>) -> Result<()> {
    let bytes = path.to_bytes();
    let length = bytes.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let bytes = bytes.get(..length).unwrap_or_default();
    let split = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (above, last) = bytes.split_at(split);
    if matches!(last, b"" | b"." | b"..") {
        return Err(Errno::EINVAL);
    }
    let mut parent = Buffer::<LONGEST>::new();
    let mut name = Buffer::<LONGEST_NAME>::new();
    let above = if above.is_empty() { c"/" } else { parent.fill(above)? };
    with(above, name.fill(last)?)
}

/// Opens `path`, with what is missing made on the way.
fn make(inside: Inside<'_>, path: &CStr, links: Links, missing: Missing) -> Result<OwnedFd> {
    let mut whole = Buffer::<LONGEST>::new();
    whole.fill(path.to_bytes())?;
    for _ in 0..MOST_LINKS {
        match walk(inside, whole.text()?, links, missing)? {
            Walk::Done(found) => return Ok(found),
            Walk::Again => {}
            Walk::Link { at, start, end } => {
                let mut name = Buffer::<LONGEST_NAME>::new();
                let mut target = Buffer::<LONGEST>::new();
                let name = name.fill(whole.part(start, end)?)?;
                let directory = at.as_ref().map_or(inside.root, AsFd::as_fd);
                match target.read_link(directory, name) {
                    // It was no link, but something that came just now, or it is gone again.
                    Err(Errno::EINVAL | Errno::ENOENT) => {}
                    Err(errno) => return Err(errno),
                    Ok(_) if links == Links::Refuse => return Err(Errno::ELOOP),
                    Ok(length) => whole.follow(start, end, target.part(0, length)?)?,
                }
            }
        }
    }
    Err(Errno::ELOOP)
}

enum Walk {
    Done(OwnedFd),
    /// What was made is something else by now.
    Again,
    /// The component from `start` to `end` exists and leads nowhere. Its directory is open, or is the root.
    Link {
        at: Option<OwnedFd>,
        start: usize,
        end: usize,
    },
}

/// Goes through the components of `path`, each prefix resolved afresh, and makes what is missing.
fn walk(inside: Inside<'_>, path: &CStr, links: Links, missing: Missing) -> Result<Walk> {
    let root = inside.root;
    let bytes = path.to_bytes();
    let mut prefix = Buffer::<LONGEST>::new();
    let mut name = Buffer::<LONGEST_NAME>::new();
    let mut at: Option<OwnedFd> = None;
    let mut end = 0;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let Some(start) = rest.iter().position(|byte| *byte != b'/').map(|skip| end + skip) else { break };
        let rest = bytes.get(start..).unwrap_or_default();
        end = start + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let prefix = prefix.fill(bytes.get(..end).unwrap_or_default())?;
        match existing(root, prefix, links) {
            Err(Errno::ENOENT) => {}
            found => {
                at = Some(found?);
                continue;
            }
        }
        let directory = at.as_ref().map_or(root, AsFd::as_fd);
        let name = name.fill(bytes.get(start..end).unwrap_or_default())?;
        let last = bytes.get(end..).unwrap_or_default().is_empty();
        let made = inside.make(directory, prefix, || match (last, missing) {
            (true, Missing::File) => fs::mknodat(directory, name, libc::S_IFREG | 0o644, 0),
            _ => fs::mkdirat(directory, name, 0o755),
        });
        match made {
            Err(Errno::EEXIST) => return Ok(Walk::Link { at, start, end }),
            made => made?,
        }
        // One component of an open directory, and no link in its place.
        match fs::openat2(directory, name, libc::O_PATH, ROOT | libc::RESOLVE_NO_SYMLINKS) {
            Err(Errno::ENOENT | Errno::ELOOP) => return Ok(Walk::Again),
            open => at = Some(open?),
        }
    }
    at.map_or_else(|| existing(root, c"/", links), Ok).map(Walk::Done)
}

/// A text on the stack, ended by NUL.
struct Buffer<const N: usize>([u8; N]);

impl<const N: usize> Buffer<N> {
    fn new() -> Buffer<N> {
        Buffer([0; N])
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<&CStr> {
        let room = self.0.get_mut(..=bytes.len()).ok_or(Errno::ENAMETOOLONG)?;
        let (last, body) = room.split_last_mut().ok_or(Errno::ENAMETOOLONG)?;
        body.copy_from_slice(bytes);
        *last = 0;
        self.text()
    }

    fn text(&self) -> Result<&CStr> {
        CStr::from_bytes_until_nul(&self.0).map_err(|_| Errno::EINVAL)
    }

    fn part(&self, start: usize, end: usize) -> Result<&[u8]> {
        self.0.get(start..end).ok_or(Errno::EINVAL)
    }

    /// Reads a link; its length.
    fn read_link(&mut self, directory: BorrowedFd<'_>, name: &CStr) -> Result<usize> {
        let length = fs::readlinkat(directory, name, &mut self.0)?.len();
        if length < N { Ok(length) } else { Err(Errno::ENAMETOOLONG) }
    }

    /// Puts the target of a link in the place of its name; an absolute one in the place of all that comes before.
    fn follow(&mut self, start: usize, end: usize, target: &[u8]) -> Result<()> {
        let length = self.text()?.to_bytes().len();
        let start = if target.first() == Some(&b'/') { 0 } else { start };
        let new_end = start + target.len();
        let new_length = new_end + (length - end);
        if new_length >= N {
            return Err(Errno::ENAMETOOLONG);
        }
        self.0.copy_within(end..length, new_end);
        self.0.get_mut(start..new_end).ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(target);
        *self.0.get_mut(new_length).ok_or(Errno::ENAMETOOLONG)? = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::PathBuf;

    use super::*;
    use crate::launch::noted::Noted;

    /// Nothing is noted.
    fn inside(root: &OwnedFd) -> Inside<'_> {
        Inside { root: root.as_fd(), mount: Box::leak(Box::default()), noted: Noted(&[]) }
    }

    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Tree {
            let path = std::env::temp_dir().join(format!("isolab-resolve-{}-{name}", std::process::id()));
            std::fs::create_dir_all(path.join("root")).unwrap();
            Tree(path)
        }

        fn root(&self) -> OwnedFd {
            std::fs::File::open(self.0.join("root")).unwrap().into()
        }

        fn link(&self, target: &str, name: &str) {
            symlink(target, self.0.join("root").join(name)).unwrap();
        }

        /// Whether what was opened is this path below the root.
        fn is(&self, open: &OwnedFd, path: &str) -> bool {
            let there = std::fs::metadata(self.0.join("root").join(path)).unwrap();
            std::fs::File::from(open.try_clone().unwrap()).metadata().unwrap().ino() == there.ino()
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn what_is_missing_below_a_link_is_made_where_it_leads() {
        let tree = Tree::new("below");
        std::fs::create_dir(tree.0.join("root/run")).unwrap();
        tree.link("/run", "var");
        let root = tree.root();
        let made = directory(inside(&root), c"/var/a/b", Links::Follow).unwrap();
        assert!(tree.is(&made, "run/a/b"));
        let made = file(inside(&root), c"/var/a/f").unwrap();
        assert!(tree.is(&made, "run/a/f"));
    }

    #[test]
    fn links_that_lead_nowhere_are_followed_inside_the_root() {
        let tree = Tree::new("dangling");
        std::fs::create_dir(tree.0.join("root/etc")).unwrap();
        tree.link("../run/stub/resolv.conf", "etc/resolv.conf");
        tree.link("/deep/down", "up");
        tree.link("../../../outside", "etc/out");
        let root = tree.root();
        assert!(tree.is(&file(inside(&root), c"/etc/resolv.conf").unwrap(), "run/stub/resolv.conf"));
        assert!(tree.is(&directory(inside(&root), c"/up/x", Links::Follow).unwrap(), "deep/down/x"));
        assert!(tree.is(&directory(inside(&root), c"/etc/out", Links::Follow).unwrap(), "outside"));
        assert!(!tree.0.join("outside").exists());
    }

    #[test]
    fn loops_and_refused_links_are_errors() {
        let tree = Tree::new("loops");
        tree.link("b", "a");
        tree.link("a", "b");
        tree.link("./grow/x", "grow");
        tree.link("/none", "none-yet");
        let root = tree.root();
        let errno = |path, links| directory(inside(&root), path, links).map(drop).unwrap_err();
        assert_eq!(errno(c"/a/x", Links::Follow), Errno::ELOOP);
        assert_eq!(errno(c"/grow/x", Links::Follow), Errno::ELOOP);
        assert_eq!(errno(c"/none-yet", Links::Refuse), Errno::ELOOP);
        assert_eq!(errno(c"/none-yet/x", Links::Refuse), Errno::ELOOP);
    }

    #[test]
    fn names_of_every_length_are_made_or_refused() {
        let tree = Tree::new("names");
        let root = tree.root();
        let path = |length| std::ffi::CString::new(format!("/d/{}/f", "n".repeat(length))).unwrap();
        assert!(directory(inside(&root), &path(255), Links::Follow).is_ok());
        assert_eq!(
            directory(inside(&root), &path(256), Links::Follow).map(drop).unwrap_err(),
            Errno::ENAMETOOLONG
        );
        let deep = std::ffi::CString::new("/n".repeat(1000)).unwrap();
        assert!(file(inside(&root), &deep).is_ok());
        let never = |_: BorrowedFd<'_>, _: &CStr| Ok(());
        assert_eq!(with_parent(inside(&root), c"/d/..", never), Err(Errno::EINVAL));
        assert_eq!(with_parent(inside(&root), c"///", never), Err(Errno::EINVAL));
    }
}
