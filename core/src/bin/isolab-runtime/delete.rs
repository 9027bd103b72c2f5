//! `delete`: removes what there is of a container.
//!
//! In an order in which whatever is left, should this command be killed, is a container that can be deleted again: the
//! processes, the groups, the hooks for it, and last the directory, in that its state. So a hook may run twice; that it
//! never runs would be worse.

use std::os::fd::AsFd;
use std::time::Duration;

use isolab_core::cgroup;
use isolab_core::hook::{self, Point};
use isolab_core::state::{Entry, Error, Found, Identity, State, Status};
use isolab_core::sys::signal::KILL;
use isolab_core::sys::{Errno, process};

use crate::Context;
use crate::arguments::Delete;
use crate::failure::Failure;

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn delete(context: &Context, given: &Delete) -> Result<(), Failure> {
    match context.store.lock(&given.id) {
        Ok(Found::Container(entry, state)) => delete_locked(context, entry, &state, given.force),
        // A name that was claimed by someone who died then.
        Ok(Found::Empty(entry)) => Ok(entry.remove()?),
        Err(Error::NotFound(_)) if given.force => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn delete_locked(context: &Context, entry: Entry, state: &State, force: bool) -> Result<(), Failure> {
    match state.status(&entry) {
        // What was never started is not running.
        Status::Stopped | Status::Created => {}
        _ if force => {}
        status => {
            return Err(Failure::new(format!(
                "cannot delete container {:?} that is not stopped: {status}",
                state.id
            )));
        }
    }
    end(state, &entry)?;
    poststop(context, state);
    Ok(entry.remove()?)
}

/// Ends all processes of a container and removes its groups. There may be none.
pub(crate) fn end(state: &State, entry: &Entry) -> Result<(), Failure> {
    entry.end_orphans()?;
    if !state.is_of_this_boot() {
        return Ok(());
    }
    if let Some(pidfd) = state.init.and_then(Identity::open) {
        match process::signal(&pidfd, KILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(Failure::context("kill", errno)),
        }
        // What is frozen dies here.
        end_group(state)?;
        let gone = process::poll(&[pidfd.as_fd()], Some(PATIENCE));
        gone.and_then(|gone| gone.ok_or(Errno::ETIME))
            .map_err(|errno| Failure::context("wait for the end", errno))?;
    } else if state.complete {
        end_group(state)?;
    }
    state.await_watcher();
    match state.complete {
        true => Ok(cgroup::remove(&state.groups, PATIENCE)?),
        // Those of a creator that died are removed if they are empty: they may be another container's.
        false => {
            state.remove_own_groups();
            Ok(())
        }
    }
}

fn end_group(state: &State) -> Result<(), Failure> {
    Ok(cgroup::kill(&state.groups, PATIENCE)?)
}

/// One that fails is said, and the rest goes on (runtime-spec, `runtime.md`, "Lifecycle").
pub(crate) fn poststop(context: &Context, state: &State) {
    if state.poststop.is_empty() {
        return;
    }
    let oci = state.oci(Status::Stopped);
    for hook in &state.poststop {
        if let Err(error) = hook::run(Point::Poststop, hook, &oci, &state.bundle) {
            context.log.warn(&error.to_string());
        }
    }
}
