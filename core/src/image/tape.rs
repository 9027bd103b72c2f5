//! A tar archive, read from its beginning to its end: ustar, GNU and PAX, with long names and sparse files.
//!
//! Everything that is taken into memory is bounded: names, PAX records, sparse maps. Data is read through [`Read`].

use std::io::{self, Read};

use tar::{EntryType, GnuExtSparseHeader, GnuSparseHeader, Header};

use super::error::Problem;
use super::pax::{self, Pax};

const BLOCK: u64 = 512;
/// PAX records of one entry: attributes of 64 KiB each, and names.
const LONGEST_RECORDS: u64 = 1 << 20;
/// Pieces of one sparse file.
const MOST_PIECES: usize = 1 << 16;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    Fifo,
    Character,
    Block,
}

/// One entry, its data apart.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: Kind,
    /// Permission bits, with set-user-id, set-group-id and sticky.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Seconds and nanoseconds.
    pub(super) mtime: (i64, i64),
    pub(super) device: u64,
    /// Size with holes.
    pub(super) size: u64,
    /// Offset and length of what is no hole; `None` for a file without holes.
    pub(super) pieces: Option<Vec<(u64, u64)>>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A source of which a part can be passed over.
pub(super) trait Source: Read + Sized {
    /// Passes over bytes.
    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.by_ref().take(bytes), &mut io::sink())?;
        if passed == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// An archive being read.
pub(super) struct Tape<S> {
    source: S,
    position: u64,
    /// Data of the current entry that has not been read, and the padding after it.
    left: u64,
    padding: u64,
    longest_name: u64,
}

impl<S: Source> Tape<S> {
    /// From its beginning. Names may be up to `longest_name` bytes long.
    pub(super) fn new(source: S, longest_name: u64) -> Tape<S> {
        Tape { source, position: 0, left: 0, padding: 0, longest_name }
    }

    /// Where the data of the current entry is, and how much of it has not been read.
    pub(super) fn data(&self) -> (u64, u64) {
        (self.position, self.left)
    }

    /// The source, at the end of the archive.
    pub(super) fn into_source(self) -> S {
        self.source
    }

