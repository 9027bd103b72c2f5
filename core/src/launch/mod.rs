//! Launching: a plan performed, in one place.
//!
//! [`launch`] performs the parent's steps, clones once, and returns when the workload has been executed or something
//! failed; in the latter case everything that was made is undone. The child is described in `child`, what the parent
//! keeps and undoes in `parent`, and what happens when the launcher itself is killed in `watcher`.

pub(crate) mod child;
mod container;
mod error;
mod gate;
mod guard;
pub(crate) mod parent;
mod timeline;
mod watcher;

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::network::{self, perform::Moved};
use crate::plan::{Op, Plan, Side};
use crate::sys::clone::{Request, with_child};
use crate::sys::process::{self as sysproc, Change, StringArray};
use crate::sys::{self, clock};
use crate::{namespace, process};

pub use crate::sys::process::Exit;
use child::Shared;
pub use container::Container;
pub use error::Error;
use guard::Guard;
use parent::Parent;
use timeline::Progress;
pub use timeline::{StepTime, Timeline};

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
    if !plan.gaps.is_empty() && !options.accept_gaps {
        return Err(Error::Gaps(plan.gaps.clone()));
    }
    let held;
    let plan = if options.hold_at_exec {
        held = plan.held();
        &held
    } else {
        plan
    };
    let progress = Progress::new(plan);
    let mut parent = Parent::default();
    before_clone(plan, &progress, &mut parent)?;
    let started = clone(plan, options, &progress, &mut parent)?;
    let container = Container::new(started, parent, progress.timeline(), plan);
    if options.hold_at_exec { container.await_hold() } else { Ok(container) }
}

/// The steps before the clone; what they made goes with `parent` when one fails.
fn before_clone(plan: &Plan, progress: &Progress, parent: &mut Parent) -> Result<(), Error> {
    for (index, step) in plan.steps().iter().enumerate().take(plan.clone_index()) {
        progress.begin(index);
        if let Op::Cgroup(op) = &step.op {
            crate::cgroup::perform::perform(op, parent).map_err(|errno| Error::step(plan, index, errno))?;
        }
    }
    Ok(())
}

/// A child that has exec'd, and its place in the watcher's list.
struct Started {
    child: sys::clone::Child,
    slot: watcher::Slot,
}

fn clone(
    plan: &Plan,
    options: &Options<'_>,
    progress: &Progress,
    parent: &mut Parent,
) -> Result<Started, Error> {
    let index = plan.clone_index();
    let system = |errno| Error::step(plan, index, errno);
    let Some(Op::Process(process::Op::Clone { namespaces, .. })) =
        plan.steps().get(index).map(|step| &step.op)
    else {
        return Err(system(sys::Errno::EINVAL));
    };
    let slot = watcher::Slot::take(options.die_with_launcher, options.timeout).map_err(system)?;
    let strings = exec_strings(plan);
    let shared = Shared {
        plan,
        progress,
        stdio: options.stdio,
        procs: &parent.procs,
        argv: &strings.0,
        env: &strings.1,
        gate: gate::Gate::default(),
    };
    let moved = Mutex::new(Vec::new());
    let request = Request {
        namespaces: namespaces.iter().fold(0, |flags, kind| flags | kind.flag()),
        cgroup: parent.group.as_ref().map(AsFd::as_fd),
        pid: slot.pid(),
    };
    progress.begin(index);
    let child = {
        let _guard = Guard::new().map_err(system)?;
        beside_parent(&shared, &moved, slot.pid(), || with_child(&request, child::run, &shared))
            .map_err(system)?
    };
    progress.executed(clock::monotonic());
    let timed_out = slot.launched().then_some(options.timeout);
    match outcome(plan, progress, timed_out) {
        None => Ok(Started { child, slot }),
        Some(error) => {
            // It is dead or about to be; what it was in can only be removed once it is gone.
            slot.clear();
            sysproc::wait(child.pidfd.as_fd(), true).map_err(system)?;
            give_back(moved)?;
            Err(error)
        }
    }
}

/// What the workload is given at its exec.
fn exec_strings(plan: &Plan) -> (StringArray, StringArray) {
    (StringArray::new(plan.argv.clone()), StringArray::new(plan.env.clone()))
}

/// Launches on this thread, which is suspended while its child shares its memory, and performs the parent's steps
/// after the clone on another, once the child asks for them.
fn beside_parent<T>(
    shared: &Shared<'_>,
    moved: &Mutex<Vec<Moved>>,
    pid: &AtomicI32,
    launch: impl FnOnce() -> sys::Result<T>,
) -> sys::Result<T> {
    let after = &shared.plan.steps()[shared.plan.clone_index() + 1..];
    if after.iter().all(|step| step.side == Side::Child) {
        return launch();
    }
    std::thread::scope(|scope| {
        let helper = std::thread::Builder::new().spawn_scoped(scope, || {
            if shared.gate.is_asked() {
                after_clone(shared, moved, pid.load(Ordering::Acquire));
                shared.gate.open();
            }
        });
        let launched = if helper.is_ok() { launch() } else { Err(sys::Errno::EAGAIN) };
        shared.gate.end();
        launched
    })
}

/// The parent's steps after the clone. What has been moved must be given back if the launch fails.
fn after_clone(shared: &Shared<'_>, moved: &Mutex<Vec<Moved>>, pid: i32) {
    let steps = shared.plan.steps().iter().enumerate().skip(shared.plan.clone_index() + 1);
    for (index, step) in steps.filter(|(_, step)| step.side == Side::Parent) {
        shared.progress.stamp(index);
        let done = match &step.op {
            Op::Namespace(namespace::Op::MapIds { uids, gids }) => {
                namespace::perform::map_ids(uids, gids, pid)
            }
            Op::Network(network::Op::MoveDevice(device)) => network::perform::move_device(device, pid)
                .map(|device| moved.lock().unwrap_or_else(PoisonError::into_inner).push(device)),
            _ => Err(sys::Errno::ENOSYS), // the child's
        };
        if let Err(errno) = done {
            shared.progress.fail(index, errno);
            return;
        }
    }
}

/// Gives devices back to the host, the last first.
fn give_back(moved: Mutex<Vec<Moved>>) -> Result<(), Error> {
    for device in moved.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().rev() {
        device.back().map_err(|errno| Error::system("give a network device back to the host", errno))?;
    }
    Ok(())
}

/// What went wrong, if something did.
fn outcome(plan: &Plan, progress: &Progress, timed_out: Option<Duration>) -> Option<Error> {
    if let Some((index, errno)) = progress.failure() {
        return Some(Error::step(plan, index, errno));
    }
    let at = progress.current();
    if let Some(after) = timed_out {
        return Some(Error::TimedOut { step: plan.steps()[at].to_string(), after });
    }
    // The child has left this memory. Unless it had begun its last step, the exec, it did so by dying.
    let before_exec = at + 1 < plan.steps().len();
    before_exec.then(|| Error::Died { step: plan.steps()[at].to_string() })
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
