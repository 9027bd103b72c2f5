//! `run`: create, start, wait, delete, in one.

use isolab_core::launch::{self, Container};
use isolab_core::state::{Found, State};

use crate::arguments::{Bundle, Run};
use crate::bundle::{Prepared, prepare, undo};
use crate::engine::{self, Wiring};
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::wait::Signals;
use crate::{Context, create, delete, descriptors, start};

pub(crate) fn run(context: &Context, given: &Run) -> Result<u8, Failure> {
    if given.detach {
        let prepared = create::set_up(context, &given.bundle)?;
        return start::go(context, prepared.entry, &prepared.state).map(|()| 0);
    }
    let watcher = launch::start_watcher()?;
    // Blocked from before the launch, so that none is lost; the workload starts with none blocked.
    let signals = Signals::block()?;
    let mut prepared = prepare(context, &given.bundle, watcher)?;
    prepared.state.foreground = !given.keep;
    let (container, terminal) = match go(&given.bundle, &mut prepared) {
        Ok(launched) => launched,
        Err(failure) => return Err(undo(prepared.entry, failure)),
    };
    let Prepared { mut entry, state, .. } = prepared;
    // Other commands may work on it while it runs.
    entry.unlock();
    start::poststart(context, &state);
    finish(context, container, &terminal, &signals, &state, given.keep)
}

fn go(given: &Bundle, prepared: &mut Prepared) -> Result<(Container, Terminal), Failure> {
    let Prepared { config, plan, state, entry, preserve_fds } = prepared;
    let mut terminal =
        Terminal::new(given.console_socket.as_deref(), config.process.terminal.is_some(), false)?;
    let wiring = Wiring {
        console: terminal.socket(),
        preserve_fds: *preserve_fds,
        accept_gaps: given.allow_partial,
        patience: engine::patience(&config.hooks),
    };
    let container = engine::launch(plan, &wiring)?;
    state.set_init(container.pid(), config);
    state.complete = true;
    entry.write(state)?;
    if let Some(path) = &given.pid_file {
        descriptors::write_pid(path, container.pid())?;
    }
    terminal.take_over()?;
    Ok((container, terminal))
}

/// Waits for the workload's end, and removes what there is of the container.
fn finish(
    context: &Context,
    mut container: Container,
    terminal: &Terminal,
    signals: &Signals,
    state: &State,
    keep: bool,
) -> Result<u8, Failure> {
    let ended = signals.wait(&mut container, terminal);
    // Its processes and its groups.
    let ended = ended.and_then(|exit| Ok(container.remove().map(|()| exit)?));
    if !keep {
        let again = ended.is_err();
        // Nobody else would, so once more when it fails.
        let removed = remove(context, state, again).or_else(|_| remove(context, state, true));
        // What failed first is told first.
        return ended.and_then(|exit| removed.map(|()| exit));
    }
    ended
}

/// Removes what there is of it; `again` when its processes and groups may be among that.
fn remove(context: &Context, state: &State, again: bool) -> Result<(), Failure> {
    match context.store.lock(&state.id) {
        // Deleted meanwhile, and perhaps created anew by someone else.
        Ok(Found::Container(entry, found)) if found.creator == state.creator => {
            if again {
                delete::end(&found, &entry)?;
            }
            delete::poststop(context, &found);
            Ok(entry.remove()?)
        }
        Ok(_) | Err(isolab_core::state::Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
