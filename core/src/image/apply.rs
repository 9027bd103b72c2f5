//! A layer's entries, made in a tree (the image-spec's `layer.md`).
//!
//! Two forms. *Flat*: layers go one over another into one root; a whiteout removes what lower layers have. *Overlay*:
//! one layer alone, whiteouts as the kernel's overlay wants them (overlayfs.rst): the character device 0:0, or, where
//! that cannot be made, an empty file with an attribute.
//!
//! A layer alone is what its archive holds: where a lower layer has a link and this one a path through it, the
//! overlay has a directory in the link's place (so it is with docker's overlay2), and the flat form follows the link.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};

use super::error::{Problem, shown};
use super::limits::Budget;
use super::tape::{Entry, Kind};
use super::tree::{Attributes, InTheWay, Place, Tree};
use super::whiteout::{self, Form, Name};
use crate::planted::planted;
use crate::sys::tree::{self, Stat};
use crate::sys::{Errno, fs};

/// Notes that are kept of one image.
const MOST_NOTES: usize = 50;

/// Makes entries in a tree.
pub(super) struct Applier {
    pub(super) tree: Tree,
    form: Form,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

impl Applier {
    pub(super) fn new(tree: Tree, form: Form) -> Applier {
        Applier { tree, form, notes: Vec::new() }
    }

    /// Makes one entry; its data comes from `data`.
    pub(super) fn apply(
        &mut self,
        entry: &Entry,
        data: &mut impl Read,
        budget: &mut Budget,
    ) -> Result<(), Problem> {
        let components = components(&entry.name)?;
        let components: Vec<&CStr> = components.iter().map(CString::as_c_str).collect();
        let Some((name, parents)) = components.split_last() else { return self.root(entry) };
        match whiteout::name(&components)? {
            Name::Reserved => {
                self.note(entry, "a file of AUFS's own is left out");
                return Ok(());
            }
            Name::Opaque => {
                let place = self.parent(parents, entry.mtime, budget)?;
                return whiteout::make_opaque(self.form, &mut self.tree, &place);
            }
            Name::Whiteout(hidden) => {
                budget.take(0)?;
                return self.whiteout(parents, &hidden, entry.mtime, budget);
            }
            Name::Plain => {}
        }
        budget.take(entry.size)?;
        let parent = self.parent(parents, entry.mtime, budget)?;
        let path = parent.join(name);
        self.tree.check(&path)?;
        let there = self.tree.stat(&parent, name)?;
        if entry.kind == Kind::Directory {
            self.directory(entry, &parent, name, there)?;
        } else {
            self.other(entry, &parent, name, there, data)?;
        }
        if entry.kind != Kind::HardLink || !planted("link-not-of-this-layer") {
            self.tree.note(path);
        }
        Ok(())
    }

    /// An entry for the root itself.
    fn root(&mut self, entry: &Entry) -> Result<(), Problem> {
        if entry.kind != Kind::Directory {
            return Err(Problem::refused("the root is to be something else than a directory"));
        }
        let place = self.tree.root()?;
        self.tree.set_directory(Vec::new(), attributes(entry));
        self.directory_xattrs(entry, &place)
    }

    fn parent(
        &mut self,
        parents: &[&CStr],
        mtime: (i64, i64),
        budget: &mut Budget,
    ) -> Result<Place, Problem> {
        let form = self.form;
        let mut clear =
            |tree: &mut Tree, parent: &Place, name: &CStr, stat: &Stat| clear(form, tree, parent, name, stat);
        let mut mark = |tree: &Tree, place: &Place| whiteout::mark_opaque(form, tree, place);
        self.tree.make_parent(parents, mtime, budget, &mut clear, &mut mark)
    }

    fn whiteout(
        &mut self,
        parents: &[&CStr],
        hidden: &CStr,
        mtime: (i64, i64),
        budget: &mut Budget,
    ) -> Result<(), Problem> {
        if self.form == Form::Flat {
            // Nothing below a directory that is not there, and none is made for it.
            let Some(parent) = self.tree.find(parents)? else { return Ok(()) };
            let path = parent.join(hidden);
            return self.tree.remove_lower(&path);
        }
        let parent = self.parent(parents, mtime, budget)?;
        self.tree.check(&parent.join(hidden))?;
        whiteout::make(self.form, &mut self.tree, &parent, hidden)
    }

    fn directory(
        &mut self,
        entry: &Entry,
        parent: &Place,
        name: &CStr,
        there: Option<Stat>,
    ) -> Result<(), Problem> {
        let path = parent.join(name);
        let mut hides = false;
        if let Some(stat) = there.filter(|stat| !stat.is_dir()) {
            hides = self.form.is_overlay() && whiteout::is_one(self.form, parent, name, &stat);
            self.tree.remove(&path)?;
        }
        let place = match there {
            Some(stat) if stat.is_dir() => {
                self.tree.set_directory(path.clone(), attributes(entry));
                let dir = self.tree.reopen(&path)?;
                Place { dir, path }
            }
            _ => self.tree.make_directory(parent, name, attributes(entry))?,
        };
        self.directory_xattrs(entry, &place)?;
        if hides { whiteout::mark_opaque(self.form, &self.tree, &place) } else { Ok(()) }
    }

