//! The same image, layer by layer, under an overlay.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use isolab_core::image::{Image, Layers, never};
use isolab_core::sys::mount;

use super::encode::Blob;
use super::input::Input;
use super::unpack::Scratch;
use super::{layout, model, refused};
use crate::seen::{self, Kind};

/// The layers apart are what each says, with overlay's marks, and together what the image-spec says.
pub(crate) fn holds(input: &Input, blobs: &[Blob], image: &Image<'_>, scratch: &Scratch) {
    let answer = model::apart(input, blobs);
    let done = image.layers(&scratch.path("cache"), &never);
    scratch.unchanged();
    match done {
        Err(error) => refused(&answer, &error, input),
        Ok(_) if !answer.refusals.is_empty() => {
            panic!("as layers it must be refused, {:?}: {input:#?}", answer.refusals)
        }
        Ok(layers) => {
            for (blob, wanted) in blobs.iter().zip(answer.apart()) {
                let name = layout::sha256(&blob.plain);
                let mut found = seen::walk(&scratch.path("cache/sha256").join(name));
                // Whiteouts are made when they are needed.
                let whiteouts = found.values_mut().filter(|seen| seen.kind == Kind::Character(0));
                whiteouts.for_each(|seen| seen.mtime = (0, 0));
                seen::same(&found, &wanted, input);
            }
            if input.mounted {
                seen::same(&show(layers, scratch), &answer.list(), input);
            }
        }
    }
}

/// What an overlay of the layers shows. An empty one is below: the kernel asks for two.
fn show(mut layers: Layers, scratch: &Scratch) -> seen::List {
    let (empty, at) = (scratch.path("empty"), scratch.path("merged"));
    for made in [&empty, &at] {
        fs::create_dir(made).unwrap_or_else(|error| panic!("make {}: {error}", made.display()));
    }
    layers.directories.push(empty);
    let text = |bytes: &[u8]| CString::new(bytes).unwrap_or_else(|error| panic!("{error}"));
    let (place, options) = (text(at.as_os_str().as_bytes()), text(layers.lowerdir().as_bytes()));
    mount::mount(c"overlay", &place, c"overlay", 0, &options)
        .unwrap_or_else(|errno| panic!("mount an overlay of {options:?}: {errno}"));
    let list = seen::walk(&at);
    mount::detach(&place).unwrap_or_else(|errno| panic!("unmount {place:?}: {errno}"));
    list
}
