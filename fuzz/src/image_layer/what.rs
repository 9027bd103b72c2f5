//! What an entry is, drawn: links lead mostly to what the layers have.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::name::{For, Text, rarely, target};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Directory,
    File(Text),
    /// Pieces of data at offsets, and the whole size.
    Sparse {
        pieces: Vec<(u64, u64)>,
        size: u64,
        form: Form,
    },
    HardLink(Text),
    Symlink(Text),
    Fifo,
    Character(u32, u32),
    Block(u32, u32),
    Unknown(u8),
}

/// How the map of a sparse file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Form {
    Gnu,
    Pax00,
    Pax01,
    Pax10,
}

/// Draws what an entry is, and what its name is meant for.
pub(super) fn draw(u: &mut Unstructured<'_>, names: &[Vec<u8>]) -> Result<(What, For)> {
    let leaf = match u.int_in_range(0..=63u8)? {
        0..=13 => return Ok((What::Directory, For::Directory)),
        14..=23 => return Ok((What::File(Text(Vec::new())), For::Whiteout)),
        24..=38 => What::File(Text(data(u)?)),
        39..=47 if !names.is_empty() => What::HardLink(Text(u.choose(names)?.clone())),
        48..=54 => What::Symlink(Text(target(u)?)),
        // Where a directory is expected.
        55 => return Ok((What::Symlink(Text(target(u)?)), For::Directory)),
        56 => What::Fifo,
        57..=58 => What::Character(number(u)?, number(u)? | 1),
        59 => What::Block(number(u)?, number(u)?),
        60..=62 => sparse(u)?,
        63 if rarely(u, 3)? => hostile(u)?,
        _ => What::File(Text(b"plain".to_vec())),
    };
    Ok((leaf, For::Leaf))
}

fn hostile(u: &mut Unstructured<'_>) -> Result<What> {
    Ok(match u.int_in_range(0..=6)? {
        0 => What::Character(0, 0),
        // More than the kernel has; without their upper bits they are another device.
        1 => What::Character(1 << 12, 0),
        2 => What::Character(0, 1 << 20),
        3 => What::Block(1 << 12, 1 << 20),
        4 => What::HardLink(Text(
            u.choose(&["../outside/file", "a", "", "/", "nothing", "a/.."])?.as_bytes().to_vec(),
        )),
        5 => What::Unknown(*u.choose(b"8ZVMDNA")?),
        _ => What::Sparse { pieces: vec![(1024, 512), (0, 512)], size: 4096, form: u.arbitrary()? },
    })
}

fn number(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(*u.choose(&[0, 1, 5, 255, 256, 4095])?)
}

fn data(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = *u.choose(&[0, 1, 3, 511, 512, 513, 1024, 3000])?;
    Ok(vec![u.int_in_range(b'a'..=b'z')?; length])
}

fn sparse(u: &mut Unstructured<'_>) -> Result<What> {
    let mut pieces = Vec::new();
    let mut end = 0;
    for _ in 0..u.int_in_range(0..=6)? {
        let offset = end + *u.choose(&[0, 1, 512, 4096])?;
        let length = *u.choose(&[1, 512, 700])?;
        pieces.push((offset, length));
        end = offset + length;
    }
    Ok(What::Sparse { pieces, size: end + *u.choose(&[0, 1, 5000])?, form: u.arbitrary()? })
}