    fn directory_xattrs(&mut self, entry: &Entry, place: &Place) -> Result<(), Problem> {
        let dir = self.tree.reopen(&place.path)?;
        self.clear_xattrs(dir.as_fd())?;
        self.xattrs(entry, dir.as_fd())
    }

    /// What is no directory, in the place of whatever is there.
    fn other(
        &mut self,
        entry: &Entry,
        parent: &Place,
        name: &CStr,
        there: Option<Stat>,
        data: &mut impl Read,
    ) -> Result<(), Problem> {
        let path = parent.join(name);
        let dir = parent.dir.as_fd();
        if entry.kind == Kind::HardLink {
            return self.hard_link(entry, parent, name, there);
        }
        if there.is_some() {
            self.tree.remove(&path)?;
        }
        match entry.kind {
            Kind::File => return self.file(entry, parent, name, data),
            Kind::Symlink => {
                let target = CString::new(entry.link.as_slice())
                    .map_err(|_| Problem::refused("a link to a name with a NUL in it"))?;
                fs::symlinkat(&target, dir, name)
                    .map_err(|errno| Problem::system(format!("make the link {}", shown(&path)), errno))?;
                if self.tree.owners() {
                    let given = fs::chown_at(dir, name, entry.uid, entry.gid);
                    given.map_err(|errno| Problem::system(format!("give {} away", shown(&path)), errno))?;
                }
            }
            _ => {
                if !self.node(entry, parent, name)? {
                    return Ok(());
                }
            }
        }
        if !entry.xattrs.is_empty() {
            self.note(entry, "extended attributes of what is neither file nor directory are left out");
        }
        self.tree.stamp(dir, name, &path, entry.mtime)
    }

