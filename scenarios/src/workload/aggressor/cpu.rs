//! Aggressor: spins. A unit of work is 10,000 steps of integer arithmetic that touches no memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::workload::spin;

/// Parameters of the CPU hog: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorCpu")]
pub struct Cpu {}

impl Cpu {
    #[expect(clippy::unused_self, reason = "as every aggressor")]
    pub(super) fn unit(&self) -> Unit {
        let mut word = 1;
        Box::new(move || {
            word = spin(word, 10_000);
            Ok(1)
        })
    }
}
