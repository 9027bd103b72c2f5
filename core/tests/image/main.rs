//! Images: as tools write them, and as attackers do.

#![allow(clippy::unwrap_used, reason = "this is test code")]

#[path = "../common/mod.rs"]
mod common;
mod forms;
mod hostile;
mod layout;
mod overlay;
mod random;
mod scratch;
mod tools;
mod tree;

use std::path::Path;

use isolab_core::image::{Archive, Error, Image, Limits, never};

/// 4 GiB and 100,000 entries.
fn limits() -> Limits {
    Limits::default()
}

fn open(path: &Path) -> Archive {
    Archive::open(path, limits()).unwrap()
}

/// Unpacks the only image of a layout to a root.
fn unpack(layout: &Path, root: &Path) -> Result<(), Error> {
    unpack_within(layout, root, limits())
}

fn unpack_within(layout: &Path, root: &Path, limits: Limits) -> Result<(), Error> {
    let archive = Archive::open(layout, limits)?;
    let image: Image<'_> = archive.image(None, None)?;
    image.unpack(root, &never).map(|_| ())
}
