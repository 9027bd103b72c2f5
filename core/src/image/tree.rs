//! The tree that is unpacked into: everything goes through descriptors below its root.
//!
//! Parents are resolved with `openat2(2)` inside the root, so a link in a parent leads to what it would lead to in the
//! container; the last component of a name is never followed. What is made is kept by the path that the kernel shows of
//! its parent (`/proc/self/fd`), which has no links in it, so that two names of one object are one.
//!
//! Directories get their owner, permissions and times at the end, when nothing is made in them any more.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::error::{Problem, shown};
use super::limits::Budget;
use crate::planted::planted;
use crate::sys::tree::{self, Stat};
use crate::sys::{Errno, fs};

const DIRECTORY: i32 = libc::O_PATH | libc::O_DIRECTORY;
/// As the container would resolve it.
const INSIDE: u64 = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
/// For paths that the kernel has shown, which have no links.
const EXACT: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS;

/// Owner, permissions and time of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: (i64, i64),
}

/// An open directory and its path from the root, without links, `.` and slashes around it; empty for the root.
pub(super) struct Place {
    pub(super) dir: OwnedFd,
    pub(super) path: Vec<u8>,
}

impl Place {
    /// The path of a name in it.
    pub(super) fn join(&self, name: &CStr) -> Vec<u8> {
        join(&self.path, name.to_bytes())
    }
}

/// What to do about a parent directory that something else is in the way of.
pub(super) enum InTheWay {
    /// It cannot be removed: fail.
    Keep,
    /// It was removed; the directory that replaces it hides what is below it.
    Removed { opaque: bool },
}

/// Asked about what stands in a directory under a name and is no directory itself.
pub(super) type Clear<'c> = dyn FnMut(&mut Tree, &Place, &CStr, &Stat) -> Result<InTheWay, Problem> + 'c;

/// A tree under construction.
pub(super) struct Tree {
    root: OwnedFd,
    /// What `/proc/self/fd` shows of the root.
    base: Vec<u8>,
    /// What directories are to be at the end. All directories of the tree are in it: it starts empty.
    directories: BTreeMap<Vec<u8>, Attributes>,
    /// What the present layer has made.
    made: HashSet<Vec<u8>>,
    longest: usize,
    /// Whether owners are set: only root can.
    owners: bool,
}

impl Tree {
    /// In an empty directory.
    pub(super) fn new(root: OwnedFd, owners: bool, budget: &Budget) -> Result<Tree, Problem> {
        let base = tree::place(root.as_fd())
            .map_err(|errno| Problem::system("read where /proc/self/fd says the root is", errno))?;
        let longest = usize::try_from(budget.limits.name).unwrap_or(usize::MAX);
        let longest = longest.min((libc::PATH_MAX as usize).saturating_sub(base.len() + 1));
        let mut directories = BTreeMap::new();
        directories.insert(Vec::new(), Attributes { mode: 0o755, uid: 0, gid: 0, mtime: (0, 0) });
        Ok(Tree { root, base, directories, made: HashSet::new(), longest, owners })
    }

    pub(super) fn owners(&self) -> bool {
        self.owners
    }

    /// Forgets what the layer before has made: to the next it is lower.
    pub(super) fn begin_layer(&mut self) {
        self.made.clear();
    }

    /// Notes that the present layer has made something.
    pub(super) fn note(&mut self, path: Vec<u8>) {
        self.made.insert(path);
    }

    /// Whether the present layer has made it.
    pub(super) fn is_made(&self, path: &[u8]) -> bool {
        self.made.contains(path)
    }

    /// What a directory is to be at the end.
    pub(super) fn set_directory(&mut self, path: Vec<u8>, attributes: Attributes) {
        self.directories.insert(path, attributes);
    }

    /// The root itself.
    pub(super) fn root(&self) -> Result<Place, Problem> {
        let dir = self.root.try_clone().map_err(|error| Problem::io("duplicate the root", error))?;
        Ok(Place { dir, path: Vec::new() })
    }

    /// Opens the directory that components lead to; `None` where it or a part of the way is not there.
    pub(super) fn find(&self, components: &[&CStr]) -> Result<Option<Place>, Problem> {
        match self.open(components) {
            Ok(dir) => self.place(dir, components).map(Some),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(Problem::system(format!("open the directory {}", spelt(components)), errno)),
        }
    }

