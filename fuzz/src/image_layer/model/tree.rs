//! A tree in memory, and how the kernel finds a way in it (`path_resolution(7)`), shut in at the root.

use std::collections::{BTreeMap, VecDeque};

use super::Class;

/// Links that are followed on one way (`path_resolution(7)`).
const MOST_LINKS: usize = 40;
/// `NAME_MAX`.
const LONGEST_NAME: usize = 255;

/// Owner, permissions, time and attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) mode: u32,
    pub(crate) ids: (u32, u32),
    pub(crate) mtime: (i64, i64),
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
}

/// What something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    Directory { names: BTreeMap<Vec<u8>, Slot>, opaque: bool },
    File(Vec<u8>),
    Symlink(Vec<u8>),
    Fifo,
    Character(u64),
    Block(u64),
    Whiteout,
}

/// A name's object, and the layer that has an entry for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) object: usize,
    pub(crate) layer: Option<usize>,
}

/// The objects; the first is the root.
#[derive(Debug, Clone)]
pub(crate) struct Tree(pub Vec<(Thing, Attributes)>);

/// A directory, by the way from the root: each name with its object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place(Vec<(Vec<u8>, usize)>);

impl Place {
    pub(crate) fn object(&self) -> usize {
        self.0.last().map_or(0, |(_, object)| *object)
    }

    /// Bytes in the path of a name here.
    pub(crate) fn length(&self, name: &[u8]) -> u64 {
        let above: usize = self.0.iter().map(|(name, _)| name.len() + 1).sum();
        (above + name.len()) as u64
    }

    pub(crate) fn with(mut self, name: &[u8], object: usize) -> Place {
        self.0.push((name.to_vec(), object));
        self
    }
}

impl Tree {
    pub(crate) fn new() -> Tree {
        let root = Attributes { mode: 0o755, ..Attributes::default() };
        Tree(vec![(directory(), root)])
    }

    pub(crate) fn names(&mut self, object: usize) -> &mut BTreeMap<Vec<u8>, Slot> {
        match &mut self.0[object].0 {
            Thing::Directory { names, .. } => names,
            other => panic!("{other:?} is no directory"),
        }
    }

    pub(crate) fn hide(&mut self, object: usize) {
        match &mut self.0[object].0 {
            Thing::Directory { opaque, .. } => *opaque = true,
            other => panic!("{other:?} is no directory"),
        }
    }

    /// What is at a name; a name that is too long is an error.
    pub(crate) fn get(&self, place: &Place, name: &[u8]) -> Result<Option<Slot>, Class> {
        match &self.0[place.object()].0 {
            _ if name.len() > LONGEST_NAME => Err(Class::System),
            Thing::Directory { names, .. } => Ok(names.get(name).copied()),
            _ => Ok(None),
        }
    }

    pub(crate) fn add(&mut self, place: &Place, name: &[u8], thing: Thing, attributes: Attributes) -> usize {
        let object = self.0.len();
        self.0.push((thing, attributes));
        self.names(place.object()).insert(name.to_vec(), Slot { object, layer: None });
        object
    }

    /// Where components lead; nothing when there is no such directory.
    pub(crate) fn find(&self, components: &[&[u8]]) -> Result<Option<Place>, Class> {
        let mut ahead: VecDeque<Vec<u8>> = components.iter().map(|part| part.to_vec()).collect();
        let mut place = Place::default();
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            if part.is_empty() || part == b"." {
                continue;
            }
            if part == b".." {
                place.0.pop();
                continue;
            }
            let Some(slot) = self.get(&place, &part)? else { return Ok(None) };
            match &self.0[slot.object].0 {
                Thing::Directory { .. } => place.0.push((part, slot.object)),
                Thing::Symlink(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Class::System);
                    }
                    if target.starts_with(b"/") {
                        place.0.clear();
                    }
                    for part in target.split(|byte| *byte == b'/').rev() {
                        ahead.push_front(part.to_vec());
                    }
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    /// Removes a name with everything below it, as far as `goes` says so of a slot. What stays keeps what it is in.
    pub(crate) fn remove(&mut self, place: &Place, name: &[u8], goes: &dyn Fn(&Slot) -> bool) {
        let Some(slot) = self.names(place.object()).get(name).copied() else { return };
        let mut stays = !goes(&slot);
        if let Thing::Directory { names, .. } = &self.0[slot.object].0 {
            let below = place.clone().with(name, slot.object);
            for name in names.keys().cloned().collect::<Vec<_>>() {
                self.remove(&below, &name, goes);
            }
            stays |= !self.names(slot.object).is_empty();
        }
        if !stays {
            self.names(place.object()).remove(name);
        }
    }
}

pub(crate) fn directory() -> Thing {
    Thing::Directory { names: BTreeMap::new(), opaque: false }
}
