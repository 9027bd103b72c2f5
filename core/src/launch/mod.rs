//! Launching: a plan performed, in one place.
//!
//! [`launch`] performs the parent's steps, clones once, and returns when the workload has been executed or something
//! failed; in the latter case everything that was made is undone. [`create`] returns earlier, when all that is left is
//! to start it. How the child comes to be is in `start`, what it does in `child` (and before that in `stage`), what the
//! parent does meanwhile in `serve`, what it keeps and undoes in `parent`, and what happens when the launcher itself is
//! killed in `watcher`.

pub(crate) mod child;
mod container;
mod created;
mod error;
pub(crate) mod gate;
mod guard;
pub(crate) mod noted;
pub(crate) mod parent;
mod seal;
mod serve;
mod stage;
mod start;
mod timeline;
mod watcher;

use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::plan::{Op, Plan, Side};
use crate::sys::process::{self as sysproc, Change};
use crate::{hook, namespace, planted};

pub use crate::sys::process::Exit;
pub use container::Container;
pub use created::{Created, create};
pub use error::Error;
use parent::Parent;
pub use seal::seal;
use start::Started;
use timeline::Progress;
pub use timeline::{StepTime, Timeline};
pub use watcher::{start_watcher, start_watcher_of_launches};

/// How to launch.
#[derive(Debug, Clone, Copy)]
pub struct Options<'fd> {
    /// The workload's standard streams.
    pub stdio: [BorrowedFd<'fd>; 3],
    /// Stops the workload right after its exec, until [`Container::release`].
    pub hold_at_exec: bool,
    /// Launches although the plan has gaps.
    pub accept_gaps: bool,
    /// How long the launch may take up to the exec.
    pub timeout: Duration,
    /// Whether the container ends when this process does, however that ends.
    pub die_with_launcher: bool,
    /// A connected unix socket that is sent the controlling side of the workload's terminal (`SCM_RIGHTS`).
    pub console: Option<BorrowedFd<'fd>>,
    /// How many of the launcher's descriptors from 3 on the workload keeps.
    pub preserve_fds: u32,
}

impl<'fd> Options<'fd> {
    /// With these streams; not held, no gaps, 10 seconds, dies with the launcher.
    #[must_use]
    pub fn new(stdio: [BorrowedFd<'fd>; 3]) -> Options<'fd> {
        Options {
            stdio,
            hold_at_exec: false,
            accept_gaps: false,
            timeout: Duration::from_secs(10),
            die_with_launcher: true,
            console: None,
            preserve_fds: 0,
        }
    }
}

/// Performs a plan.
///
/// A held container must be released, and a timed-out one is killed, by the thread that launched it.
///
/// # Errors
/// When a step fails, the child dies, or it takes too long; nothing is left behind then.
pub fn launch(plan: &Plan, options: &Options<'_>) -> Result<Container, Error> {
    check(plan, options)?;
    let changed = (options.preserve_fds > 0).then(|| plan.preserving(options.preserve_fds));
    let plan = changed.as_ref().unwrap_or(plan);
    let changed = options.hold_at_exec.then(|| plan.held());
    let plan = changed.as_ref().unwrap_or(plan);
    let progress = progress(plan)?;
    let mut parent = Parent::new(start::slot(plan, options)?);
    before_clone(plan, &progress, &mut parent)?;
    let started = start::start(plan, options, None, &progress, &parent)?;
    let container = Container::new(started, parent, progress.timeline(), plan);
    if options.hold_at_exec { container.await_hold() } else { Ok(container) }
}

fn check(plan: &Plan, options: &Options<'_>) -> Result<(), Error> {
    planted::look();
    if !plan.gaps.is_empty() && !options.accept_gaps {
        return Err(Error::Gaps(plan.gaps.clone()));
    }
    let terminal = plan.steps().iter().any(|step| matches!(step.op, Op::Terminal(_)));
    if terminal && options.console.is_none() {
        return Err(Error::NoConsole);
    }
    Ok(())
}

fn progress(plan: &Plan) -> Result<Progress, Error> {
    Progress::new(plan).map_err(|errno| Error::system("map memory for the launch", errno))
}

/// The steps before the clone; what they made goes with `parent` when one fails.
fn before_clone(plan: &Plan, progress: &Progress, parent: &mut Parent) -> Result<(), Error> {
    let before = plan.steps().iter().enumerate().take(plan.clone_index());
    for (index, step) in before.filter(|(_, step)| step.side == Side::Parent) {
        progress.begin(index);
        let done = match &step.op {
            Op::Cgroup(op) => crate::cgroup::perform::perform(op, parent),
            Op::Namespace(op) => namespace::perform::open(op, parent),
            Op::Mount(op) => crate::mount::open::perform(op, parent),
            Op::Hook(op) => hook::perform::open(op, parent),
            _ => Err(crate::sys::Errno::ENOSYS),
        };
        done.map_err(|errno| Error::step(plan, index, errno))?;
    }
    Ok(())
}

impl Container {
    /// Waits until a child that asked to be traced stops at its exec.
    fn await_hold(mut self) -> Result<Container, Error> {
        match sysproc::wait(self.pidfd(), true) {
            Ok(Some(Change::Stopped(_))) => {
                self.set_held();
                Ok(self)
            }
            Ok(Some(Change::Ended(exit))) => {
                self.set_ended(exit);
                Err(Error::Died { step: "execve".into() })
            }
            Ok(None) => Err(Error::Died { step: "execve".into() }),
            Err(errno) => Err(Error::system("wait for the workload to stop at its exec", errno)),
        }
    }
}
