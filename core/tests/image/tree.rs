//! What a tree of files is, in lines that can be compared.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use isolab_core::sys::tree;

/// A line for each object below `root`, and one for the root: type, mode, owner, size, time, device, link target, content,
/// attributes, and the first name of the same inode.
pub(crate) fn lines(root: &Path) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    let mut first = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().escape_ascii().to_string();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            let mut children: Vec<_> =
                fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            children.sort();
            left.extend(children.into_iter().rev());
        }
        let same = first.entry(metadata.ino()).or_insert_with(|| name.clone()).clone();
        lines.insert(name, line(&path, &metadata, &same));
    }
    lines
}

fn line(path: &Path, metadata: &fs::Metadata, same: &str) -> String {
    let kind = metadata.file_type();
    let content = match () {
        () if kind.is_file() => {
            let bytes = fs::read(path).unwrap();
            let sum =
                bytes.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            format!("{} bytes, {sum:x}", bytes.len())
        }
        () if kind.is_symlink() => format!("to {:?}", fs::read_link(path).unwrap()),
        () if kind.is_block_device() || kind.is_char_device() => format!("device {:x}", metadata.rdev()),
        () => String::new(),
    };
    let xattrs = if kind.is_file() || kind.is_dir() { xattrs(path) } else { String::new() };
    format!(
        "{:06o} {}:{} at {}.{:09} {content} [{xattrs}] same as {same}",
        metadata.mode(),
        metadata.uid(),
        metadata.gid(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    )
}

fn xattrs(path: &Path) -> String {
    let file = File::open(path).unwrap();
    let mut names = vec![0; 1 << 16];
    let names = tree::list_xattrs(file.as_fd(), &mut names).unwrap_or_default();
    let mut lines = Vec::new();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let name = std::ffi::CStr::from_bytes_with_nul(name).unwrap();
        let mut value = vec![0; 1 << 16];
        let value = tree::get_xattr(file.as_fd(), name, &mut value).unwrap();
        lines.push(format!("{}={}", name.to_string_lossy(), value.escape_ascii()));
    }
    lines.sort();
    lines.join(" ")
}

/// Fails with the lines that differ.
pub(crate) fn assert_same(what: &str, left: &Path, right: &Path) {
    let (left, right) = (lines(left), lines(right));
    assert!(left.len() > 1, "{what}: nothing to compare");
    let names: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let differ: Vec<_> = names
        .into_iter()
        .filter(|name| left.get(*name) != right.get(*name))
        .map(|name| format!("{name}:\n  {:?}\n  {:?}", left.get(name), right.get(name)))
        .collect();
    assert!(differ.is_empty(), "{what}:\n{}", differ.join("\n"));
}
