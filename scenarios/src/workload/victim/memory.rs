//! Victim: serves requests that touch memory, on a schedule. A sample is the latency from the intended start.
//!
//! Each request follows a chain of dependent loads through a working set that is larger than the second-level cache (so
//! that it feels a neighbour's use of the shared cache and of the memory bus), then faults in fresh pages (so that it feels
//! the page allocator, reclaim, and the memory controller of its own group).

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;

/// Bytes of a cache line; aarch64 has lines of 64 to 128 bytes, which only makes the chain sparser.
const LINE: usize = 64;
/// Distance of touched bytes that makes one fault each with pages of 4 KiB, and fewer with larger ones.
const PAGE: usize = 4096;
/// A block that malloc maps afresh every time and unmaps when it is freed, so that its pages fault: the threshold is
/// dynamic, but never above 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`). Untouched pages of it cost nothing.
pub(crate) const MAPPED_AFRESH: usize = 33 << 20;

/// Parameters of the memory-touching victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimMemory")]
pub struct Memory {
    /// Bytes of the working set.
    pub bytes: usize,
    /// Dependent loads per request.
    pub loads: u32,
    /// Fresh pages that each request faults in.
    pub faults: usize,
}

impl Memory {
    pub(super) fn serve(&self) -> Serve {
        let (chain, loads, faults) = (chain(self.bytes / LINE), self.loads, self.faults);
        let mut at = 0;
        Box::new(move || {
            at = follow(&chain, at, loads);
            fault(faults);
            Ok(())
        })
    }
}

/// One cache line that says which line is next.
#[repr(align(64))]
struct Line(u32);

/// A single cycle through all lines in an order that no prefetcher follows: `x → ax + c` modulo a power of two visits
/// every number once (Hull and Dobell 1962: c odd, a is 1 modulo 4).
fn chain(lines: usize) -> Vec<Line> {
    let lines = u32::try_from(lines.clamp(2, 1 << 28)).unwrap_or(2);
    let mask = (1u32 << lines.ilog2()) - 1;
    (0..=mask).map(|line| Line(line.wrapping_mul(0x9e37_79b5).wrapping_add(0x7f4a_7c15) & mask)).collect()
}

/// Follows the chain; each load's address is the value of the one before.
fn follow(chain: &[Line], from: u32, loads: u32) -> u32 {
    (0..loads).fold(from, |at, _| black_box(chain[at as usize].0))
}

/// Faults in fresh pages by writing one byte to each, and gives them back.
pub(super) fn fault(pages: usize) {
    let mut block = vec![0u8; MAPPED_AFRESH.max(pages * PAGE)];
    for page in 0..pages {
        block[page * PAGE] = 1;
    }
    black_box(&block);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_one_cycle_through_all_lines() {
        for lines in [2, 64, 1000, 1 << 16] {
            let chain = chain(lines);
            let mut seen = vec![false; chain.len()];
            let mut at = 0;
            for _ in 0..chain.len() {
                assert!(!std::mem::replace(&mut seen[at as usize], true), "{lines} lines: {at} twice");
                at = follow(&chain, at, 1);
            }
            assert_eq!(at, 0, "{lines} lines: not a cycle");
        }
    }

    #[test]
    fn a_line_is_a_cache_line() {
        assert_eq!(std::mem::size_of::<Line>(), LINE);
        assert_eq!(chain((8 << 20) / LINE).len() * LINE, 8 << 20);
    }

    #[test]
    fn every_request_faults_in_its_pages() {
        fn minor_faults() -> u64 {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let after_name = stat.rsplit(") ").next().unwrap();
            after_name.split(' ').nth(7).unwrap().parse().unwrap()
        }
        fault(1);
        let before = minor_faults();
        for _ in 0..10 {
            fault(16);
        }
        let faults = minor_faults() - before;
        // Huge pages (`transparent_hugepage=always`) take all 16 in one fault.
        assert!((10..400).contains(&faults), "{faults}");
    }
}
