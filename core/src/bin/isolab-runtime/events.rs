//! `events`: what a container uses, and when it is out of memory, one JSON object a line.

use isolab_core::state::Status;

use crate::Context;
use crate::arguments::Events;
use crate::failure::Failure;
use crate::time;

pub(crate) fn events(context: &Context, given: &Events) -> Result<(), Failure> {
    let _interval = time::span(&given.interval)
        .ok_or_else(|| Failure::new(format!("--interval {}: not a time such as 5s", given.interval)))?;
    let (entry, state) = context.store.find(&given.id)?;
    if state.status(&entry) == Status::Stopped {
        return Err(Failure::new(format!("container not running: {:?}", state.id)));
    }
    Err(Failure::new("events: not there yet"))
}
