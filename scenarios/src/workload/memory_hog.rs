//! Aggressor: streams through memory, frees it, and faults it in again. A unit of work is one MiB written.
//!
//! It takes the memory bus, the shared cache and the page allocator at once. Its size is explicit: it never takes more than
//! it was told to, and whoever starts it keeps that well below what the host and the container's group have.

use std::hint::black_box;

use serde::{Deserialize, Serialize};

use super::cpu_hog::in_threads;
use super::memory_victim::MAPPED_AFRESH;
use super::stop::Stop;
use super::{Error, Reply, Start};

/// Bytes of one unit of work.
const UNIT: usize = 1 << 20;
/// Times that a block is streamed through before it is freed.
const PASSES: usize = 4;

/// Parameters of the memory hog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryHog {
    /// Threads, each with its part of the memory.
    pub threads: usize,
    /// Bytes in all.
    pub bytes: usize,
}

impl MemoryHog {
    pub(super) fn run(&self, seconds: f64, start: &mut Start<'_>) -> Result<Reply, Error> {
        start()?;
        let stop = Stop::new(seconds, std::io::stdin());
        let share = self.bytes / self.threads.max(1);
        Ok(in_threads(self.threads, &|| stream(share, &stop)))
    }
}

/// Streams through `bytes` (at least one unit), again and again, in fresh memory every few passes.
fn stream(bytes: usize, stop: &Stop) -> u64 {
    let used = (bytes / UNIT).max(1) * UNIT;
    let mut units = 0;
    while !stop.reached() {
        let mut block = vec![0u8; used.max(MAPPED_AFRESH)];
        for pass in 0..PASSES {
            for unit in block[..used].chunks_exact_mut(UNIT) {
                unit.fill(pass.to_le_bytes()[0] + 1);
                black_box(&*unit);
                units += 1;
                if stop.reached() {
                    return units;
                }
            }
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_the_mebibytes_that_it_wrote() {
        let (input, kept) = std::io::pipe().unwrap();
        let stop = Stop::new(0.1, input);
        let units = stream(4 << 20, &stop);
        drop(kept);
        assert!(units > 16, "{units} MiB in 0.1 s");
    }

    #[test]
    fn an_ended_stdin_ends_it() {
        let stop = Stop::new(0.0, std::io::empty());
        assert_eq!(stream(1 << 20, &stop), 0);
    }
}
