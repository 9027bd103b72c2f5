//! Where the commands meet the launch engine and the groups.

use std::os::fd::{AsFd, BorrowedFd};

use isolab_core::launch::{self, Container, Options};
use isolab_core::plan::Plan;
use isolab_core::state::State;

use crate::failure::Failure;

/// What a workload is connected with.
#[derive(Clone, Copy)]
pub(crate) struct Wiring<'fd> {
    /// Unix socket that is sent the controlling side of its terminal.
    pub(crate) console: Option<BorrowedFd<'fd>>,
    /// Descriptors from 3 on that it is given.
    pub(crate) preserve_fds: u32,
    /// Whether less than was asked for is accepted.
    pub(crate) accept_gaps: bool,
}

/// Launches a container that ends with this process.
pub(crate) fn launch(plan: &Plan, wiring: &Wiring<'_>, _state: &State) -> Result<Container, Failure> {
    if wiring.console.is_some() || wiring.preserve_fds > 0 {
        return Err(Failure::new("terminals and descriptors to be passed on: not there yet"));
    }
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let mut options = Options::new([input.as_fd(), output.as_fd(), error.as_fd()]);
    options.accept_gaps = wiring.accept_gaps;
    Ok(launch::launch(plan, &options)?)
}

/// Sets a container up that outlives this process, up to where it waits at `start`. Returns its first process.
pub(crate) fn create(
    _plan: &Plan,
    _wiring: &Wiring<'_>,
    _start: BorrowedFd<'_>,
    _state: &State,
) -> Result<i32, Failure> {
    Err(Failure::new("create: not there yet"))
}

/// Launches another process in a running container. It ends with this process unless it is detached.
pub(crate) fn exec(
    _plan: &isolab_core::config::Config,
    _wiring: &Wiring<'_>,
    _state: &State,
    _detached: bool,
) -> Result<Container, Failure> {
    Err(Failure::new("exec: not there yet"))
}
