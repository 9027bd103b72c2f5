//! Victim: only wakes up. A sample is the delay past the intended wake-up: what an audio callback, a poll loop or a heartbeat feels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;

/// Parameters of the timer victim: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimTimer")]
pub struct Timer {}

impl Timer {
    #[expect(clippy::unused_self, reason = "as every victim")]
    pub(super) fn serve(&self) -> Serve {
        Box::new(|| Ok(()))
    }
}
