//! Victim: serves requests that are arithmetic alone, which feel the scheduler and the clock of the CPU, and no memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;
use crate::workload::spin;

/// Parameters of the CPU-bound victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimCpu")]
pub struct Cpu {
    /// Steps of integer arithmetic per request.
    pub steps: u32,
}

impl Cpu {
    pub(super) fn serve(&self) -> Serve {
        let (steps, mut word) = (self.steps, 1);
        Box::new(move || {
            word = spin(word, steps);
            Ok(())
        })
    }
}
