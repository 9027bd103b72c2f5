//! Drawn entries as a tar archive, written by hand: ustar (POSIX.1), GNU's long names and sparse maps, PAX records.

use std::io::Write;

use super::header::{BLOCK, Header};
use super::input::{End, Entry, Form, Layer, Naming, Packing, What};
use super::records::{map, pieces, record, records};

/// How far the archive goes within an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Whole,
    /// Its data is not all there, or taken for a header.
    Data,
    /// It ends within a header, or a header makes no sense.
    Header,
    /// It ends before the entry.
    Gone,
}

/// A layer as bytes.
pub(crate) struct Blob {
    pub(crate) plain: Vec<u8>,
    pub(crate) packed: Vec<u8>,
    pub(crate) forged: bool,
}

/// Where in an archive an entry is.
struct Extent {
    /// Where each of its headers begins, the file's own last.
    headers: Vec<usize>,
    /// Where the last of its header blocks ends.
    data: usize,
    end: usize,
}

/// A layer's archive, packed.
pub(crate) fn layer(layer: &Layer) -> Blob {
    let (plain, _) = archive(layer);
    let packed = match layer.packing {
        Packing::Plain => plain.clone(),
        Packing::Gzip => gzip(&plain),
        Packing::Gzips => {
            let (one, two) = plain.split_at(plain.len() / 3);
            [gzip(one), gzip(two)].concat()
        }
        Packing::Zstd => {
            ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest)
        }
        Packing::CutGzip => {
            let mut packed = gzip(&plain);
            packed.truncate(packed.len() - 5);
            packed
        }
    };
    Blob { plain, packed, forged: layer.forged }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap_or_else(|error| panic!("written to memory: {error}"));
    encoder.finish().unwrap_or_else(|error| panic!("written to memory: {error}"))
}

/// How far the archive goes for each entry.
pub(crate) fn reaches(layer: &Layer) -> Vec<Reach> {
    let (bytes, extents) = archive(layer);
    let reach = |(entry, extent): (&Entry, &Extent)| {
        let length = bytes.len();
        let lie = lie(entry);
        if length < extent.headers[0] || extent.headers.contains(&length) {
            Reach::Gone
        } else if length < extent.data
            || lie.is_some_and(|lie| lie.checked_next_multiple_of(BLOCK as u64).is_none())
        {
            Reach::Header
        } else if length < extent.end || is_taken_for_header(entry) || (lie.is_some() && has_data(entry)) {
            Reach::Data
        } else {
            Reach::Whole
        }
    };
    layer.entries.iter().zip(&extents).map(reach).collect()
}

/// A file with a name as directories had it before there was a type for them, which has no data. Type 7 is newer.
pub(crate) fn is_old_directory(entry: &Entry) -> bool {
    entry.name.ends_with(b"/") && matches!(&entry.what, What::File(data) if kind_of(data) != b'7')
}

/// The size that is written in place of the data's. A sparse file's map says how much data there is.
fn lie(entry: &Entry) -> Option<u64> {
    entry.lie.filter(|_| !matches!(entry.what, What::Sparse { .. }))
}

fn is_taken_for_header(entry: &Entry) -> bool {
    is_old_directory(entry) && matches!(&entry.what, What::File(data) if !data.is_empty())
}

fn has_data(entry: &Entry) -> bool {
    matches!(entry.what, What::File(_)) && !is_old_directory(entry)
}

fn archive(layer: &Layer) -> (Vec<u8>, Vec<Extent>) {
    let mut tape = Tape { bytes: Vec::new(), headers: Vec::new() };
    let extents = layer.entries.iter().map(|each| tape.entry(each)).collect();
    let mut bytes = tape.bytes;
    match layer.end {
        End::Zeros => bytes.extend([0; 2 * BLOCK]),
        End::Garbage => {
            bytes.extend([0; 2 * BLOCK]);
            bytes.extend(b"neither a header nor zeros");
        }
        End::Damage => bytes.extend([b'x'; BLOCK]),
        End::Nothing => {}
        End::Cut(missing) => bytes.truncate(bytes.len().saturating_sub(missing.into())),
    }
    (bytes, extents)
}

struct Tape {
    bytes: Vec<u8>,
    headers: Vec<usize>,
}

