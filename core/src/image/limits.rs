//! How much an image may hold. Archives come from others: without limits a kilobyte of them fills a disk.

use std::io::{self, Read};

use super::error::Problem;
use super::tape::Source;

/// The limits of one unpacking, over all layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes: of the decompressed layers together, and of the files with their holes.
    pub bytes: u64,
    /// Entries of all layers together, directories that are made for them included; and files of an archive.
    pub entries: u64,
    /// Bytes in a name, from the root.
    pub name: u64,
    /// Bytes of a manifest, an index or a config.
    pub document: u64,
    /// Layers of an image.
    pub layers: usize,
}

impl Default for Limits {
    /// 4 GiB, 100,000 entries, names up to what the kernel takes in a path, documents of 4 MiB, as registries
    /// take them, and 500 layers, as overlay does.
    fn default() -> Limits {
        Limits {
            bytes: 4 << 30,
            entries: 100_000,
            name: libc::PATH_MAX as u64 - 1,
            document: 4 << 20,
            layers: 500,
        }
    }
}

/// What is left of the limits.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    pub(super) limits: Limits,
    streamed: u64,
    sizes: u64,
    entries: u64,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Budget {
        Budget { limits, streamed: 0, sizes: 0, entries: 0 }
    }

    /// One more file, directory or other object, of a size.
    pub(super) fn take(&mut self, size: u64) -> Result<(), Problem> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Problem::Limit { what: "entries", limit: self.limits.entries });
        }
        self.sizes = self.sizes.saturating_add(size);
        if self.sizes > self.limits.bytes {
            return Err(Problem::Limit { what: "bytes in files", limit: self.limits.bytes });
        }
        Ok(())
    }

    /// What may still be decompressed.
    pub(super) fn left(&self) -> u64 {
        self.limits.bytes.saturating_sub(self.streamed)
    }

    /// Notes what was decompressed.
    pub(super) fn streamed(&mut self, bytes: u64) {
        self.streamed = self.streamed.saturating_add(bytes);
    }
}

/// A reader that fails once more than the limit has come out of it.
pub(super) struct Metered<R> {
    source: R,
    left: u64,
    limit: u64,
    /// How much has come out.
    pub(super) read: u64,
}

impl<R> Metered<R> {
    pub(super) fn new(source: R, limits: &Limits) -> Metered<R> {
        Metered { source, left: limits.bytes, limit: limits.bytes, read: 0 }
    }

    pub(super) fn within(source: R, budget: &Budget) -> Metered<R> {
        Metered { source, left: budget.left(), limit: budget.limits.bytes, read: 0 }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let done = self.source.read(buffer)?;
        self.read += done as u64;
        match self.left.checked_sub(done as u64) {
            Some(left) => self.left = left,
            None => {
                return Err(Problem::Limit { what: "decompressed bytes", limit: self.limit }.into());
            }
        }
        Ok(done)
    }
}

impl<R: Read> Source for Metered<R> {}
