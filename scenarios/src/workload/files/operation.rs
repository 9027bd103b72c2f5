//! What is done to files, to how many of which size, and where these are.
//!
//! Whoever makes the files and whoever works on them read the same table.

use serde::{Deserialize, Serialize};

/// One operation. Its files are numbered from 0, in a directory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// `stat(2)` of a path that was not looked up before in this mount.
    FirstStat,
    /// `stat(2)` of a path.
    Stat,
    /// `open(2)` for reading.
    Open,
    /// Opening and listing a directory that was not listed before in this mount.
    FirstReaddir,
    /// Opening and listing a directory.
    Readdir,
    /// `pread(2)` of a file's only 4 KiB.
    Read,
    /// `mmap(2)`, reading of every page, `munmap(2)`.
    Map,
    /// `open(2)` with `O_CREAT | O_EXCL`.
    Create,
    /// `pwrite(2)` of 4 KiB over those of a new file.
    Write,
    /// `fsync(2)` of 4 KiB in a new file.
    Fsync,
    /// `mmap(2)` of a new file's 4 KiB, writing, `msync(2)`, `munmap(2)`.
    Msync,
    /// `rename(2)` of a new file.
    Rename,
    /// `unlink(2)` of an empty file of the layers. To free blocks is the file system's own matter, and some discard them on
    /// the disk at once.
    Unlink,
    /// `unlink(2)` of a new file.
    UnlinkNew,
    /// `rename(2)` of a directory of the layers; where that is `EXDEV`, as `mv(1)` does it: file by file.
    MoveDirectory,
    /// `chmod(2)` of a file of 1 MiB of the layers.
    Chmod,
    /// `open(2)` for writing of a file of 4 KiB of the layers.
    #[serde(rename = "copy-up-4k")]
    CopyUp4K,
    /// The same of 64 KiB.
    #[serde(rename = "copy-up-64k")]
    CopyUp64K,
    /// The same of 1 MiB.
    #[serde(rename = "copy-up-1m")]
    CopyUp1M,
    /// The same of 16 MiB.
    #[serde(rename = "copy-up-16m")]
    CopyUp16M,
}

/// Whose files an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Files that the root filesystem came with.
    Layers,
    /// Directories that it came with, of so many files each.
    Directories(u32),
    /// Files that the workload makes.
    New,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// In words.
    pub name: &'static str,
    /// Its directory, below the root of all.
    pub directory: &'static str,
    /// Whose files.
    pub of: Of,
    /// How many a round: so many samples.
    pub files: u32,
    /// Bytes of each file.
    pub bytes: usize,
    /// Whether it changes something: on an overlay, in the upper layer.
    pub writes: bool,
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

impl Operation {
    /// In the order in which they run and are reported.
    pub const ALL: [Operation; 20] = [
        Operation::FirstStat,
        Operation::Stat,
        Operation::Open,
        Operation::FirstReaddir,
        Operation::Readdir,
        Operation::Read,
        Operation::Map,
        Operation::Create,
        Operation::Write,
        Operation::Fsync,
        Operation::Msync,
        Operation::Rename,
        Operation::Unlink,
        Operation::UnlinkNew,
        Operation::MoveDirectory,
        Operation::Chmod,
        Operation::CopyUp4K,
        Operation::CopyUp64K,
        Operation::CopyUp1M,
        Operation::CopyUp16M,
    ];

    /// Its row.
    #[must_use]
    pub const fn shape(self) -> Shape {
        use Of::{Directories, Layers, New};
        let (name, directory, of, files, bytes, writes) = match self {
            Operation::FirstStat => ("first stat", "first-stat", Layers, 64, 16, false),
            Operation::Stat => ("stat", "stat", Layers, 64, 16, false),
            Operation::Open => ("open", "open", Layers, 64, 16, false),
            Operation::FirstReaddir => ("first readdir", "first-readdir", Directories(32), 16, 16, false),
            Operation::Readdir => ("readdir", "readdir", Directories(32), 16, 16, false),
            Operation::Read => ("read 4 KiB", "read", Layers, 64, 4 * KIB, false),
            Operation::Map => ("mmap 64 KiB", "mmap", Layers, 32, 64 * KIB, false),
            Operation::Create => ("create", "create", New, 64, 0, true),
            Operation::Write => ("write 4 KiB", "write", New, 64, 4 * KIB, true),
            Operation::Fsync => ("fsync 4 KiB", "fsync", New, 8, 4 * KIB, true),
            Operation::Msync => ("mmap, msync 4 KiB", "msync", New, 8, 4 * KIB, true),
            Operation::Rename => ("rename", "rename", New, 64, 16, true),
            Operation::Unlink => ("unlink", "unlink", Layers, 64, 0, true),
            Operation::UnlinkNew => ("unlink a new file", "unlink-new", New, 64, 16, true),
            Operation::MoveDirectory => ("move a directory", "move", Directories(4), 4, 16, true),
            Operation::Chmod => ("chmod 1 MiB", "chmod", Layers, 4, MIB, true),
            Operation::CopyUp4K => ("copy-up 4 KiB", "copy-up-4k", Layers, 8, 4 * KIB, true),
            Operation::CopyUp64K => ("copy-up 64 KiB", "copy-up-64k", Layers, 8, 64 * KIB, true),
            Operation::CopyUp1M => ("copy-up 1 MiB", "copy-up-1m", Layers, 4, MIB, true),
            Operation::CopyUp16M => ("copy-up 16 MiB", "copy-up-16m", Layers, 1, 16 * MIB, true),
        };
        Shape { name, directory, of, files, bytes, writes }
    }

    /// Whether it is about what a mount has not seen before, so that nothing may be looked at in advance.
    pub(super) fn is_first(self) -> bool {
        matches!(self, Operation::FirstStat | Operation::FirstReaddir)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_directories_are_an_operations_own() {
        let shapes = Operation::ALL.map(Operation::shape);
        let names: BTreeSet<&str> = shapes.iter().map(|shape| shape.name).collect();
        let directories: BTreeSet<&str> = shapes.iter().map(|shape| shape.directory).collect();
        assert_eq!((names.len(), directories.len()), (Operation::ALL.len(), Operation::ALL.len()));
    }

    #[test]
    fn new_files_are_for_operations_that_write() {
        for shape in Operation::ALL.map(Operation::shape) {
            assert!(shape.files > 0 && (shape.of != Of::New || shape.writes), "{}", shape.name);
        }
    }
}
