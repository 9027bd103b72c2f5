//! Aggressor: writes to cache lines in no order, over about the size of the shared cache. A unit of work is 1,000 lines.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::schedule::Random;

const LINE: usize = 64;
const LINES: u64 = 1000;

/// Parameters of the cache thrasher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorCache")]
pub struct Cache {
    /// Bytes of each thread.
    pub bytes: usize,
}

impl Cache {
    pub(super) fn unit(&self, thread: usize) -> Unit {
        let mut block = vec![0u8; self.bytes.max(LINE)];
        let lines = (block.len() / LINE) as u64;
        let mut random = Random::new(thread as u64);
        Box::new(move || {
            for _ in 0..LINES {
                let line = usize::try_from(random.next() % lines).unwrap_or_default();
                block[line * LINE] = block[line * LINE].wrapping_add(1);
            }
            black_box(&block);
            Ok(1)
        })
    }
}
