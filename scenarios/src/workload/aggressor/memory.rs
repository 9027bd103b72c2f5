//! Aggressor: streams through memory. A unit of work is one MiB written.
//!
//! It takes the memory bus and the shared cache; where it is to be fresh, the page allocator too. Its size is explicit: it never
//! takes more than it was told to, and whoever starts it keeps that well below what the host and the container's group have.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::workload::victim::MAPPED_AFRESH;

/// Bytes of one unit of work.
const UNIT: usize = 1 << 20;
/// Times that fresh memory is streamed through before it is freed.
const PASSES: usize = 4;

/// Parameters of the memory hog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorMemory")]
pub struct Memory {
    /// Bytes of each thread.
    pub bytes: usize,
    /// Whether the memory is given back and faulted in again every few passes.
    pub fresh: bool,
}

impl Memory {
    pub(super) fn unit(&self) -> Unit {
        let units = (self.bytes / UNIT).max(1);
        let fresh = self.fresh;
        let make = move || vec![0u8; (units * UNIT).max(MAPPED_AFRESH)];
        let (mut block, mut done) = (make(), 0usize);
        Box::new(move || {
            if fresh && done == units * PASSES {
                block = make();
                done = 0;
            }
            let at = done % units * UNIT;
            block[at..at + UNIT].fill((done / units).to_le_bytes()[0].wrapping_add(1));
            black_box(&block[at]);
            done += 1;
            Ok(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_a_mebibyte() {
        for fresh in [false, true] {
            let mut unit = Memory { bytes: 2 << 20, fresh }.unit();
            assert_eq!((0..20).map(|_| unit().unwrap()).sum::<u64>(), 20);
        }
    }
}
