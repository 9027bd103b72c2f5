//! Aggressor: threads that fight for one lock, which puts them to sleep and wakes them up by futex(2). A unit of work is one
//! time that a thread held it.

use std::sync::{Mutex, PoisonError};
use std::thread;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;

/// Parameters of the fighters: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorFutex")]
pub struct Futex {}

static FOUGHT_FOR: Mutex<()> = Mutex::new(());

impl Futex {
    #[expect(clippy::unused_self, reason = "as every aggressor")]
    pub(super) fn unit(&self) -> Unit {
        Box::new(|| {
            let held = FOUGHT_FOR.lock().unwrap_or_else(PoisonError::into_inner);
            // Others come while it is held, find it taken, and sleep.
            thread::yield_now();
            drop(held);
            Ok(1)
        })
    }
}
