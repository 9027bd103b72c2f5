//! What an entry says of what it makes.

use super::tree::{Attributes, Thing};
use super::{Class, Result};
use crate::image_layer::encode::is_old_directory;
use crate::image_layer::input::{Entry, What};
use crate::image_layer::records::pieces;

pub(super) fn is_directory(entry: &Entry) -> bool {
    entry.what == What::Directory || is_old_directory(entry)
}

pub(super) fn components(name: &[u8]) -> Result<Vec<&[u8]>> {
    let parts: Vec<&[u8]> =
        name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    if parts.contains(&&b".."[..]) { Err(Class::Refused) } else { Ok(parts) }
}

pub(super) fn size(entry: &Entry) -> u64 {
    match &entry.what {
        What::File(data) => entry.lie.unwrap_or(data.len() as u64),
        What::Sparse { size, .. } => *size,
        _ => 0,
    }
}

pub(super) fn thing(entry: &Entry) -> Result<Thing> {
    Ok(match &entry.what {
        What::File(data) => Thing::File(data.0.clone()),
        What::Sparse { pieces: map, size, .. } => {
            let mut data = vec![0; *size as usize];
            for (offset, bytes) in pieces(map) {
                data[offset as usize..offset as usize + bytes.len()].copy_from_slice(&bytes);
            }
            Thing::File(data)
        }
        What::Symlink(to) if to.is_empty() => return Err(Class::System),
        What::Symlink(to) => Thing::Symlink(to.0.clone()),
        What::Fifo => Thing::Fifo,
        What::Character(0, 0) => return Err(Class::Refused),
        What::Character(major, minor) => Thing::Character(libc::makedev(*major, *minor)),
        What::Block(major, minor) => Thing::Block(libc::makedev(*major, *minor)),
        What::Directory | What::HardLink(_) | What::Unknown(_) => panic!("{entry:?} is made elsewhere"),
    })
}

pub(super) fn mtime(entry: &Entry) -> (i64, i64) {
    (entry.mtime.0, if entry.pax { entry.mtime.1 } else { 0 })
}

pub(super) fn attributes(entry: &Entry) -> Attributes {
    let taken = |name: &str| {
        (name.starts_with("user.") && !name.starts_with("user.overlay.")) || name == "security.capability"
    };
    let xattrs = entry.xattrs.iter().filter(|(name, _)| taken(name));
    Attributes {
        mode: entry.mode & 0o7777,
        ids: (entry.uid as u32, entry.gid as u32),
        mtime: mtime(entry),
        xattrs: xattrs.map(|(name, value)| ((*name).to_owned(), value.0.clone())).collect(),
    }
}

/// Only files and directories have extended attributes (`xattr(7)`), and a link's permissions mean nothing (`symlink(7)`).
pub(super) fn other_attributes(entry: &Entry) -> Attributes {
    let mut attributes = attributes(entry);
    match entry.what {
        What::File(_) | What::Sparse { .. } => {}
        What::Symlink(_) => (attributes.mode, attributes.xattrs) = (0o777, Default::default()),
        _ => attributes.xattrs.clear(),
    }
    attributes
}