    fn file(
        &mut self,
        entry: &Entry,
        parent: &Place,
        name: &CStr,
        data: &mut impl Read,
    ) -> Result<(), Problem> {
        let path = parent.join(name);
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
        let fd = fs::openat(parent.dir.as_fd(), name, flags, 0o600)
            .map_err(|errno| Problem::system(format!("make the file {}", shown(&path)), errno))?;
        let mut file = File::from(fd);
        let written = match &entry.pieces {
            None => io::copy(data, &mut file).map(|_| ()),
            Some(pieces) => write_pieces(&mut file, data, pieces, entry.size),
        };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Problem::format("the archive ends within its data"),
            _ => Problem::io(format!("write {}", shown(&path)), error),
        })?;
        self.tree.give(file.as_fd(), &path, &attributes(entry))?;
        // After the owner, whose change removes capabilities (capabilities(7)).
        self.xattrs(entry, file.as_fd())?;
        self.tree.stamp(file.as_fd(), c"", &path, entry.mtime)
    }

    /// A FIFO or a device node; `false` when it is left out.
    fn node(&mut self, entry: &Entry, parent: &Place, name: &CStr) -> Result<bool, Problem> {
        let path = parent.join(name);
        let kind = match entry.kind {
            Kind::Fifo => libc::S_IFIFO,
            Kind::Block => libc::S_IFBLK,
            _ if entry.device == 0 => {
                return Err(Problem::refused("the character device 0:0, which overlay takes for a whiteout"));
            }
            _ => libc::S_IFCHR,
        };
        if kind != libc::S_IFIFO && !self.tree.owners() {
            self.note(entry, "a device node is left out: only root can make it");
            return Ok(false);
        }
        let dir = parent.dir.as_fd();
        let failed = |errno| Problem::system(format!("make the node {}", shown(&path)), errno);
        fs::mknodat(dir, name, kind | 0o600, entry.device).map_err(failed)?;
        let node = fs::openat(dir, name, libc::O_PATH | libc::O_NOFOLLOW, 0).map_err(failed)?;
        if self.tree.owners() {
            fs::chown_at(dir, name, entry.uid, entry.gid).map_err(failed)?;
        }
        tree::chmod_path_fd(node.as_fd(), entry.mode).map_err(failed)?;
        Ok(true)
    }

    /// Links to what is in this tree, never through a link: what both names then are was there before.
    fn hard_link(
        &mut self,
        entry: &Entry,
        parent: &Place,
        name: &CStr,
        there: Option<Stat>,
    ) -> Result<(), Problem> {
        let target = components(&entry.link)?;
        let target: Vec<&CStr> = target.iter().map(CString::as_c_str).collect();
        let missing = || {
            let what = shown(&entry.link);
            let remedy = if self.form.is_overlay() {
                "which is not in this layer: an overlay cannot link to a lower layer, unpack the image flat"
            } else {
                "which is not there"
            };
            Problem::format(format!("a hard link to {what}, {remedy}"))
        };
        let (target_name, parents) = target.split_last().ok_or_else(missing)?;
        let from = self.tree.find(parents)?.ok_or_else(missing)?;
        let stat = self.tree.stat(&from, target_name)?.ok_or_else(missing)?;
        if stat.is_dir() {
            return Err(Problem::refused("a hard link to a directory"));
        }
        if whiteout::is_one(self.form, &from, target_name, &stat) {
            return Err(missing());
        }
        // A writer may list a name twice, the second time as a link to the first.
        if there.is_some_and(|there| there.inode == stat.inode) {
            return Ok(());
        }
        if there.is_some() {
            self.tree.remove(&parent.join(name))?;
        }
        tree::link_at(from.dir.as_fd(), target_name, parent.dir.as_fd(), name)
            .map_err(|errno| Problem::system(format!("link it to {}", shown(&entry.link)), errno))
    }

    fn xattrs(&mut self, entry: &Entry, fd: BorrowedFd<'_>) -> Result<(), Problem> {
        for (name, value) in &entry.xattrs {
            let text = String::from_utf8_lossy(name).into_owned();
            if !is_taken(&text) {
                self.note(entry, &format!("the attribute {text} is left out: it belongs to the host"));
                continue;
            }
            let key = CString::new(name.as_slice())
                .map_err(|_| Problem::refused("an attribute's name with a NUL in it"))?;
            match tree::set_xattr(fd, &key, value) {
                Ok(()) => {}
                Err(Errno::EOPNOTSUPP) if text.starts_with("user.") => {
                    self.note(
                        entry,
                        &format!("the attribute {text} is left out: no support on this file system"),
                    );
                }
                Err(Errno::EPERM) if !self.tree.owners() => {
                    self.note(entry, &format!("the attribute {text} is left out: only root can set it"));
                }
                Err(errno) => return Err(Problem::system(format!("set its attribute {text}"), errno)),
            }
        }
        Ok(())
    }

    /// Takes from a directory what a lower layer gave it; marks of overlay's stay.
    fn clear_xattrs(&mut self, fd: BorrowedFd<'_>) -> Result<(), Problem> {
        let mut buffer = [0u8; 1 << 12];
        let names = match tree::list_xattrs(fd, &mut buffer) {
            Ok(names) => names.to_owned(),
            Err(Errno::EOPNOTSUPP) => return Ok(()),
            Err(errno) => return Err(Problem::system("list its attributes", errno)),
        };
        for name in names.split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            if is_taken(&name.to_string_lossy()) {
                tree::remove_xattr(fd, name)
                    .map_err(|errno| Problem::system(format!("remove its attribute {name:?}"), errno))?;
            }
        }
        Ok(())
    }

    fn note(&mut self, entry: &Entry, what: &str) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(format!("{}: {what}", shown(&entry.name)));
        }
    }
}

/// What is in the way of a directory that an entry is in.
fn clear(form: Form, tree: &mut Tree, parent: &Place, name: &CStr, stat: &Stat) -> Result<InTheWay, Problem> {
    let path = parent.join(name);
    let whiteout = whiteout::is_one(form, parent, name, stat);
    if !whiteout && (form.is_overlay() || tree.is_made(&path)) {
        return Ok(InTheWay::Keep);
    }
    tree.remove(&path)?;
    Ok(InTheWay::Removed { opaque: whiteout })
}

/// Whether an attribute of an image is taken over. Labels, overlay's marks and what the kernel trusts are the host's.
fn is_taken(name: &str) -> bool {
    let user = name.starts_with("user.") && !name.starts_with("user.overlay.");
    let acl = ["system.posix_acl_access", "system.posix_acl_default"].contains(&name);
    user || acl || name == "security.capability"
}

fn attributes(entry: &Entry) -> Attributes {
    Attributes { mode: entry.mode, uid: entry.uid, gid: entry.gid, mtime: entry.mtime }
}

/// The components of a name. A leading slash is the root's; `..` is refused, which no honest layer has.
fn components(name: &[u8]) -> Result<Vec<CString>, Problem> {
    let mut components = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if !components.is_empty() && planted("way-up-within-the-root") => drop(components.pop()),
            b".." => return Err(Problem::refused(format!("{} goes up", shown(name)))),
            _ => {
                components.push(CString::new(part).map_err(|_| Problem::refused("a name with a NUL in it"))?)
            }
        }
    }
    Ok(components)
}

fn write_pieces(file: &mut File, data: &mut impl Read, pieces: &[(u64, u64)], size: u64) -> io::Result<()> {
    for (offset, length) in pieces {
        file.seek(SeekFrom::Start(*offset))?;
        let copied = io::copy(&mut data.take(*length), file)?;
        if copied != *length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    file.flush()?;
    file.set_len(size)
}