    /// Opens the directory that components lead to, and makes what is missing of it. `clear` is asked about what is
    /// no directory.
    pub(super) fn make_parent(
        &mut self,
        components: &[&CStr],
        mtime: (i64, i64),
        budget: &mut Budget,
        clear: &mut Clear<'_>,
        mark: &mut dyn FnMut(&Tree, &Place) -> Result<(), Problem>,
    ) -> Result<Place, Problem> {
        if let Some(place) = self.find(components)? {
            return Ok(place);
        }
        let mut parent = self.root()?;
        for (index, name) in components.iter().enumerate() {
            let way = components.get(..=index).unwrap_or_default();
            if let Some(found) = self.find(way)? {
                parent = found;
                continue;
            }
            let mut opaque = false;
            if let Some(stat) = self.stat(&parent, name)? {
                match clear(self, &parent, name, &stat)? {
                    InTheWay::Keep if stat.mode & libc::S_IFMT == libc::S_IFLNK => {
                        return Err(Problem::refused(format!(
                            "{} is a symbolic link that leads to no directory",
                            spelt(way)
                        )));
                    }
                    InTheWay::Keep => {
                        return Err(Problem::system(format!("go through {}", spelt(way)), Errno::ENOTDIR));
                    }
                    InTheWay::Removed { opaque: hides } => opaque = hides,
                }
            }
            budget.take(0)?;
            let attributes = Attributes { mode: 0o755, uid: 0, gid: 0, mtime };
            parent = self.make_directory(&parent, name, attributes)?;
            if opaque {
                mark(self, &parent)?;
            }
        }
        Ok(parent)
    }

    /// Makes a directory, open to this process alone until the end.
    pub(super) fn make_directory(
        &mut self,
        parent: &Place,
        name: &CStr,
        attributes: Attributes,
    ) -> Result<Place, Problem> {
        let path = parent.join(name);
        self.check(&path)?;
        fs::mkdirat(parent.dir.as_fd(), name, 0o700)
            .map_err(|errno| Problem::system(format!("make the directory {}", shown(&path)), errno))?;
        let dir = self.exact(&path, DIRECTORY)?;
        self.directories.insert(path.clone(), attributes);
        Ok(Place { dir, path })
    }

    /// Reopens a directory so that it can be read and given attributes.
    pub(super) fn reopen(&self, path: &[u8]) -> Result<OwnedFd, Problem> {
        self.exact(path, libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW)
    }

    /// What is at a name; `None` for nothing.
    pub(super) fn stat(&self, parent: &Place, name: &CStr) -> Result<Option<Stat>, Problem> {
        match tree::stat_at(parent.dir.as_fd(), name) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(Problem::system(format!("stat {}", shown(&parent.join(name))), errno)),
        }
    }

    /// Removes what is at a path, with everything below it.
    pub(super) fn remove(&mut self, path: &[u8]) -> Result<(), Problem> {
        self.remove_where(path, &mut |_| true).map(|_| ())
    }

    /// Removes what lower layers have at a path and below it. What the present layer has made stays, with the
    /// directories on the way to it.
    pub(super) fn remove_lower(&mut self, path: &[u8]) -> Result<(), Problem> {
        let made = std::mem::take(&mut self.made);
        let result = self.remove_where(path, &mut |path| !made.contains(path));
        self.made = made;
        result.map(|_| ())
    }

    /// Removes lower content of a directory, but not the directory.
    pub(super) fn empty_lower(&mut self, place: &Place) -> Result<(), Problem> {
        for name in self.list(&place.path)? {
            let path = place.join(&name);
            match planted("opaque-hides-its-own-layer") {
                true => self.remove(&path)?,
                false => self.remove_lower(&path)?,
            }
        }
        Ok(())
    }

    fn remove_where(&mut self, path: &[u8], goes: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Problem> {
        let directories = &mut self.directories;
        remove_below(self.root.as_fd(), path, goes, &mut |path| {
            directories.remove(path);
        })
    }

    fn list(&self, path: &[u8]) -> Result<Vec<CString>, Problem> {
        list_below(self.root.as_fd(), path)
    }

    /// Gives all directories what they are to be. The innermost first: one may be closed even to its owner.
    pub(super) fn finish(&mut self) -> Result<(), Problem> {
        for (path, attributes) in self.directories.iter().rev() {
            let dir = self.reopen(path)?;
            self.give(dir.as_fd(), path, attributes)?;
            self.stamp(dir.as_fd(), c"", path, attributes.mtime)?;
        }
        Ok(())
    }

    /// Owner and permissions, in this order: a change of owner takes set-user-id away (`chown(2)`).
    pub(super) fn give(
        &self,
        fd: BorrowedFd<'_>,
        path: &[u8],
        attributes: &Attributes,
    ) -> Result<(), Problem> {
        if self.owners {
            let (uid, gid) = (attributes.uid, attributes.gid);
            tree::chown(fd, uid, gid).map_err(|errno| {
                Problem::system(format!("give {} to {uid}:{gid}", name_or_root(path)), errno)
            })?;
        }
        tree::chmod(fd, attributes.mode).map_err(|errno| {
            let operation = format!("set mode {:04o} of {}", attributes.mode, name_or_root(path));
            Problem::system(operation, errno)
        })
    }

    /// The time of last modification, of a name or of the descriptor itself.
    pub(super) fn stamp(
        &self,
        fd: BorrowedFd<'_>,
        name: &CStr,
        path: &[u8],
        mtime: (i64, i64),
    ) -> Result<(), Problem> {
        tree::set_mtime_at(fd, name, mtime)
            .map_err(|errno| Problem::system(format!("set the time of {}", name_or_root(path)), errno))
    }

    fn open(&self, components: &[&CStr]) -> Result<OwnedFd, Errno> {
        if components.is_empty() {
            return fs::openat2(self.root.as_fd(), c".", DIRECTORY, EXACT);
        }
        let path = components.iter().map(|component| component.to_bytes()).collect::<Vec<_>>().join(&b'/');
        let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
        fs::openat2(self.root.as_fd(), &path, DIRECTORY, INSIDE)
    }

    fn exact(&self, path: &[u8], flags: i32) -> Result<OwnedFd, Problem> {
        open_below(self.root.as_fd(), path, flags)
    }

    fn place(&self, dir: OwnedFd, components: &[&CStr]) -> Result<Place, Problem> {
        let operation = || format!("read where /proc/self/fd says {} is", spelt(components));
        let shown = tree::place(dir.as_fd()).map_err(|errno| Problem::system(operation(), errno))?;
        let below = shown.strip_prefix(self.base.as_slice()).map(|rest| (rest.first(), rest));
        match below {
            Some((None, _)) => Ok(Place { dir, path: Vec::new() }),
            Some((Some(b'/'), rest)) => Ok(Place { dir, path: rest.get(1..).unwrap_or_default().to_owned() }),
            // Cannot be, unless somebody moves the tree away under us.
            _ => Err(Problem::refused(format!("{} has left the root", spelt(components)))),
        }
    }

    /// Links can lead deeper than names are long; whatever is made must fit into a path.
    pub(super) fn check(&self, path: &[u8]) -> Result<(), Problem> {
        match path.len() > self.longest {
            true => Err(Problem::Limit { what: "bytes in a path", limit: self.longest as u64 }),
            false => Ok(()),
        }
    }
}

