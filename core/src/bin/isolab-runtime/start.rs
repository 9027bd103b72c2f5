//! `start`: lets a created container go on to its workload.

use std::os::fd::AsFd;

use isolab_core::hook::{self, Point};
use isolab_core::state::{Entry, Found, State, Status};
use isolab_core::sys::process;

use crate::Context;
use crate::failure::Failure;

pub(crate) fn start(context: &Context, id: &str) -> Result<(), Failure> {
    match context.store.lock(id)? {
        Found::Container(entry, state) => go(context, entry, &state),
        Found::Empty(_) => Err(isolab_core::state::Error::NotFound(id.to_owned()).into()),
    }
}

/// Starts a container whose lock is held, waits until it executes its workload, and runs the hooks for that.
pub(crate) fn go(context: &Context, mut entry: Entry, state: &State) -> Result<(), Failure> {
    let stopped = || Failure::new(format!("cannot start container {:?} that has stopped", state.id));
    match state.status(&entry) {
        Status::Created => {}
        Status::Stopped => return Err(stopped()),
        Status::Creating => return Err(Failure::new(format!("container {:?} is being created", state.id))),
        Status::Running | Status::Paused => {
            return Err(Failure::new(format!(
                "cannot start container {:?} that is running already",
                state.id
            )));
        }
    }
    let pidfd = state.init.and_then(isolab_core::state::Identity::open).ok_or_else(stopped)?;
    let fifo = entry.start()?.ok_or_else(stopped)?;
    // Its end of the FIFO is closed at its exec, or with it.
    process::poll(&[fifo.as_fd(), pidfd.as_fd()], None)
        .map_err(|errno| Failure::context("wait for the workload", errno))?;
    // Hooks may use commands on the container.
    entry.unlock();
    poststart(context, state);
    Ok(())
}

/// One that fails is said, and the container goes on (runtime-spec, `runtime.md`, "Lifecycle").
pub(crate) fn poststart(context: &Context, state: &State) {
    if state.poststart.is_empty() {
        return;
    }
    let oci = state.oci(Status::Running);
    for hook in &state.poststart {
        if let Err(error) = hook::run(Point::Poststart, hook, &oci, &state.bundle) {
            context.log.warn(&error.to_string());
        }
    }
}
