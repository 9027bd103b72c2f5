//! One file, block by block: the jobs that `fio` can express as well.

use std::fs::File;
use std::io;
use std::path::Path;

use super::data::{self, Block};
use crate::schedule::Random;

/// Bytes that are read or written at once. What `fio` does between two reads of 4 KiB makes the caches cold for the next, which costs as
/// much as half of it; of 64 KiB it is a few hundredths.
pub const BLOCK: usize = 64 << 10;

/// In which order, and what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `pread(2)` from the first block to the last.
    Read,
    /// `pread(2)` of blocks at random, some of them more than once.
    RandomRead,
    /// `pwrite(2)` over what is there, from the first block to the last.
    Write,
    /// The same with an `fsync(2)` after each; samples are those of the syncs.
    Fsync,
}

/// One pass over a file.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// What.
    pub kind: Kind,
    /// Blocks of [`BLOCK`] bytes.
    pub blocks: u32,
    /// Of the random order.
    pub seed: u64,
}

impl Stream {
    /// One sample a block, in nanoseconds, taken around the system call alone.
    ///
    /// # Errors
    /// When the file cannot be opened, or is shorter than the blocks.
    pub fn run(&self, path: &Path) -> io::Result<Vec<u64>> {
        let file = File::options().read(true).write(true).open(path)?;
        let mut block = Block::<BLOCK>::new();
        let mut random = Random::new(self.seed);
        let mut samples = Vec::with_capacity(self.blocks as usize);
        for number in 0..u64::from(self.blocks) {
            let offset = number * BLOCK as u64;
            samples.push(match self.kind {
                Kind::Read => data::read(&file, &mut block, offset)?,
                Kind::RandomRead => {
                    let number = random.next() % u64::from(self.blocks);
                    data::read(&file, &mut block, number * BLOCK as u64)?
                }
                Kind::Write => data::write(&file, &block, offset)?,
                Kind::Fsync => {
                    data::write(&file, &block, offset)?;
                    data::sync(&file)?
                }
            });
        }
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_a_sample_per_block_and_keeps_the_files_length() {
        let path = std::env::temp_dir().join(format!("isolab-stream-{}", std::process::id()));
        std::fs::write(&path, vec![b'x'; 8 * BLOCK]).unwrap();
        for kind in [Kind::Read, Kind::RandomRead] {
            assert_eq!(Stream { kind, blocks: 8, seed: 1 }.run(&path).unwrap().len(), 8);
        }
        assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 8 * BLOCK]);
        for kind in [Kind::Write, Kind::Fsync] {
            assert_eq!(Stream { kind, blocks: 8, seed: 1 }.run(&path).unwrap().len(), 8);
        }
        assert_eq!(std::fs::read(&path).unwrap(), vec![b'i'; 8 * BLOCK]);
        let short = Stream { kind: Kind::Read, blocks: 9, seed: 1 }.run(&path);
        assert_eq!(short.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        std::fs::remove_file(&path).unwrap();
    }
}