impl Tape {
    fn entry(&mut self, entry: &Entry) -> Extent {
        self.headers.clear();
        if entry.global {
            self.meta(b'g', b"pax_global_header", &record("comment", b"x"));
        }
        let stored = stored(entry);
        let size = lie(entry).unwrap_or(stored.len() as u64);
        let mut records = records(entry, size);
        let (mut name, mut prefix) = (entry.name.as_slice(), &b""[..]);
        match entry.naming {
            _ if matches!(entry.what, What::Sparse { form: Form::Pax10, .. }) => {
                records.extend(record("GNU.sparse.name", name));
                name = b"./GNUSparseFile.1/s";
            }
            Naming::Pax => {
                records.extend(record("path", name));
                name = b"something else";
            }
            Naming::Prefix if split(name).is_some() && kind(&entry.what) != b'S' => {
                (prefix, name) = split(name).unwrap_or_default()
            }
            Naming::Header | Naming::Prefix if name.len() <= 100 => {}
            _ => {
                self.meta(b'L', b"././@LongLink", &[name, b"\0"].concat());
                name = &name[..name.len().min(100)];
            }
        }
        let mut link = link(entry);
        if link.len() > 100 {
            self.meta(b'K', b"././@LongLink", &[link, b"\0"].concat());
            link = b"";
        }
        if !records.is_empty() {
            self.meta(b'x', b"PaxHeaders/x", &records);
        }
        let mut header = Header::new(kind(&entry.what), name, if entry.pax { 0 } else { size });
        header.own(entry, link, prefix);
        let extensions = header.sparse(&entry.what);
        self.headers.push(self.bytes.len());
        self.bytes.extend(header.done());
        self.bytes.extend(extensions);
        let data = self.bytes.len();
        self.data(&stored);
        Extent { headers: self.headers.clone(), data, end: self.bytes.len() }
    }

    /// A header that speaks of the next.
    fn meta(&mut self, kind: u8, name: &[u8], data: &[u8]) {
        self.headers.push(self.bytes.len());
        self.bytes.extend(Header::new(kind, name, data.len() as u64).done());
        self.data(data);
    }

    fn data(&mut self, data: &[u8]) {
        self.bytes.extend(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }
}

/// The name without and with what can be its prefix.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let within = name.get(..name.len().checked_sub(1)?)?;
    let slash = within.iter().rposition(|byte| *byte == b'/').filter(|slash| (1..=155).contains(slash))?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    (rest.len() <= 100 && !prefix.contains(&b'\\')).then_some((prefix, rest))
}

fn kind(what: &What) -> u8 {
    match what {
        What::Directory => b'5',
        What::File(data) => kind_of(data),
        What::Sparse { form: Form::Gnu, .. } => b'S',
        What::Sparse { .. } => b'0',
        What::HardLink(_) => b'1',
        What::Symlink(_) => b'2',
        What::Character(..) => b'3',
        What::Block(..) => b'4',
        What::Fifo => b'6',
        What::Unknown(kind) => *kind,
    }
}

/// Each of the three types that a file can have.
fn kind_of(data: &[u8]) -> u8 {
    match data.len() {
        1 => 0,
        3 => b'7',
        _ => b'0',
    }
}

fn link(entry: &Entry) -> &[u8] {
    match &entry.what {
        What::HardLink(to) | What::Symlink(to) => to,
        _ => b"",
    }
}

fn stored(entry: &Entry) -> Vec<u8> {
    match &entry.what {
        What::File(data) => data.0.clone(),
        What::Sparse { pieces: drawn, size, form } => {
            let map = map(drawn, *size, *form);
            let mut stored = Vec::new();
            if *form == Form::Pax10 {
                let numbers = map.iter().flat_map(|(offset, length)| [*offset, *length]);
                let lines =
                    std::iter::once(map.len() as u64).chain(numbers).map(|number| format!("{number}\n"));
                stored.extend(lines.collect::<String>().into_bytes());
                stored.resize(stored.len().next_multiple_of(BLOCK), 0);
            }
            stored.extend(pieces(drawn).flat_map(|(_, bytes)| bytes));
            stored
        }
        _ => Vec::new(),
    }
}
