//! The oracle: what applying layers means (the image-spec's `layer.md`), over a tree in memory.
//!
//! Where the spec leaves a choice it is the container's view that counts: links in a parent lead where they would lead in the
//! container, the last component is never followed. Beyond the spec: what no honest layer has is refused.

mod apply;
mod entry;
mod list;
mod tree;

use super::encode::{Blob, Reach, reaches};
use super::input::{End, Input, Layer, Packing};
use crate::seen::List;
use apply::Applier;
pub(crate) use tree::Tree;

type Result<T> = std::result::Result<T, Class>;

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    System,
    Format,
    Digest,
    Limit,
    Refused,
}

/// What layers become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One tree.
    Flat,
    /// A tree each, with marks for what is hidden below.
    Apart,
}

/// The right answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// In which layer, and why, it must be refused: any of these. Nothing when it must be accepted.
    pub(crate) refusals: Vec<(usize, Class)>,
    /// The trees, the lowest first.
    trees: Vec<Tree>,
}

impl Answer {
    /// What is then there: of several trees, what an overlay of them shows.
    pub(crate) fn list(&self) -> List {
        list::list(&self.trees)
    }

    /// Each tree with the marks that it has for an overlay.
    pub(crate) fn apart(&self) -> impl Iterator<Item = List> {
        self.trees.iter().map(|tree| list::marked(std::slice::from_ref(tree)))
    }
}

/// All layers one over another.
pub(crate) fn flat(input: &Input, blobs: &[Blob]) -> Answer {
    answer(input, blobs, Form::Flat)
}

/// Each layer alone, one under another.
pub(crate) fn apart(input: &Input, blobs: &[Blob]) -> Answer {
    answer(input, blobs, Form::Apart)
}

fn answer(input: &Input, blobs: &[Blob], form: Form) -> Answer {
    let mut applier = Applier::new(input, form);
    let mut trees: Vec<Tree> = Vec::new();
    let mut streamed = 0;
    let mut kept: Vec<Option<(&[u8], usize)>> = Vec::new();
    for (index, (layer, blob)) in input.layers.iter().zip(blobs).enumerate() {
        let plain = blob.plain.as_slice();
        // A layer is kept by its content, and made once.
        if form == Form::Apart
            && let Some((_, tree)) = kept.iter().flatten().find(|(other, _)| *other == plain && !layer.forged)
        {
            trees.push(trees[*tree].clone());
            kept.push(None);
            continue;
        }
        streamed += plain.len() as u64;
        let mut refusals = Vec::new();
        if let Err(classes) = entries(&mut applier, index, layer) {
            refusals.extend(classes.iter().map(|class| (index, *class)));
        }
        if layer.packing == Packing::CutGzip {
            refusals.push((index, Class::Format));
        }
        if streamed > input.bytes {
            refusals.push((index, Class::Limit));
        }
        if refusals.is_empty() && layer.forged {
            refusals.push((index, Class::Digest));
        }
        if !refusals.is_empty() {
            return Answer { refusals, trees };
        }
        if form == Form::Apart {
            kept.push(Some((plain, trees.len())));
            trees.push(applier.take());
        }
    }
    if form == Form::Flat {
        trees.push(applier.take());
    }
    Answer { refusals: Vec::new(), trees }
}

fn entries(applier: &mut Applier<'_>, index: usize, layer: &Layer) -> std::result::Result<(), Vec<Class>> {
    applier.begin(index);
    for (entry, reach) in layer.entries.iter().zip(reaches(layer)) {
        match reach {
            Reach::Gone => return Ok(()),
            // A name that is too long may come before what is missing.
            Reach::Header if !applier.is_short(entry) => return Err(vec![Class::Format, Class::Limit]),
            Reach::Header => return Err(vec![Class::Format]),
            Reach::Whole | Reach::Data => applier.entry(entry).map_err(|class| vec![class])?,
        }
        if reach == Reach::Data {
            return Err(vec![Class::Format]);
        }
    }
    match layer.end {
        End::Damage => Err(vec![Class::Format]),
        _ => Ok(()),
    }
}
