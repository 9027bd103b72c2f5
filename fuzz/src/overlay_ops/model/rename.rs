//! `renameat2(2)`, as the kernel checks it (`do_renameat2`, `vfs_rename`), and what an overlay cannot move.

use super::{Model, Result, What};
use crate::overlay_ops::input::How;

impl Model {
    pub(super) fn rename(&mut self, from: &str, to: &str, how: How) -> Result<()> {
        let (old, new) = (self.find(from, false)?, self.find(to, false)?);
        self.writable()?;
        let moved = old.node.ok_or(libc::ENOENT)?;
        match (how, new.node) {
            (How::NoReplace, Some(_)) => return Err(libc::EEXIST),
            (How::Exchange, None) => return Err(libc::ENOENT),
            _ => {}
        }
        if new.way.contains(&moved) {
            return Err(libc::EINVAL);
        }
        if new.node.is_some_and(|there| old.way.contains(&there)) {
            return Err(if how == How::Exchange { libc::EINVAL } else { libc::ENOTEMPTY });
        }
        if new.node == Some(moved) {
            return Ok(());
        }
        if let Some(there) = new.node.filter(|_| how != How::Exchange) {
            match (self.is_directory(moved), self.is_directory(there)) {
                (true, false) => return Err(libc::ENOTDIR),
                (false, true) => return Err(libc::EISDIR),
                _ => {}
            }
        }
        if !self.can_move(moved)
            || (how == How::Exchange && new.node.is_some_and(|there| !self.can_move(there)))
        {
            return Err(libc::EXDEV);
        }
        if how != How::Exchange && new.node.is_some_and(|there| !self.is_empty(there)) {
            return Err(libc::ENOTEMPTY);
        }
        self.names(old.parent).remove(&old.name);
        self.names(new.parent).insert(new.name, moved);
        if let Some(there) = new.node.filter(|_| how == How::Exchange) {
            self.names(old.parent).insert(old.name, there);
        }
        Ok(())
    }

    fn is_directory(&self, node: usize) -> bool {
        matches!(self.nodes[node].what, What::Directory { .. })
    }

    /// A directory that lower layers have a part in is only moved by a redirect (overlayfs.rst, "renaming directories").
    fn can_move(&self, node: usize) -> bool {
        self.redirect || !matches!(self.nodes[node].what, What::Directory { lower: true, .. })
    }

    fn is_empty(&self, node: usize) -> bool {
        !matches!(&self.nodes[node].what, What::Directory { names, .. } if !names.is_empty())
    }
}
