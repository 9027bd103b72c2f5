//! Layers, drawn: mostly what tools write.

use arbitrary::{Arbitrary, Result, Unstructured};
use isolab_core::image::Limits;

use super::name::{For, Text, name, rarely};
pub(crate) use super::what::{Form, What};

/// One to three layers.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) layers: Vec<Layer>,
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    pub(crate) longest: u64,
    /// An overlay of the layers is mounted as well, which takes longer than all else.
    pub(crate) mounted: bool,
}

/// A layer's archive.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) entries: Vec<Entry>,
    pub(crate) packing: Packing,
    pub(crate) end: End,
    /// Its diff id is another's.
    pub(crate) forged: bool,
}

/// How the archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Gzips,
    Zstd,
    CutGzip,
}

/// How the archive ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Zeros,
    Nothing,
    /// Two blocks of zeros, and bytes that mean nothing.
    Garbage,
    /// Bytes that are no header.
    Damage,
    /// This many bytes are missing.
    Cut(u16),
}

/// How an entry's name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Naming {
    Header,
    Prefix,
    Gnu,
    Pax,
}

/// An entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: Text,
    pub(crate) naming: Naming,
    pub(crate) what: What,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) mtime: (i64, i64),
    /// PAX records hold the ids, the time and the size.
    pub(crate) pax: bool,
    pub(crate) xattrs: Vec<(&'static str, Text)>,
    /// A size that is not the data's.
    pub(crate) lie: Option<u64>,
    /// A global PAX header before it, which concerns no file.
    pub(crate) global: bool,
}

impl Input {
    /// The limits that it is unpacked within.
    #[must_use]
    pub(crate) fn limits(&self) -> Limits {
        Limits { bytes: self.bytes, entries: self.entries, name: self.longest, ..Limits::default() }
    }
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let bytes = if rarely(u, 24)? { *u.choose(&[0, 2048, 4096, 10_000])? } else { 4 << 20 };
        let entries = if rarely(u, 24)? { u.int_in_range(0..=9)? } else { 100 };
        let longest = if rarely(u, 24)? { *u.choose(&[3, 5, 100, 300])? } else { 4095 };
        let mounted = rarely(u, 16)?;
        let mut names = Vec::new();
        let count = u.int_in_range(0..=2)?;
        let layers = (0..=count).map(|_| layer(u, &mut names)).collect::<Result<_>>()?;
        Ok(Input { layers, bytes, entries, longest, mounted })
    }
}

fn layer(u: &mut Unstructured<'_>, names: &mut Vec<Vec<u8>>) -> Result<Layer> {
    let packing = match u.int_in_range(0..=63)? {
        0..=31 => Packing::Plain,
        32..=47 => Packing::Gzip,
        48..=54 => Packing::Gzips,
        55..=62 => Packing::Zstd,
        _ => Packing::CutGzip,
    };
    let end = match u.int_in_range(0..=63)? {
        0..=47 => End::Zeros,
        48..=55 => End::Nothing,
        56..=61 => End::Garbage,
        62 => End::Damage,
        _ => End::Cut(u.int_in_range(1..=1600)?),
    };
    let forged = rarely(u, 128)?;
    let count = u.int_in_range(0..=6)?;
    let entries = (0..count).map(|_| entry(u, names)).collect::<Result<_>>()?;
    Ok(Layer { entries, packing, end, forged })
}

fn entry(u: &mut Unstructured<'_>, names: &mut Vec<Vec<u8>>) -> Result<Entry> {
    let (what, meant) = super::what::draw(u, names)?;
    let mut name = match names.is_empty() || meant == For::Whiteout || !rarely(u, 8)? {
        true => name(u, meant)?,
        false => u.choose(names)?.clone(),
    };
    while matches!(what, What::Sparse { .. }) && name.ends_with(b"/") {
        name.pop();
    }
    if meant == For::Leaf {
        names.push(name.clone());
    }
    let id = |u: &mut Unstructured<'_>| -> Result<u64> {
        let odd = [u64::from(u32::MAX), 1 << 32, 1 << 31, u64::from(u32::MAX) - 1];
        if rarely(u, 200)? {
            Ok(*u.choose(&odd)?)
        } else {
            Ok(*u.choose(&[0, 0, 1, 1000, 65_534, 2_097_151, 2_097_152, 3_000_000_000])?)
        }
    };
    let pax = u.arbitrary()?;
    let nanoseconds = if pax { *u.choose(&[0, 1, 500_000_000, 999_999_999])? } else { 0 };
    let lie = [u64::MAX, u64::MAX - 511, 1 << 40, 3 << 20];
    Ok(Entry {
        name: Text(name),
        naming: u.arbitrary()?,
        what,
        mode: *u.choose(&[0o644, 0o755, 0o600, 0, 0o4755, 0o2755, 0o1777, 0o7777, 0o100_644, 0o222])?,
        uid: id(u)?,
        gid: id(u)?,
        mtime: (*u.choose(&[0, 1, 1_600_000_000, -1, -1_000_000, 1 << 31, 1 << 33])?, nanoseconds),
        pax,
        xattrs: xattrs(u)?,
        lie: if rarely(u, 200)? { Some(*u.choose(&lie)?) } else { None },
        global: rarely(u, 32)?,
    })
}

fn xattrs(u: &mut Unstructured<'_>) -> Result<Vec<(&'static str, Text)>> {
    const NAMES: [&str; 9] = [
        "user.a",
        "user.b",
        "user.a",
        "user.overlay.opaque",
        "trusted.overlay.opaque",
        "trusted.x",
        "security.selinux",
        "security.capability",
        "user.overlayed",
    ];
    let mut xattrs = Vec::new();
    for _ in 0..u.int_in_range(0..=7u8)?.saturating_sub(5) {
        let name = *u.choose(&NAMES)?;
        let value = match name {
            // Version 2, effective, CAP_CHOWN (`struct vfs_cap_data`).
            "security.capability" => [&[1, 0, 0, 2, 1][..], &[0; 15]].concat(),
            _ => u.choose(&[&b""[..], b"y", b"1\n2=3", &[0, 255], &[b'v'; 300]])?.to_vec(),
        };
        xattrs.push((name, Text(value)));
    }
    Ok(xattrs)
}
