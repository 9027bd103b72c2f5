//! Image layers, drawn as tar entries: unpacked flat and as an overlay's layers, they are what the image-spec's `layer.md` says,
//! and nothing beside them changes.

pub mod bytes;
mod encode;
mod header;
mod input;
mod layout;
mod model;
mod name;
mod overlay;
mod records;
mod unpack;
mod what;

pub use input::Input;

use isolab_core::image::{Archive, Problem};

use crate::seen;
use crate::target::{Target, draw, drawn};
use crate::tmpfs;
use model::{Answer, Class};
use unpack::Scratch;

/// See above.
pub const TARGET: Target =
    Target { name: "image_layer", holds: image_layer, show: drawn::<Input>, live: true };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn image_layer(bytes: &[u8]) {
    if let (Some(input), Some(_)) = (draw::<Input>(bytes), tmpfs::place()) {
        holds(&input);
    }
}

/// Whether the image is accepted, when the property holds.
///
/// # Panics
/// When it does not hold, or there is no tmpfs.
pub fn holds(input: &Input) -> bool {
    let place = tmpfs::place().unwrap_or_else(|| panic!("no tmpfs"));
    let scratch = Scratch::new(place);
    let blobs: Vec<_> = input.layers.iter().map(encode::layer).collect();
    layout::write(&scratch.layout(), &blobs);
    let archive = Archive::open(&scratch.layout(), input.limits())
        .unwrap_or_else(|error| panic!("the layout is right: {error}"));
    let image = archive.image(None, None).unwrap_or_else(|error| panic!("there is one image: {error}"));
    let done = image.unpack(&scratch.root(), &isolab_core::image::never);
    scratch.unchanged();
    let answer = model::flat(input, &blobs);
    match &done {
        Err(error) => {
            scratch.nothing_left();
            refused(&answer, error, input);
        }
        Ok(_) if !answer.refusals.is_empty() => {
            panic!("must be refused, {:?}: {input:#?}", answer.refusals)
        }
        Ok(_) => seen::same(&seen::walk(&scratch.root()), &answer.list(), input),
    }
    overlay::holds(input, &blobs, &image, &scratch);
    done.is_ok()
}

/// A refusal is the one that the model knows, at its layer.
pub(crate) fn refused(answer: &Answer, error: &isolab_core::image::Error, input: &Input) {
    let class = match *error.problem {
        Problem::System { .. } => Class::System,
        Problem::Format(_) => Class::Format,
        Problem::Digest { .. } => Class::Digest,
        Problem::Limit { .. } => Class::Limit,
        Problem::Refused(_) => Class::Refused,
        ref other => panic!("{other} for {input:#?}"),
    };
    let may = answer.refusals.iter().any(|(layer, known)| {
        let at = format!("layer {} of {} ", layer + 1, input.layers.len());
        *known == class && error.layer.as_ref().is_some_and(|layer| layer.starts_with(&at))
    });
    assert!(may, "{error} ({class:?}), but the model says {:?}: {input:#?}", answer.refusals);
}

// A panic is how a test reports.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use input::{End, What};

    /// What is drawn is written as another reader understands it.
    #[test]
    fn the_crate_tar_reads_what_is_drawn() {
        let mut seed = 1u64;
        let mut compared = 0;
        for _ in 0..500 {
            let bytes: Vec<u8> = (0..600)
                .map(|_| {
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (seed >> 56) as u8
                })
                .collect();
            let Some(input) = draw::<Input>(&bytes) else { continue };
            for layer in input.layers.iter().filter(|layer| matches!(layer.end, End::Zeros | End::Nothing)) {
                let odd = |entry: &input::Entry| {
                    entry.global
                        || entry.name.contains(&b'\n')
                        || entry.lie.is_some()
                        || encode::is_old_directory(entry)
                        || matches!(entry.what, What::Sparse { .. })
                };
                if layer.entries.iter().any(odd) {
                    continue;
                }
                let plain = encode::layer(layer).plain;
                let mut archive = tar::Archive::new(&plain[..]);
                let read = archive.entries().unwrap().map(|entry| entry.unwrap());
                let names: Vec<_> =
                    read.map(|entry| (entry.path_bytes().into_owned(), entry.size())).collect();
                let size = |entry: &input::Entry| match &entry.what {
                    What::File(data) => data.len() as u64,
                    _ => 0,
                };
                let drawn: Vec<_> =
                    layer.entries.iter().map(|entry| (entry.name.0.clone(), size(entry))).collect();
                assert_eq!(names, drawn, "{layer:#?}");
                compared += drawn.len();
            }
        }
        assert!(compared > 500, "{compared}");
    }
}
