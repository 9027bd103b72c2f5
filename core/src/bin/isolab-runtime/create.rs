//! `create`: everything but the start.

use std::os::fd::AsFd;

use isolab_core::launch;

use crate::arguments::Bundle;
use crate::bundle::{Prepared, prepare, undo};
use crate::engine::{self, Wiring};
use crate::failure::Failure;
use crate::{Context, delete, descriptors, terminal};

pub(crate) fn create(context: &Context, given: &Bundle) -> Result<(), Failure> {
    set_up(context, given).map(drop)
}

/// Creates a container, and returns what it was made of. Its lock is held.
pub(crate) fn set_up(context: &Context, given: &Bundle) -> Result<Prepared, Failure> {
    let mut prepared = prepare(context, given, launch::start_watcher_of_launches()?)?;
    match launch(given, &mut prepared) {
        Ok(()) => Ok(prepared),
        Err(failure) => Err(undo(prepared.entry, failure)),
    }
}

fn launch(given: &Bundle, prepared: &mut Prepared) -> Result<(), Failure> {
    let console =
        terminal::console(given.console_socket.as_deref(), prepared.config.process.terminal.is_some())?;
    let wiring = Wiring {
        console: console.as_ref().map(AsFd::as_fd),
        preserve_fds: prepared.preserve_fds,
        accept_gaps: given.allow_partial,
        patience: engine::patience(&prepared.config.hooks),
    };
    let Prepared { config, plan, state, entry, .. } = prepared;
    let start = entry.make_start()?;
    let pid = engine::create(plan, &wiring, start.as_fd())?;
    // Should this process be killed here, the next command finds the container by the FIFO that it waits at.
    state.set_init(pid, config);
    state.complete = true;
    let noted = entry.write(state).map_err(Failure::from).and_then(|()| match &given.pid_file {
        Some(path) => descriptors::write_pid(path, pid),
        None => Ok(()),
    });
    noted.map_err(|failure| match delete::end(state, entry) {
        Ok(()) => failure,
        Err(second) => Failure::new(format!("{}; and then: {}", failure.message, second.message)),
    })
}
