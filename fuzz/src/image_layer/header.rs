//! A header of a tar archive: ustar (POSIX.1), or GNU's with its map of a sparse file.

use super::input::{Entry, Form, What};
use super::records::map;

pub(super) const BLOCK: usize = 512;

/// A header.
pub(super) struct Header([u8; BLOCK]);

impl Header {
    pub(super) fn new(kind: u8, name: &[u8], size: u64) -> Header {
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

    pub(super) fn own(&mut self, entry: &Entry, link: &[u8], prefix: &[u8]) {
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
    pub(super) fn sparse(&mut self, what: &What) -> Vec<u8> {
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

    pub(super) fn done(mut self) -> [u8; BLOCK] {
        self.put(148, b"        ");
        let sum: u32 = self.0.iter().copied().map(u32::from).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}
