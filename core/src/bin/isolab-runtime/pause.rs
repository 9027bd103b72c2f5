//! `pause` and `resume`.

use isolab_core::cgroup;
use isolab_core::state::{Error, Found, Status};

use crate::Context;
use crate::failure::Failure;

pub(crate) fn pause(context: &Context, id: &str) -> Result<(), Failure> {
    change(context, id, true)
}

pub(crate) fn resume(context: &Context, id: &str) -> Result<(), Failure> {
    change(context, id, false)
}

fn change(context: &Context, id: &str, frozen: bool) -> Result<(), Failure> {
    let Found::Container(entry, state) = context.store.lock(id)? else {
        return Err(Error::NotFound(id.to_owned()).into());
    };
    match (frozen, state.status(&entry)) {
        (true, Status::Running | Status::Created) | (false, Status::Paused) => {}
        (true, status) => return Err(Failure::new(format!("container {id:?} is not running but {status}"))),
        (false, status) => return Err(Failure::new(format!("container {id:?} is not paused but {status}"))),
    }
    Ok(cgroup::freeze(&state.groups, frozen)?)
}