    /// Passes over what is left of the current entry and reads the next; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Problem> {
        let mut long_name = None;
        let mut long_link = None;
        let mut records = Pax::default();
        loop {
            self.pass_over()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.entry_size().map_err(|error| Problem::io("its size", error))?;
            self.expect(size)?;
            match header.entry_type() {
                EntryType::GNULongName => long_name = Some(self.long_text()?),
                EntryType::GNULongLink => long_link = Some(self.long_text()?),
                EntryType::XHeader => records = Pax::read(&self.bytes(LONGEST_RECORDS)?)?,
                // Defaults for all entries: git writes its commit so; nothing in it belongs to a file.
                EntryType::XGlobalHeader => {}
                _ => {
                    records.path = records.path.or(long_name);
                    records.link = records.link.or(long_link);
                    return self.entry(&header, records).map(Some);
                }
            }
        }
    }

    fn entry(&mut self, header: &Header, records: Pax) -> Result<Entry, Problem> {
        if let Some(size) = records.size {
            self.expect(size)?;
        }
        let name = records.sparse.name.clone().or(records.path.clone());
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = records.link.clone();
        let link = link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
        self.check_name(&name)?;
        self.check_name(&link)?;
        let kind = kind(header.entry_type(), &name)?;
        if kind != Kind::File {
            // Links and directories of some writers have a size, but none has data: what Go's tar, which made most
            // images, takes for the next header is the next header.
            (self.left, self.padding) = (0, 0);
        }
        let id = |what: &str, given: Option<u64>, header: io::Result<u64>| {
            let id = given.map_or(header, Ok).map_err(|error| Problem::io(format!("its {what}"), error))?;
            match u32::try_from(id) {
                Ok(id) if id != u32::MAX => Ok(id),
                _ => Err(Problem::refused(format!("{what} {id} is more than the kernel has"))),
            }
        };
        let number = |what: &str, value: io::Result<Option<u32>>| {
            value.map(Option::unwrap_or_default).map_err(|error| Problem::io(format!("its {what}"), error))
        };
        let mode = header.mode().map_err(|error| Problem::io("its mode", error))?;
        // Base-256 numbers are two's complement, so the cast gives what was written.
        let seconds = header.mtime().map_err(|error| Problem::io("its time", error))? as i64;
        let device = match kind {
            Kind::Character | Kind::Block => {
                let major = number("device number", header.device_major())?;
                device(major, number("device number", header.device_minor())?)?
            }
            _ => 0,
        };
        let mut entry = Entry {
            name,
            link,
            kind,
            mode: mode & 0o7777,
            uid: id("user", records.uid, header.uid())?,
            gid: id("group", records.gid, header.gid())?,
            mtime: records.mtime.unwrap_or((seconds, 0)),
            device,
            size: self.left,
            pieces: None,
            xattrs: Vec::new(),
        };
        self.sparse(header, &records, &mut entry)?;
        entry.xattrs = records.xattrs;
        Ok(entry)
    }

    /// Reads the map of a sparse file in whichever form it is.
    fn sparse(&mut self, header: &Header, records: &Pax, entry: &mut Entry) -> Result<(), Problem> {
        let gnu = header.entry_type() == EntryType::GNUSparse;
        let sparse = &records.sparse;
        let pieces = if gnu {
            let header = header.as_gnu().ok_or_else(|| Problem::format("a sparse file that is not GNU's"))?;
            entry.size = header.real_size().map_err(|error| Problem::io("its real size", error))?;
            self.gnu_map(header)?
        } else if sparse.map_in_data {
            self.map_in_data()?
        } else if sparse.size.is_some() {
            pairs(&sparse.numbers)?
        } else {
            return Ok(());
        };
        if let Some(size) = sparse.size {
            entry.size = size;
        }
        check_map(&pieces, entry.size, self.left)?;
        entry.pieces = Some(pieces);
        Ok(())
    }

    /// The old GNU form: four pieces in the header, more in blocks after it.
    fn gnu_map(&mut self, header: &tar::GnuHeader) -> Result<Vec<(u64, u64)>, Problem> {
        let mut pieces = Vec::new();
        let mut add = |listed: &[GnuSparseHeader]| -> Result<(), Problem> {
            for piece in listed.iter().filter(|piece| !piece.is_empty()) {
                let number = |value: io::Result<u64>| value.map_err(|error| Problem::io("its map", error));
                pieces.push((number(piece.offset())?, number(piece.length())?));
            }
            if pieces.len() > MOST_PIECES { Err(too_many_pieces()) } else { Ok(()) }
        };
        add(&header.sparse)?;
        let mut more = header.is_extended();
        while more {
            let mut extension = GnuExtSparseHeader::new();
            self.source.read_exact(extension.as_mut_bytes()).map_err(|error| cut_short("its map", error))?;
            self.position += BLOCK;
            add(extension.sparse())?;
            more = extension.is_extended();
        }
        Ok(pieces)
    }

    /// PAX form 1.0: lines of decimal numbers before the data, filled up to a block.
    fn map_in_data(&mut self) -> Result<Vec<(u64, u64)>, Problem> {
        let mut block = [0u8; BLOCK as usize];
        let mut line = Vec::new();
        let mut numbers = Vec::new();
        let mut wanted = 1;
        while numbers.len() < wanted {
            self.read_exact(&mut block).map_err(|error| cut_short("its map", error))?;
            for byte in block {
                if byte != b'\n' {
                    line.push(byte);
                    continue;
                }
                let number = pax::number(&line).ok_or_else(|| Problem::format("its map is no list"))?;
                if numbers.is_empty() {
                    let count = usize::try_from(number).ok().filter(|count| *count <= MOST_PIECES);
                    wanted = 1 + 2 * count.ok_or_else(too_many_pieces)?;
                }
                numbers.push(number);
                line.clear();
                if numbers.len() == wanted {
                    break;
                }
            }
        }
        pairs(numbers.get(1..).unwrap_or_default())
    }

    /// The next header; `None` at a block of zeros or at the end of the source.
    fn header(&mut self) -> Result<Option<Header>, Problem> {
        let mut header = Header::new_old();
        let block = header.as_mut_bytes();
        // An archive without the blocks of zeros at its end is taken, as tar takes it.
        let first = self.source.read(block).map_err(|error| Problem::io("read the archive", error))?;
        if first == 0 {
            return Ok(None);
        }
        let rest = block.get_mut(first..).unwrap_or_default();
        self.source.read_exact(rest).map_err(|error| cut_short("a header", error))?;
        self.position += BLOCK;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sums = checksums(block);
        let stated = header.cksum().map_err(|error| Problem::io("a header's checksum", error))?;
        if sums.contains(&i64::from(stated)) {
            Ok(Some(header))
        } else {
            Err(Problem::format("no tar header: its checksum is wrong"))
        }
    }

    fn expect(&mut self, size: u64) -> Result<(), Problem> {
        let padded =
            size.checked_next_multiple_of(BLOCK).ok_or_else(|| Problem::format("an impossible size"))?;
        (self.left, self.padding) = (size, padded - size);
        Ok(())
    }

    fn pass_over(&mut self) -> Result<(), Problem> {
        let bytes = self.left + self.padding;
        (self.left, self.padding) = (0, 0);
        if bytes == 0 {
            return Ok(());
        }
        let position = self.position.checked_add(bytes);
        self.position = position.ok_or_else(|| Problem::format("an impossible size"))?;
        self.source.pass(bytes).map_err(|error| cut_short("its data", error))
    }

    /// The whole data of an entry that is kept in memory.
    fn bytes(&mut self, most: u64) -> Result<Vec<u8>, Problem> {
        if self.left > most {
            return Err(Problem::Limit { what: "bytes in a name or in PAX records", limit: most });
        }
        let mut bytes = vec![0; self.left as usize];
        self.read_exact(&mut bytes).map_err(|error| cut_short("a long name", error))?;
        Ok(bytes)
    }

    /// A long name as GNU tar writes it, with a NUL at its end.
    fn long_text(&mut self) -> Result<Vec<u8>, Problem> {
        let mut bytes = self.bytes(self.longest_name + 1)?;
        if bytes.last() == Some(&0) {
            bytes.pop();
        }
        Ok(bytes)
    }

    fn check_name(&self, name: &[u8]) -> Result<(), Problem> {
        if name.len() as u64 > self.longest_name {
            return Err(Problem::Limit { what: "bytes in a name", limit: self.longest_name });
        }
        if name.contains(&0) { Err(Problem::refused("a name with a NUL in it")) } else { Ok(()) }
    }
}

