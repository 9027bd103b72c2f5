//! Victim: faults in fresh pages and gives them back, which feels the page allocator, reclaim and the memory controller.

use serde::{Deserialize, Serialize};

use super::{Serve, memory};

/// Parameters of the page-fault victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
