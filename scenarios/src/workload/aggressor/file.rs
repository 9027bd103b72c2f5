//! Aggressor: reads or writes a file of its own size again and again. A unit of work is one block.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::schedule::Random;

/// Alignment that direct I/O asks for on every file system here (open(2), `O_DIRECT`).
const ALIGN: usize = 4096;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorFile")]
pub struct File {
    /// Directory with a file for each thread.
    pub at: PathBuf,
    /// Bytes of each file.
    pub bytes: usize,
    /// What is done to it.
    pub operation: Operation,
}

/// What is done to the file, block by block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "AggressorFileOperation")]
pub enum Operation {
    /// Writes 256 KiB to the page cache, which the kernel writes back in its own time.
    Dirty,
    /// Writes 4 KiB and waits until they are on the disk.
    Sync,
    /// Reads 256 KiB past the page cache, in order.
    Sequential,
    /// Reads or writes 4 KiB past the page cache, in no order.
    Random,
}

impl Operation {
    fn block(self) -> usize {
        match self {
            Operation::Dirty | Operation::Sequential => 256 << 10,
            Operation::Sync | Operation::Random => 4 << 10,
        }
    }

    fn flags(self) -> i32 {
        match self {
            Operation::Dirty | Operation::Sync => 0,
            Operation::Sequential | Operation::Random => libc::O_DIRECT,
        }
    }
}

impl File {
    pub(super) fn unit(&self, thread: usize) -> io::Result<Unit> {
        let path = self.at.join(format!("{:?}-{thread}", self.operation).to_lowercase());
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let (operation, size) = (self.operation, self.operation.block());
        let blocks = (self.bytes / size).max(1) as u64;
        // Written before the start, so that there is something to read and a write takes no new block; once, since the file
        // stays for the next round.
        let whole = size as u64 * blocks;
        if !fs::metadata(&path).is_ok_and(|file| file.len() == whole) {
            fill(&path, whole).map_err(named)?;
        }
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).custom_flags(operation.flags()).open(&path).map_err(named)?;
        let mut buffer = vec![b'g'; size + ALIGN];
        let from = buffer.as_ptr().align_offset(ALIGN);
        let (mut number, mut random) = (0u64, Random::new(thread as u64));
        Ok(Box::new(move || {
            number += 1;
            let block = &mut buffer[from..from + size];
            let next = number % blocks * size as u64;
            let any = random.next() % blocks * size as u64;
            match operation {
                Operation::Dirty => file.write_all_at(block, next)?,
                Operation::Sync => file.write_all_at(block, next).and_then(|()| file.sync_data())?,
                Operation::Sequential => file.read_exact_at(block, next)?,
                Operation::Random if number.is_multiple_of(2) => file.read_exact_at(block, any)?,
                Operation::Random => file.write_all_at(block, any)?,
            }
            Ok(1)
        }))
    }
}

/// Writes a file of a size to the disk, by way of a buffer: the group may have less memory than that.
fn fill(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    io::copy(&mut io::repeat(b'f').take(bytes), &mut file)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_filled_to_its_size() {
        let path = std::env::temp_dir().join(format!("isolab-filled-{}", std::process::id()));
        fill(&path, 100_000).unwrap();
        assert_eq!(fs::read(&path).unwrap(), vec![b'f'; 100_000]);
        fs::remove_file(&path).unwrap();
    }
}
