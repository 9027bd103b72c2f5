//! A layer from bytes: nothing beside its root changes, it stays within the limits, and what it has in the plain subset is what
//! the crate `tar` lists.
//!
//! Of every block that has a header's magic the checksum is put right: otherwise nothing but the checksum would be tried.

use std::collections::BTreeMap;
use std::io::Read;

use isolab_core::image::{Archive, Limits, never};

use super::encode::Blob;
use super::layout;
use super::unpack::Scratch;
use crate::seen::{self, Kind, List};
use crate::target::Target;
use crate::tmpfs;

/// See above.
pub const TARGET: Target = Target { name: "image_layer_bytes", holds: image_layer_bytes, show, live: true };

const BLOCK: usize = 512;
const MOST_BYTES: u64 = 1 << 20;
const MOST_ENTRIES: u64 = 64;

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn image_layer_bytes(bytes: &[u8]) {
    let Some(place) = tmpfs::place() else { return };
    let plain = summed(bytes);
    let scratch = Scratch::new(place);
    layout::write(&scratch.layout(), &[Blob { packed: plain.clone(), plain: plain.clone(), forged: false }]);
    let limits = Limits { bytes: MOST_BYTES, entries: MOST_ENTRIES, ..Limits::default() };
    let archive = Archive::open(&scratch.layout(), limits)
        .unwrap_or_else(|error| panic!("the layout is right: {error}"));
    let image = archive.image(None, None).unwrap_or_else(|error| panic!("there is one image: {error}"));
    let done = image.unpack(&scratch.root(), &never);
    scratch.unchanged();
    match done {
        Err(error) => {
            assert!(!error.problem.to_string().is_empty(), "a refusal without a reason");
            scratch.nothing_left();
        }
        Ok(_) => within(&seen::walk(&scratch.root()), &plain),
    }
    // As an overlay's layer it may be refused for other reasons; the rest holds as well.
    drop(image.layers(&scratch.path("cache"), &never));
    scratch.unchanged();
}

/// What was made is within the limits, and what the crate `tar` lists.
fn within(found: &List, plain: &[u8]) {
    let size = |(name, seen): (&Vec<u8>, &seen::Seen)| match &seen.kind {
        Kind::File(data) if *name == seen.first => data.len() as u64,
        _ => 0,
    };
    let bytes: u64 = found.iter().map(size).sum();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
    assert!(found.len() as u64 <= MOST_ENTRIES + 1, "{} entries", found.len());
    let Some(listed) = listed(plain) else { return };
    for (name, data) in &listed {
        let kind = found.get(name).map(|seen| &seen.kind);
        let right = match data {
            Some(data) => kind == Some(&Kind::File(data.clone())),
            None => kind == Some(&Kind::Directory),
        };
        assert!(right, "{} is {kind:?}, and listed as {data:?}", name.escape_ascii());
    }
    for name in found.keys().filter(|name| !name.is_empty()) {
        let above = [name.as_slice(), b"/"].concat();
        let known = listed.contains_key(name) || listed.keys().any(|listed| listed.starts_with(&above));
        assert!(known, "{} is not listed", name.escape_ascii());
    }
}

/// The files, with their data, and directories of an archive that has nothing else, and each name once.
fn listed(plain: &[u8]) -> Option<BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
    let mut listed = BTreeMap::new();
    for entry in tar::Archive::new(plain).entries().ok()? {
        let mut entry = entry.ok()?;
        let name = entry.path_bytes().into_owned();
        if entry.pax_extensions().ok()?.is_some() || name.contains(&0) {
            return None;
        }
        let parts: Vec<&[u8]> =
            name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
        let plain = !parts.iter().any(|part| part.starts_with(b".wh.") || *part == b"..");
        let kind = entry.header().entry_type();
        let data = match kind {
            tar::EntryType::Directory => None,
            tar::EntryType::Regular if !name.ends_with(b"/") => {
                let mut data = Vec::new();
                entry.read_to_end(&mut data).ok()?;
                Some(data)
            }
            _ => return None,
        };
        if !plain || parts.is_empty() || listed.insert(parts.join(&b'/'), data).is_some() {
            return None;
        }
    }
    Some(listed)
}

fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(BLOCK).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

fn show(bytes: &[u8]) -> String {
    let blocks = summed(bytes);
    let headers = blocks.chunks(BLOCK).filter(|block| block.get(257..262) == Some(b"ustar"));
    headers
        .map(|block| {
            let field = |from: usize, to: usize| {
                block[from..to].split(|byte| *byte == 0).next().unwrap_or_default().escape_ascii().to_string()
            };
            format!(
                "{} {} size {} link {}\n",
                field(156, 157),
                field(0, 100),
                field(124, 136),
                field(157, 257)
            )
        })
        .collect()
}
