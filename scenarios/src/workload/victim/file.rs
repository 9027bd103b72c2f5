//! Victim: reads, writes, or writes and syncs one file, a block a request.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;

/// Parameters of the file victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimFile")]
pub struct File {
    /// The file. It is made when it is not there, and written full before the start.
    pub at: PathBuf,
    /// Bytes of a block; the file has [`BLOCKS`] of them.
    pub bytes: usize,
    /// What a request does.
    pub operation: Operation,
}

/// What a request does with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "VictimFileOperation")]
pub enum Operation {
    /// Reads it, from the page cache as long as that keeps it.
    Read,
    /// Writes it, to the page cache.
    Write,
    /// Writes it and waits until it is on the disk (fdatasync(2)).
    Sync,
}

/// Blocks of the file.
const BLOCKS: u64 = 256;

impl File {
    pub(super) fn serve(&self) -> io::Result<Serve> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.at.display()));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.at);
        let file = file.map_err(named)?;
        let mut block = vec![b'i'; self.bytes];
        for number in 0..BLOCKS {
            file.write_all_at(&block, number * self.bytes as u64)?;
        }
        file.sync_data()?;
        let (operation, bytes, mut number) = (self.operation, self.bytes as u64, 0);
        Ok(Box::new(move || {
            // A step that has no factor in common with the number of blocks comes to all of them, and not in their order.
            number = (number + 101) % BLOCKS;
            match operation {
                Operation::Read => file.read_exact_at(&mut block, number * bytes),
                Operation::Write => file.write_all_at(&block, number * bytes),
                Operation::Sync => {
                    file.write_all_at(&block, number * bytes)?;
                    file.sync_data()
                }
            }
        }))
    }
}
