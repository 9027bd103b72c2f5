//! What trees show, one under another, as an overlay merges them (`overlayfs.rst`).

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Attributes, Thing, Tree};
use crate::seen::{Kind, List, Seen};

/// The trees come the lowest first.
pub(crate) fn list(trees: &[Tree]) -> List {
    listed(trees, false)
}

/// With whiteouts and what hides all below, as overlay stores them.
pub(crate) fn marked(trees: &[Tree]) -> List {
    listed(trees, true)
}

fn listed(trees: &[Tree], marks: bool) -> List {
    let mut listing = Listing { trees, marks, list: List::new(), names: BTreeMap::new() };
    let roots: Vec<(usize, usize)> = (0..trees.len()).rev().map(|tree| (tree, 0)).collect();
    listing.show(&[], &roots);
    let Listing { mut list, names, .. } = listing;
    for names in names.values() {
        for name in names {
            if let (Some(seen), Some(first)) = (list.get_mut(name), names.first()) {
                seen.first.clone_from(first);
            }
        }
    }
    list
}

struct Listing<'t> {
    trees: &'t [Tree],
    marks: bool,
    list: List,
    /// All names of what is no directory.
    names: BTreeMap<(usize, usize), BTreeSet<Vec<u8>>>,
}

impl Listing<'_> {
    fn thing(&self, (tree, object): (usize, usize)) -> &(Thing, Attributes) {
        &self.trees[tree].0[object]
    }

    /// What stands under one name in several trees, the topmost first.
    fn show(&mut self, path: &[u8], stack: &[(usize, usize)]) {
        let Some(top) = stack.first().copied() else { return };
        let (thing, mut attributes) = self.thing(top).clone();
        let kind = match thing {
            Thing::Whiteout if !self.marks => return,
            Thing::Whiteout => Kind::Character(0),
            Thing::Directory { opaque, .. } => {
                if opaque && self.marks {
                    attributes.xattrs.insert("trusted.overlay.opaque".into(), b"y".to_vec());
                }
                Kind::Directory
            }
            Thing::File(data) => Kind::File(data),
            Thing::Symlink(to) => Kind::Symlink(to),
            Thing::Fifo => Kind::Fifo,
            Thing::Character(device) => Kind::Character(device),
            Thing::Block(device) => Kind::Block(device),
        };
        let merges = kind == Kind::Directory;
        if !merges {
            self.names.entry(top).or_default().insert(path.to_vec());
        }
        let first = path.to_vec();
        let Attributes { mode, ids, mtime, xattrs } = attributes;
        self.list.insert(path.to_vec(), Seen { kind, mode, ids, mtime, xattrs, first });
        if merges {
            self.below(path, stack);
        }
    }

    fn below(&mut self, path: &[u8], stack: &[(usize, usize)]) {
        let mut names: BTreeMap<Vec<u8>, Vec<(usize, usize)>> = BTreeMap::new();
        for place in stack {
            // What is no directory hides what is below it, and so does an opaque one.
            let Thing::Directory { names: own, opaque } = &self.thing(*place).0 else { break };
            for (name, slot) in own {
                names.entry(name.clone()).or_default().push((place.0, slot.object));
            }
            if *opaque {
                break;
            }
        }
        for (name, stack) in names {
            let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
            self.show(&[path, slash, &name].concat(), &stack);
        }
    }
}
