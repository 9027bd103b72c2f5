//! `recover`: removes what commands left that died. A container that has an owner is not touched, also when it has ended: it is for
//! `delete`, as engines call it.

use isolab_core::state::{Error, Found};

use crate::failure::Failure;
use crate::{Context, delete, output};

pub(crate) fn recover(context: &Context) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for id in context.store.names()? {
        match one(context, &id) {
            Ok(true) => output::print(&format!("{id}\n"))?,
            Ok(false) => {}
            // The others are not to wait for it.
            Err(failure) => failed.push(format!("{id}: {}", failure.message)),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("; "))) }
}

/// Removes what there is of one, if it was left.
fn one(context: &Context, id: &str) -> Result<bool, Failure> {
    match context.store.try_lock(id) {
        Ok(Found::Empty(entry)) => entry.remove()?,
        Ok(Found::Container(entry, state)) if state.is_left(&entry) => {
            delete::end(&state, &entry)?;
            delete::poststop(context, &state);
            entry.remove()?;
        }
        // Someone is at work on it, or has removed it meanwhile.
        Ok(Found::Container(..)) | Err(Error::Busy(_) | Error::NotFound(_)) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}
