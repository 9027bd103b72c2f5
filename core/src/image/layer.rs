//! One layer, from its blob to a tree: decompressed, hashed on both sides, and never more than the limits.

use std::io::{self, Read};

use super::apply::Applier;
use super::compression::Decoder;
use super::digest::{Hasher, Hashing};
use super::error::{Problem, shown};
use super::limits::{Budget, Metered};
use super::manifest::{Layer, check_size};
use super::store::Store;
use super::tape::{Source, Tape};

/// A problem with the entry that it was met at.
pub(super) struct Trouble {
    pub(super) entry: Option<String>,
    pub(super) problem: Problem,
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Trouble {
        Trouble { entry: None, problem }
    }
}

impl<R: Read> Source for Hashing<R> {}

/// Applies a layer. Its digests are known to be right only once it has been read to its end: until then what was made of
/// it must not be used.
pub(super) fn apply(
    store: &Store,
    layer: &Layer,
    applier: &mut Applier,
    budget: &mut Budget,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Trouble> {
    let blob = store.blob(&layer.name)?;
    if let Some(size) = layer.size {
        check_size("the layer's blob", size, blob.size())?;
    }
    let packed = layer.digest.as_ref().map(Hasher::new).transpose()?;
    let unpacked = Hasher::new(&layer.diff_id)?;
    let decoder = Decoder::new(Hashing::new(blob, packed.clone()));
    let decoder = decoder.map_err(|error| Problem::io("read the layer", error))?;
    let metered = Metered::within(decoder, budget);
    let mut tape = Tape::new(Hashing::new(metered, Some(unpacked.clone())), budget.limits.name);
    applier.tree.begin_layer();
    while let Some(entry) = tape.next()? {
        let here = |problem| Trouble { entry: Some(shown(&entry.name)), problem };
        if cancelled() {
            return Err(here(Problem::Cancelled));
        }
        applier.apply(&entry, &mut tape, budget).map_err(here)?;
    }
    // What comes after the end of the archive counts for the digests all the same.
    let mut rest = tape.into_source();
    io::copy(&mut rest, &mut io::sink()).map_err(|error| Problem::io("read the layer to its end", error))?;
    budget.streamed(rest.source().read);
    if let Some(packed) = packed {
        packed.check("the layer's blob")?;
    }
    Ok(unpacked.check("the layer's content (its diff id)")?)
}
