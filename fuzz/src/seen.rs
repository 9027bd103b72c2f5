//! A tree of files as it is seen from outside.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use isolab_core::sys::{Errno, tree};

/// What a name shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) ids: (u32, u32),
    pub(crate) mtime: (i64, i64),
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
    /// The first of the names of the same file.
    pub(crate) first: Vec<u8>,
}

/// What it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File(Vec<u8>),
    Symlink(Vec<u8>),
    Fifo,
    Character(u64),
    Block(u64),
}

impl Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Directory => f.write_str("directory"),
            Kind::File(data) => {
                let start = data.iter().take(12).copied().collect::<Vec<u8>>();
                write!(f, "file of {} bytes, {}…", data.len(), start.escape_ascii())
            }
            Kind::Symlink(to) => write!(f, "link to {}", to.escape_ascii()),
            Kind::Fifo => f.write_str("fifo"),
            Kind::Character(device) => write!(f, "character device {device:#x}"),
            Kind::Block(device) => write!(f, "block device {device:#x}"),
        }
    }
}

/// Names by path below a root, which is the empty name.
pub(crate) type List = BTreeMap<Vec<u8>, Seen>;

/// Everything below a directory, and itself. What is listed and cannot be found is not there: an overlay lists the whiteouts of
/// directories that it need not merge.
pub(crate) fn walk(root: &Path) -> List {
    let mut list: BTreeMap<Vec<u8>, (Seen, u64)> = BTreeMap::new();
    let mut firsts = BTreeMap::new();
    let mut ahead = vec![Vec::new()];
    while let Some(name) = ahead.pop() {
        let path = root.join(Path::new(std::ffi::OsStr::from_bytes(&name)));
        let Some((seen, inode)) = look(&path, &name) else { continue };
        if seen.kind == Kind::Directory {
            let entries = fs::read_dir(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            for entry in entries.unwrap_or_else(|error| panic!("list {}: {error}", path.display())) {
                let below = entry.file_name();
                let slash: &[u8] = if name.is_empty() { b"" } else { b"/" };
                ahead.push([&name, slash, below.as_bytes()].concat());
            }
        } else {
            let first: &mut Vec<u8> = firsts.entry(inode).or_insert_with(|| name.clone());
            if name < *first {
                first.clone_from(&name);
            }
        }
        list.insert(name, (seen, inode));
    }
    list.into_iter()
        .map(|(name, (mut seen, inode))| {
            if let Some(first) = firsts.get(&inode) {
                seen.first.clone_from(first);
            }
            (name, seen)
        })
        .collect()
}

/// What is at a path, and its inode.
fn look(path: &Path, name: &[u8]) -> Option<(Seen, u64)> {
    let failed = |error| -> ! { panic!("look at {}: {error}", path.display()) };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !name.is_empty() => return None,
        other => other.unwrap_or_else(|error| failed(error)),
    };
    let kind = match metadata.mode() & libc::S_IFMT {
        libc::S_IFDIR => Kind::Directory,
        libc::S_IFREG => Kind::File(fs::read(path).unwrap_or_else(|error| failed(error))),
        libc::S_IFLNK => {
            let to = fs::read_link(path).unwrap_or_else(|error| failed(error));
            Kind::Symlink(to.as_os_str().as_bytes().to_vec())
        }
        libc::S_IFIFO => Kind::Fifo,
        libc::S_IFCHR => Kind::Character(metadata.rdev()),
        libc::S_IFBLK => Kind::Block(metadata.rdev()),
        other => panic!("{} is of type {other:o}", path.display()),
    };
    let xattrs = match kind {
        Kind::Directory | Kind::File(_) => xattrs(path),
        _ => BTreeMap::new(),
    };
    let seen = Seen {
        kind,
        mode: metadata.mode() & 0o7777,
        ids: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        xattrs,
        first: name.to_vec(),
    };
    Some((seen, metadata.ino()))
}

fn xattrs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let failed = |errno: Errno| -> ! { panic!("attributes of {}: {errno}", path.display()) };
    let file = File::open(path).unwrap_or_else(|error| panic!("open {}: {error}", path.display()));
    let mut buffer = [0u8; 4096];
    let names = tree::list_xattrs(file.as_fd(), &mut buffer).unwrap_or_else(|errno| failed(errno)).to_vec();
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let text = CString::new(name).unwrap_or_default();
            let mut value = [0u8; 4096];
            let value =
                tree::get_xattr(file.as_fd(), &text, &mut value).unwrap_or_else(|errno| failed(errno));
            (String::from_utf8_lossy(name).into_owned(), value.to_vec())
        })
        .collect()
}

/// That two lists are the same.
pub(crate) fn same(found: &List, wanted: &List, input: &dyn Debug) {
    let mut names: Vec<&Vec<u8>> = found.keys().chain(wanted.keys()).collect();
    names.sort();
    for name in names {
        let (found, wanted) = (found.get(name), wanted.get(name));
        assert!(
            found == wanted,
            "{:?}:\n is      {found:?}\n must be {wanted:?}\nof {input:#?}",
            String::from_utf8_lossy(name)
        );
    }
}