impl<S: Read> Read for Tape<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let done = self.source.read(buffer.get_mut(..most).unwrap_or_default())?;
        if done == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= done as u64;
        self.position += done as u64;
        Ok(done)
    }
}

fn cut_short(what: &str, error: io::Error) -> Problem {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Problem::format(format!("the archive ends within {what}"));
    }
    Problem::io(format!("read {what}"), error)
}

/// The sum of a header's bytes, its own field taken as spaces: of unsigned bytes, and of signed ones as old tars had it.
fn checksums(block: &[u8; BLOCK as usize]) -> [i64; 2] {
    const FIELD: std::ops::Range<usize> = 148..156;
    let bytes = || block.iter().enumerate().map(|(at, byte)| if FIELD.contains(&at) { b' ' } else { *byte });
    [bytes().map(i64::from).sum(), bytes().map(|byte| i64::from(byte as i8)).sum()]
}

fn kind(entry_type: EntryType, name: &[u8]) -> Result<Kind, Problem> {
    Ok(match entry_type {
        // What was there before there was a type for directories.
        EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::HardLink,
        EntryType::Fifo => Kind::Fifo,
        EntryType::Char => Kind::Character,
        EntryType::Block => Kind::Block,
        other => {
            return Err(Problem::format(format!(
                "type {:?} is none of a file's",
                char::from(other.as_byte())
            )));
        }
    })
}

/// A device's number, of 12 and 20 bits (`include/linux/kdev_t.h`). `mknod(2)` takes the lower bits of others, which stand for
/// another device: perhaps for 0:0, which is overlay's whiteout.
fn device(major: u32, minor: u32) -> Result<u64, Problem> {
    if major >= 1 << 12 || minor >= 1 << 20 {
        return Err(Problem::refused(format!("the device {major}:{minor} is more than the kernel has")));
    }
    Ok(libc::makedev(major, minor))
}

fn too_many_pieces() -> Problem {
    Problem::Limit { what: "pieces of a sparse file", limit: MOST_PIECES as u64 }
}

fn pairs(numbers: &[u64]) -> Result<Vec<(u64, u64)>, Problem> {
    let (pairs, rest) = numbers.as_chunks::<2>();
    match rest {
        [] if pairs.len() > MOST_PIECES => Err(too_many_pieces()),
        [] => Ok(pairs.iter().map(|[offset, length]| (*offset, *length)).collect()),
        _ => Err(Problem::format("its map has an offset without a length")),
    }
}

/// Pieces must come in order, within the file, and take all the data.
fn check_map(pieces: &[(u64, u64)], size: u64, stored: u64) -> Result<(), Problem> {
    let (mut end, mut sum) = (0u64, 0u64);
    for (offset, length) in pieces {
        let next = offset.checked_add(*length).filter(|next| *offset >= end && *next <= size);
        end = next.ok_or_else(|| Problem::format("its map is out of order or beyond its end"))?;
        sum += length;
    }
    if sum == stored {
        return Ok(());
    }
    Err(Problem::format(format!("its map speaks of {sum} bytes of data, but there are {stored}")))
}
