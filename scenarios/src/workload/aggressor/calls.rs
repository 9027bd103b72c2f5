//! Aggressor: the cheapest system call there is, over and over. A unit of work is 1,000 calls of getppid(2).

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;

/// Parameters of the caller: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorCalls")]
pub struct Calls {}

impl Calls {
    #[expect(clippy::unused_self, reason = "as every aggressor")]
    pub(super) fn unit(&self) -> Unit {
        Box::new(|| {
            for _ in 0..1000 {
                black_box(std::os::unix::process::parent_id());
            }
            Ok(1)
        })
    }
}
