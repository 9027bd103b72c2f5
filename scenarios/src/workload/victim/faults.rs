//! Victim: faults in fresh pages and gives them back, which feels the page allocator, reclaim and the memory controller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Serve, memory};

/// Parameters of the page-fault victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimFaults")]
pub struct Faults {
    /// Fresh pages per request.
    pub pages: usize,
}

impl Faults {
    pub(super) fn serve(&self) -> Serve {
        let pages = self.pages;
        Box::new(move || {
            memory::fault(pages);
            Ok(())
        })
    }
}
