//! Drawn entries as a tar archive, written by hand: ustar (POSIX.1), GNU's long names and sparse maps, PAX records.

use std::io::Write;

use super::input::{End, Entry, Form, Layer, Naming, Packing, What};

const BLOCK: usize = 512;

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

/// The map as GNU tar writes it: with a piece of no bytes at the end of a file that ends in a hole. Not in the form 0.0, which needs
/// none.
fn map(pieces: &[(u64, u64)], size: u64, form: Form) -> Vec<(u64, u64)> {
    let end = pieces.last().map_or(0, |(offset, length)| offset + length);
    let last = (form != Form::Pax00 && (end < size || pieces.is_empty())).then_some((size, 0));
    pieces.iter().copied().chain(last).collect()
}

/// The bytes of a sparse file's pieces, one after another.
pub(crate) fn pieces(pieces: &[(u64, u64)]) -> impl Iterator<Item = (u64, Vec<u8>)> {
    pieces
        .iter()
        .enumerate()
        .map(|(nth, (offset, length))| (*offset, vec![b'A' + nth as u8; *length as usize]))
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

/// `LENGTH KEY=VALUE\n`, the length counting itself.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

fn records(entry: &Entry, size: u64) -> Vec<u8> {
    let mut records = Vec::new();
    let mut add = |key: &str, value: &str| records.extend(record(key, value.as_bytes()));
    if entry.pax {
        add("uid", &entry.uid.to_string());
        add("gid", &entry.gid.to_string());
        add("mtime", &time(entry.mtime));
        add("size", &size.to_string());
    }
    if let What::Sparse { pieces, size, form } = &entry.what {
        let pieces = map(pieces, *size, *form);
        let size = size.to_string();
        let numbers = pieces.iter().flat_map(|(offset, length)| [offset.to_string(), length.to_string()]);
        match form {
            Form::Gnu => {}
            Form::Pax00 => {
                add("GNU.sparse.size", &size);
                add("GNU.sparse.numblocks", &pieces.len().to_string());
                for (offset, length) in &pieces {
                    add("GNU.sparse.offset", &offset.to_string());
                    add("GNU.sparse.numbytes", &length.to_string());
                }
            }
            Form::Pax01 => {
                add("GNU.sparse.size", &size);
                add("GNU.sparse.map", &numbers.collect::<Vec<_>>().join(","));
            }
            Form::Pax10 => {
                add("GNU.sparse.major", "1");
                add("GNU.sparse.minor", "0");
                add("GNU.sparse.realsize", &size);
            }
        }
    }
    for (name, value) in &entry.xattrs {
        records.extend(record(&format!("SCHILY.xattr.{name}"), value));
    }
    records
}

fn time((seconds, nanoseconds): (i64, i64)) -> String {
    match (seconds, nanoseconds) {
        (_, 0) => seconds.to_string(),
        (..0, _) => format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds),
        _ => format!("{seconds}.{nanoseconds:09}"),
    }
}

struct Header([u8; BLOCK]);

impl Header {
    fn new(kind: u8, name: &[u8], size: u64) -> Header {
        let mut header = Header([0; BLOCK]);
        header.put(0, name);
        header.number(100..108, 0o644);
        header.number(108..116, 0);
        header.number(116..124, 0);
        header.number(124..136, size.into());
        header.number(136..148, 0);
        header.put(156, &[kind]);
        header.put(257, b"ustar  \0");
        header
    }

    fn own(&mut self, entry: &Entry, link: &[u8], prefix: &[u8]) {
        self.number(100..108, entry.mode.into());
        if !entry.pax {
            self.number(108..116, entry.uid.into());
            self.number(116..124, entry.gid.into());
            self.number(136..148, entry.mtime.0.into());
        }
        self.put(157, link);
        if let What::Character(major, minor) | What::Block(major, minor) = entry.what {
            self.number(329..337, major.into());
            self.number(337..345, minor.into());
        }
        if !prefix.is_empty() {
            self.put(257, b"ustar\x0000");
            self.put(345, prefix);
        }
    }

    /// GNU's map: four pieces here, 21 in each block that follows.
    fn sparse(&mut self, what: &What) -> Vec<u8> {
        let What::Sparse { pieces, size, form: Form::Gnu } = what else { return Vec::new() };
        self.number(483..495, (*size).into());
        let pieces = map(pieces, *size, Form::Gnu);
        let (here, more) = pieces.split_at(pieces.len().min(4));
        for (nth, (offset, length)) in here.iter().enumerate() {
            self.number(386 + nth * 24..398 + nth * 24, (*offset).into());
            self.number(398 + nth * 24..410 + nth * 24, (*length).into());
        }
        if more.is_empty() {
            return Vec::new();
        }
        self.0[482] = 1;
        let mut extension = Header([0; BLOCK]);
        for (nth, (offset, length)) in more.iter().enumerate() {
            extension.number(nth * 24..nth * 24 + 12, (*offset).into());
            extension.number(nth * 24 + 12..nth * 24 + 24, (*length).into());
        }
        extension.0.to_vec()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Octal, or in base 256 where that does not fit.
    fn number(&mut self, field: std::ops::Range<usize>, number: i128) {
        let digits = field.len() - 1;
        if number >= 0 && number < 1 << (3 * digits) {
            return self.put(field.start, format!("{number:0digits$o}\0").as_bytes());
        }
        let bytes = number.to_be_bytes();
        let start = field.start;
        let length = field.len();
        self.put(start, &bytes[bytes.len() - length..]);
        self.0[start] |= 0x80;
    }

    fn done(mut self) -> [u8; BLOCK] {
        self.put(148, b"        ");
        let sum: u32 = self.0.iter().copied().map(u32::from).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}
