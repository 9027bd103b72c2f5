//! One entry, applied.

use super::entry::{attributes, components, is_directory, mtime, other_attributes, size, thing};
use super::tree::{Attributes, Place, Slot, Thing, Tree, directory};
use super::{Class, Form, Result};
use crate::image_layer::input::{Entry, Input, What};

pub(crate) struct Applier<'i> {
    input: &'i Input,
    form: Form,
    tree: Tree,
    layer: usize,
    entries: u64,
    bytes: u64,
}

impl<'i> Applier<'i> {
    pub(crate) fn new(input: &'i Input, form: Form) -> Applier<'i> {
        Applier { input, form, tree: Tree::new(), layer: 0, entries: 0, bytes: 0 }
    }

    pub(crate) fn begin(&mut self, layer: usize) {
        self.layer = layer;
    }

    /// The tree so far; the next begins empty.
    pub(crate) fn take(&mut self) -> Tree {
        std::mem::replace(&mut self.tree, Tree::new())
    }

    pub(crate) fn entry(&mut self, entry: &Entry) -> Result<()> {
        self.sane(entry)?;
        let parts = components(&entry.name)?;
        let Some((name, parents)) = parts.split_last() else { return self.root(entry) };
        let marked = |part: &&[u8]| part.starts_with(b".wh.");
        let reserved = |part: &&[u8]| part.starts_with(b".wh..wh.");
        if *name == b".wh..wh..opq" && !parents.iter().any(marked) {
            return self.opaque(parents, entry);
        }
        if parts.iter().any(reserved) {
            return Ok(());
        }
        if parents.iter().any(marked) {
            return Err(Class::Refused);
        }
        match name.strip_prefix(b".wh.") {
            Some(b"" | b"." | b"..") => Err(Class::Refused),
            Some(hidden) => self.whiteout(parents, hidden, entry),
            None => self.plain(parents, name, entry),
        }
    }

    /// Whether its names are within the limit.
    pub(crate) fn is_short(&self, entry: &Entry) -> bool {
        let link: &[u8] = match &entry.what {
            What::HardLink(to) | What::Symlink(to) => to,
            _ => b"",
        };
        entry.name.len().max(link.len()) as u64 <= self.input.longest
    }

    /// What must be right before the name means anything.
    fn sane(&self, entry: &Entry) -> Result<()> {
        if !self.is_short(entry) {
            return Err(Class::Limit);
        }
        match &entry.what {
            What::Unknown(_) => return Err(Class::Format),
            // The kernel's numbers have 12 and 20 bits (`include/linux/kdev_t.h`).
            What::Character(major, minor) | What::Block(major, minor)
                if *major >= 1 << 12 || *minor >= 1 << 20 =>
            {
                return Err(Class::Refused);
            }
            _ => {}
        }
        // -1 is no id (`chown(2)`).
        if entry.uid >= u64::from(u32::MAX) || entry.gid >= u64::from(u32::MAX) {
            return Err(Class::Refused);
        }
        match &entry.what {
            What::Sparse { pieces, .. } if !pieces.is_sorted() => Err(Class::Format),
            _ => Ok(()),
        }
    }

    /// One more object.
    fn count(&mut self, bytes: u64) -> Result<()> {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        let within = self.entries <= self.input.entries && self.bytes <= self.input.bytes;
        if within { Ok(()) } else { Err(Class::Limit) }
    }

    fn root(&mut self, entry: &Entry) -> Result<()> {
        if !is_directory(entry) {
            return Err(Class::Refused);
        }
        self.tree.0[0].1 = attributes(entry);
        Ok(())
    }

    fn opaque(&mut self, parents: &[&[u8]], entry: &Entry) -> Result<()> {
        let place = self.parent(parents, entry)?;
        if self.form == Form::Apart {
            self.tree.hide(place.object());
            return Ok(());
        }
        let layer = Some(self.layer);
        for name in self.tree.names(place.object()).keys().cloned().collect::<Vec<_>>() {
            self.tree.remove(&place, &name, &|slot| slot.layer != layer);
        }
        Ok(())
    }

    fn whiteout(&mut self, parents: &[&[u8]], hidden: &[u8], entry: &Entry) -> Result<()> {
        self.count(0)?;
        if self.form == Form::Flat {
            if let Some(place) = self.tree.find(parents)? {
                self.tree.get(&place, hidden)?;
                let layer = Some(self.layer);
                self.tree.remove(&place, hidden, &|slot| slot.layer != layer);
            }
            return Ok(());
        }
        let place = self.parent(parents, entry)?;
        self.fits(&place, hidden)?;
        match self.tree.get(&place, hidden)? {
            Some(slot) => {
                if let Thing::Directory { .. } = self.tree.0[slot.object].0 {
                    self.tree.hide(slot.object);
                }
            }
            None => {
                self.tree.add(&place, hidden, Thing::Whiteout, Attributes::default());
            }
        }
        Ok(())
    }

    fn plain(&mut self, parents: &[&[u8]], name: &[u8], entry: &Entry) -> Result<()> {
        self.count(if is_directory(entry) { 0 } else { size(entry) })?;
        let place = self.parent(parents, entry)?;
        self.fits(&place, name)?;
        let there = self.tree.get(&place, name)?;
        let object = match (&entry.what, there) {
            (What::HardLink(to), _) => self.hard_link(to, &place, name)?,
            _ if is_directory(entry) => self.directory(entry, &place, name)?,
            _ => {
                self.tree.remove(&place, name, &|_| true);
                self.tree.add(&place, name, thing(entry)?, other_attributes(entry))
            }
        };
        let slot = Slot { object, layer: Some(self.layer) };
        self.tree.names(place.object()).insert(name.to_vec(), slot);
        Ok(())
    }

    /// A directory stays, and gets the entry's attributes; anything else makes way for it.
    fn directory(&mut self, entry: &Entry, place: &Place, name: &[u8]) -> Result<usize> {
        let there = self.tree.get(place, name)?.map(|slot| slot.object);
        let mut hides = false;
        if let Some(object) = there {
            match self.tree.0[object].0 {
                Thing::Directory { .. } => {
                    self.tree.0[object].1 = attributes(entry);
                    return Ok(object);
                }
                Thing::Whiteout => hides = true,
                _ => {}
            }
        }
        self.tree.remove(place, name, &|_| true);
        let object = self.tree.add(place, name, directory(), attributes(entry));
        if hides {
            self.tree.hide(object);
        }
        Ok(object)
    }

    fn hard_link(&mut self, to: &[u8], place: &Place, name: &[u8]) -> Result<usize> {
        let parts = components(to)?;
        let (target, parents) = parts.split_last().ok_or(Class::Format)?;
        let from = self.tree.find(parents)?.ok_or(Class::Format)?;
        let object = self.tree.get(&from, target)?.ok_or(Class::Format)?.object;
        match self.tree.0[object].0 {
            Thing::Directory { .. } => return Err(Class::Refused),
            Thing::Whiteout => return Err(Class::Format),
            _ => {}
        }
        if self.tree.get(place, name)?.is_some_and(|there| there.object == object) {
            return Ok(object);
        }
        self.tree.remove(place, name, &|_| true);
        // It may have gone with what was in the way.
        match self.tree.get(&from, target)? {
            Some(_) => Ok(object),
            None => Err(Class::System),
        }
    }

    /// The directory that an entry is in. What is missing of it is made; what lower layers have in the way of it goes.
    fn parent(&mut self, parents: &[&[u8]], entry: &Entry) -> Result<Place> {
        if let Some(place) = self.tree.find(parents)? {
            return Ok(place);
        }
        let mut place = Place::default();
        for (index, name) in parents.iter().enumerate() {
            if let Some(found) = self.tree.find(&parents[..=index])? {
                place = found;
                continue;
            }
            let mut hides = false;
            if let Some(slot) = self.tree.get(&place, name)? {
                let thing = &self.tree.0[slot.object].0;
                hides = *thing == Thing::Whiteout;
                let own = self.form == Form::Apart || slot.layer == Some(self.layer);
                match thing {
                    Thing::Symlink(_) if own => return Err(Class::Refused),
                    _ if own && !hides => return Err(Class::System),
                    _ => self.tree.remove(&place, name, &|_| true),
                }
            }
            self.count(0)?;
            self.fits(&place, name)?;
            let attributes = Attributes { mode: 0o755, mtime: mtime(entry), ..Attributes::default() };
            let object = self.tree.add(&place, name, directory(), attributes);
            if hides {
                self.tree.hide(object);
            }
            place = place.with(name, object);
        }
        Ok(place)
    }

    fn fits(&self, place: &Place, name: &[u8]) -> Result<()> {
        if place.length(name) > self.input.longest { Err(Class::Limit) } else { Ok(()) }
    }
}
