//! The oracle: a file system in memory that begins as the union of the layers (`overlayfs.rst`), with the manual pages'
//! results for each operation.

mod look;
mod rename;
mod union;

use std::collections::{BTreeMap, VecDeque};

use super::input::Op;

/// An errno.
pub(crate) type Error = i32;
type Result<T> = std::result::Result<T, Error>;

/// What an operation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Data(Vec<u8>),
    Names(Vec<String>),
}

/// A file, directory or symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) what: What,
    pub(crate) mode: u32,
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Directory {
        names: BTreeMap<String, usize>,
        /// A lower layer has a part in it: it can only be moved by a redirect.
        lower: bool,
    },
    File(Vec<u8>),
    Symlink(String),
}

/// The file system; its root is the first node.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    nodes: Vec<Node>,
    read_only: bool,
    /// Directories of lower layers can be moved.
    redirect: bool,
}

/// Where a path leads: what is there, if it is there, and the directory that it would be in.
#[derive(Debug, Clone)]
struct Spot {
    parent: usize,
    name: String,
    node: Option<usize>,
    /// The directories on the way, the root first, and the parent last.
    way: Vec<usize>,
}

impl Model {
    fn names(&mut self, directory: usize) -> &mut BTreeMap<String, usize> {
        match &mut self.nodes[directory].what {
            What::Directory { names, .. } => names,
            other => panic!("{other:?} is no directory"),
        }
    }

    /// `path_resolution(7)`.
    fn find(&self, path: &str, follow: bool) -> Result<Spot> {
        let mut ahead: VecDeque<String> = path.split('/').map(str::to_owned).collect();
        let (mut way, mut links) = (vec![0], 0);
        while let Some(name) = ahead.pop_front() {
            let parent = *way.last().unwrap_or(&0);
            let What::Directory { names, .. } = &self.nodes[parent].what else { return Err(libc::ENOTDIR) };
            let node = names.get(&name).copied();
            let last = ahead.is_empty();
            match node.map(|node| &self.nodes[node].what) {
                Some(What::Symlink(to)) if !last || follow => {
                    links += 1;
                    if links > 40 {
                        return Err(libc::ELOOP);
                    }
                    for part in to.split('/').rev() {
                        ahead.push_front(part.to_owned());
                    }
                }
                _ if last => return Ok(Spot { parent, name, node, way }),
                None => return Err(libc::ENOENT),
                Some(_) => way.extend(node),
            }
        }
        Err(libc::ENOENT)
    }

    fn there(&self, path: &str, follow: bool) -> Result<usize> {
        self.find(path, follow)?.node.ok_or(libc::ENOENT)
    }

    fn writable(&self) -> Result<()> {
        if self.read_only { Err(libc::EROFS) } else { Ok(()) }
    }

    fn add(&mut self, spot: &Spot, what: What, mode: u32) {
        let node = self.nodes.len();
        self.nodes.push(Node { what, mode, xattrs: BTreeMap::new() });
        self.names(spot.parent).insert(spot.name.clone(), node);
    }

    /// Where something is to be made.
    fn vacant(&self, path: &str) -> Result<Spot> {
        let spot = self.find(path, false)?;
        match spot.node {
            Some(_) => Err(libc::EEXIST),
            None => self.writable().map(|()| spot),
        }
    }

    /// Opens a file for writing.
    fn file(&mut self, path: &str) -> Result<&mut Vec<u8>> {
        let node = self.there(path, true)?;
        if matches!(self.nodes[node].what, What::Directory { .. }) {
            return Err(libc::EISDIR);
        }
        self.writable()?;
        match &mut self.nodes[node].what {
            What::File(data) => Ok(data),
            other => panic!("{other:?} is no file"),
        }
    }

    /// Does an operation.
    pub(crate) fn apply(&mut self, op: &Op) -> Result<Said> {
        match op {
            Op::Create(path, byte) => {
                let spot = self.vacant(path)?;
                self.add(&spot, What::File(vec![*byte; 3]), 0o644);
            }
            Op::Put(path, byte) => self.put(path, *byte)?,
            Op::Overwrite(path, byte) => {
                let data = self.file(path)?;
                data.resize(data.len().max(2), 0);
                data[..2].fill(*byte);
            }
            Op::Append(path, byte) => self.file(path)?.extend([*byte; 2]),
            Op::Truncate(path, length) => self.file(path)?.resize(*length as usize, 0),
            Op::Empty(path) => self.file(path)?.clear(),
            Op::Mkdir(path, mode) => {
                let spot = self.vacant(path)?;
                let what = What::Directory { names: BTreeMap::new(), lower: false };
                self.add(&spot, what, mode & !0o022);
            }
            Op::Symlink(path, to) => {
                let spot = self.vacant(path)?;
                self.add(&spot, What::Symlink((*to).to_owned()), 0o777);
            }
            Op::Rmdir(path) => self.remove(path, true)?,
            Op::Unlink(path) => self.remove(path, false)?,
            Op::Rename(from, to, how) => self.rename(from, to, *how)?,
            Op::Link(from, to) => self.link(from, to)?,
            Op::Chmod(path, mode) => {
                let node = self.there(path, true)?;
                self.writable()?;
                self.nodes[node].mode = *mode;
            }
            Op::Attribute(path, name, value) => {
                let node = self.there(path, true)?;
                self.writable()?;
                self.nodes[node].xattrs.insert((*name).to_owned(), vec![*value]);
            }
            Op::Read(path) => return self.read(path),
            Op::ReadDirectory(path) => return self.list(path),
            Op::ReadLink(path) => {
                return match &self.nodes[self.there(path, false)?].what {
                    What::Symlink(to) => Ok(Said::Data(to.clone().into_bytes())),
                    _ => Err(libc::EINVAL),
                };
            }
        }
        Ok(Said::Nothing)
    }

    fn put(&mut self, path: &str, byte: u8) -> Result<()> {
        let spot = self.find(path, true)?;
        if spot.node.is_none() {
            self.writable()?;
            self.add(&spot, What::File(Vec::new()), 0o644);
        }
        *self.file(path)? = vec![byte; 3];
        Ok(())
    }

    fn remove(&mut self, path: &str, directory: bool) -> Result<()> {
        let spot = self.find(path, false)?;
        self.writable()?;
        let node = spot.node.ok_or(libc::ENOENT)?;
        match (&self.nodes[node].what, directory) {
            (What::Directory { names, .. }, true) if !names.is_empty() => return Err(libc::ENOTEMPTY),
            (What::Directory { .. }, true) => {}
            (What::Directory { .. }, false) => return Err(libc::EISDIR),
            (_, true) => return Err(libc::ENOTDIR),
            _ => {}
        }
        self.names(spot.parent).remove(&spot.name);
        Ok(())
    }

    fn link(&mut self, from: &str, to: &str) -> Result<()> {
        let node = self.there(from, false)?;
        let spot = self.vacant(to)?;
        if matches!(self.nodes[node].what, What::Directory { .. }) {
            return Err(libc::EPERM);
        }
        self.names(spot.parent).insert(spot.name, node);
        Ok(())
    }
}
