//! Where the commands meet the launch engine.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use isolab_core::cgroup::Directory;
use isolab_core::config::Config;
use isolab_core::hook::Hooks;
use isolab_core::host::Host;
use isolab_core::launch::{self, Container, Options};
use isolab_core::plan::{Plan, Running};
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
    /// How long it may take up to the workload.
    pub(crate) patience: Duration,
}

/// How long the set-up of this container may take: engines give up earlier, and kill this process then. Hooks may be slow,
/// and have timeouts of their own.
pub(crate) fn patience(hooks: &Hooks) -> Duration {
    let before = [&hooks.prestart, &hooks.create_runtime, &hooks.create_container, &hooks.start_container];
    let none = before.iter().all(|hooks| hooks.is_empty());
    Duration::from_secs(if none { 120 } else { 3600 })
}

impl Wiring<'_> {
    fn with<T>(&self, launch: impl FnOnce(&Options<'_>) -> Result<T, launch::Error>) -> Result<T, Failure> {
        let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let mut options = Options::new([input.as_fd(), output.as_fd(), error.as_fd()]);
        options.console = self.console;
        options.preserve_fds = self.preserve_fds;
        options.accept_gaps = self.accept_gaps;
        options.timeout = self.patience;
        Ok(launch(&options)?)
    }
}

/// Launches a container that ends with this process.
pub(crate) fn launch(plan: &Plan, wiring: &Wiring<'_>) -> Result<Container, Failure> {
    wiring.with(|options| launch::launch(plan, options))
}

/// Sets a container up that outlives this process, up to where it waits at `start`. Returns its first process.
pub(crate) fn create(plan: &Plan, wiring: &Wiring<'_>, start: BorrowedFd<'_>) -> Result<i32, Failure> {
    wiring.with(|options| launch::create(plan, options, start).map(|created| created.pid))
}

/// Launches another process in a running container, in these groups. It ends with this process unless it is detached.
pub(crate) fn exec(
    config: &Config,
    state: &State,
    directories: Vec<Directory>,
    wiring: &Wiring<'_>,
    detached: bool,
) -> Result<Container, Failure> {
    let (pid, started) = state.init.map_or((0, 0), |init| (init.pid, init.start));
    let running = Running { pid, started, directories };
    let plan = Plan::exec(config, &Host::probe_for(config), &running)?;
    wiring.with(|options| {
        let options = Options { die_with_launcher: !detached, ..*options };
        launch::launch(&plan, &options)
    })
}
