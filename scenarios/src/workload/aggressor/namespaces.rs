//! Aggressor: new network namespaces, each in the place of the one before, which the kernel then takes down in its own time. A
//! unit of work is one namespace.

use isolab_core::sys::namespace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::workload::io_error;

/// Parameters: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorNamespaces")]
pub struct Namespaces {}

impl Namespaces {
    #[expect(clippy::unused_self, reason = "as every aggressor")]
    pub(super) fn unit(&self) -> Unit {
        Box::new(|| namespace::unshare(namespace::NETWORK).map(|()| 1).map_err(io_error))
    }
}