/// Removes what is at a path below `root`, as far as `goes` says so of it, and tells `removed` of each directory. A
/// directory in which something stays does too.
///
/// Walks down without recursion and with two descriptors at a time: trees may be as deep as a path is long.
pub(super) fn remove_below(
    root: BorrowedFd<'_>,
    path: &[u8],
    goes: &mut dyn FnMut(&[u8]) -> bool,
    removed: &mut dyn FnMut(&[u8]),
) -> Result<(), Problem> {
    // Each directory is met twice: on the way down, and once its content has been seen to.
    let mut left = vec![(path.to_owned(), false)];
    while let Some((path, emptied)) = left.pop() {
        let (parent, name) = split(&path);
        let (parent, name) = (open_below(root, parent, DIRECTORY)?, c_string(name)?);
        let failed = |errno| Problem::system(format!("remove {}", shown(&path)), errno);
        if emptied {
            match tree::rmdir_at(parent.as_fd(), &name) {
                Ok(()) => removed(&path),
                // Something in it stays.
                Err(Errno::ENOTEMPTY) => {}
                Err(errno) => return Err(failed(errno)),
            }
            continue;
        }
        match tree::stat_at(parent.as_fd(), &name) {
            Ok(stat) if stat.is_dir() => {
                if goes(&path) {
                    left.push((path.clone(), true));
                }
                for child in list_below(root, &path)? {
                    left.push((join(&path, child.to_bytes()), false));
                }
            }
            Ok(_) if goes(&path) => tree::unlink_at(parent.as_fd(), &name).map_err(failed)?,
            Ok(_) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(())
}

fn list_below(root: BorrowedFd<'_>, path: &[u8]) -> Result<Vec<CString>, Problem> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let dir = open_below(root, path, flags)?;
    tree::list(dir.as_fd())
        .map_err(|errno| Problem::system(format!("list the directory {}", name_or_root(path)), errno))
}

fn open_below(root: BorrowedFd<'_>, path: &[u8], flags: i32) -> Result<OwnedFd, Problem> {
    let text = if path.is_empty() { c".".to_owned() } else { c_string(path)? };
    let opened = match fs::openat2(root, &text, flags, EXACT) {
        // A directory that an image closes even to its owner, about to be removed.
        Err(Errno::EACCES) => fs::openat2(root, &text, DIRECTORY, EXACT)
            .and_then(|dir| tree::chmod_path_fd(dir.as_fd(), 0o700))
            .and_then(|()| fs::openat2(root, &text, flags, EXACT)),
        other => other,
    };
    opened.map_err(|errno| Problem::system(format!("open the directory {}", name_or_root(path)), errno))
}

fn join(parent: &[u8], name: &[u8]) -> Vec<u8> {
    if parent.is_empty() { name.to_owned() } else { [parent, name].join(&b'/') }
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default()),
        None => (&[], path),
    }
}

fn c_string(bytes: &[u8]) -> Result<CString, Problem> {
    CString::new(bytes).map_err(|_| Problem::refused("a name with a NUL in it"))
}

fn spelt(components: &[&CStr]) -> String {
    let path: Vec<&[u8]> = components.iter().map(|component| component.to_bytes()).collect();
    name_or_root(&path.join(&b'/'))
}

fn name_or_root(path: &[u8]) -> String {
    if path.is_empty() { "the root".into() } else { shown(path) }
}
