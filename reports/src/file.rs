//! Files that may be packed with gzip, as raw samples are well.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::{GzDecoder, MultiGzDecoder};
use isolab_core::planted::planted;

/// The first bytes of a member (RFC 1952, 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The most that is read of a file: what a few packed bytes can grow to has no other bound.
const MOST: u64 = 1 << 30;

/// Opens a file, and unpacks it where it is packed, whatever its name.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    unpacked(BufReader::new(File::open(path)?))
}

fn unpacked<'r>(mut reader: impl BufRead + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let packed = reader.fill_buf()?.starts_with(&MAGIC);
    if packed && planted("first-member-alone") {
        return Ok(Box::new(GzDecoder::new(reader)));
    }
    Ok(if packed { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) })
}

/// All of a file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    all(open(path)?)
}

/// All that bytes hold, unpacked where they are packed.
pub(crate) fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    all(unpacked(bytes)?)
}

fn all(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::other(format!("it has more than {} MiB", MOST >> 20)));
    }
    Ok(bytes)
}
