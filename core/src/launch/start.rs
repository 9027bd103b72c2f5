//! How a child comes to be.
//!
//! Usually it shares the launcher's memory and the launching thread waits until its exec: that costs the same however
//! large the launcher is. It is a copy where the launcher is not to wait for the exec, and the child of a stage where
//! namespaces must be entered before it ([`Start`]).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use super::child::{self, Shared};
use super::gate::{self, Door, Gate};
use super::guard::Guard;
use super::parent::Parent;
use super::serve::{Ended, Server};
use super::stage::{self, Staging};
use super::timeline::Progress;
use super::watcher::Slot;
use super::{Error, Options};
use crate::plan::{Op, Plan, Start, Step};
use crate::rootfs::made;
use crate::sys::clone::{Child, Request, with_child, with_copy};
use crate::sys::process::{self as sysproc, StringArray};
use crate::sys::{Errno, Result};
use crate::{hook, process};

/// A child that has exec'd, or waits to be started.
pub(super) struct Started {
    pub(super) child: Child,
    /// Where it is heard from until its exec.
    pub(super) gate: Option<Gate>,
}

/// Starts the child. With `start`, what it reads from before it goes on to the workload. When that fails, nothing of it is left in
/// its root file system.
pub(super) fn start(
    plan: &Plan,
    options: &Options<'_>,
    start: Option<BorrowedFd<'_>>,
    progress: &Progress,
    parent: &Parent,
) -> std::result::Result<Started, Error> {
    let started = begin(plan, options, start, progress, parent);
    if started.is_err() {
        made::undo(plan, progress.made());
    }
    started
}

fn begin(
    plan: &Plan,
    options: &Options<'_>,
    start: Option<BorrowedFd<'_>>,
    progress: &Progress,
    parent: &Parent,
) -> std::result::Result<Started, Error> {
    let index = plan.clone_index();
    let system = |errno| Error::step(plan, index, errno);
    let Some(Op::Process(process::Op::Clone { namespaces, start: way, .. })) =
        plan.steps().get(index).map(|step| &step.op)
    else {
        return Err(system(Errno::EINVAL));
    };
    let slot = parent.slot.as_ref();
    let (gate, end) = if plan.needs_gate() { gate::pair().map(split).map_err(system)? } else { (None, None) };
    let (argv, env) = (StringArray::new(plan.argv.clone()), StringArray::new(plan.env.clone()));
    let hooks = hook_strings(plan);
    let request = Request {
        namespaces: namespaces.iter().fold(0, |flags, kind| flags | kind.flag()),
        cgroup: parent.group.as_ref().map(AsFd::as_fd),
        pid: slot.map_or(progress.pid(), Slot::pid),
    };
    let server =
        Server { plan, progress, parent, gate: gate.as_ref(), pid: request.pid, moved: Mutex::default() };
    let shared = Shared {
        plan,
        progress,
        stdio: options.stdio,
        parent,
        argv: &argv,
        env: &env,
        hooks: &hooks,
        door: end.as_ref().map(|end| Door::new(end.as_fd())),
        console: options.console,
        start,
    };
    progress.begin(index);
    let cloned = {
        let _guard = Guard::new().map_err(system)?;
        match way {
            Start::Shared => beside(&server, &request, &shared),
            Start::Copied => with_copy(&request, child::run, &shared).map(|child| (child, None)),
            Start::Staged => staged(&request, &shared).map(|child| (child, None)),
        }
    };
    // Or the child's end would never be closed.
    drop(end);
    let (child, served) = cloned.map_err(|errno| progress.failed(plan).unwrap_or_else(|| system(errno)))?;
    let served = match (served, way) {
        (Some(served), _) => served,
        (None, Start::Shared) => Ok(Ended::Over),
        (None, _) => server.serve(Some(options.timeout)),
    };
    progress.executed();
    let expired = slot.is_some_and(Slot::launched);
    match outcome(&server, served, expired, options.timeout) {
        None => Ok(Started { child, gate }),
        Some(error) => {
            end_child(&child, slot).map_err(system)?;
            server.give_back()?;
            Err(error)
        }
    }
}

/// What the hooks in the container are given at their exec.
fn hook_strings(plan: &Plan) -> Vec<(StringArray, StringArray)> {
    let strings = |step: &Step| match &step.op {
        Op::Hook(hook::Op::Inside { args, env, .. }) => {
            Some((StringArray::new(args.clone()), StringArray::new(env.clone())))
        }
        _ => None,
    };
    plan.steps().iter().filter_map(strings).collect()
}

fn split((gate, end): (Gate, OwnedFd)) -> (Option<Gate>, Option<OwnedFd>) {
    (Some(gate), Some(end))
}

/// A place in the watcher's list. Whoever shares memory suspends its launcher, so the watcher keeps its time limit.
pub(super) fn slot(plan: &Plan, options: &Options<'_>) -> std::result::Result<Option<Slot>, Error> {
    if !options.die_with_launcher && !plan.shares_memory() {
        return Ok(None);
    }
    let taken = Slot::take(options.die_with_launcher, options.timeout);
    taken.map(Some).map_err(|errno| Error::step(plan, plan.clone_index(), errno))
}

type Served = std::result::Result<Ended, Error>;

/// Launches on this thread, which is suspended while its child shares its memory, and serves the child on another if
/// it is to be served.
fn beside(
    server: &Server<'_>,
    request: &Request<'_>,
    shared: &Shared<'_>,
) -> Result<(Child, Option<Served>)> {
    let launch = || with_child(request, child::run, shared);
    let Some(gate) = server.gate else { return launch().map(|child| (child, None)) };
    std::thread::scope(|scope| {
        let helper = std::thread::Builder::new()
            .spawn_scoped(scope, || server.serve(None))
            .map_err(|error| Errno::new(error.raw_os_error().unwrap_or(libc::EAGAIN)))?;
        let launched = launch();
        gate.end();
        let served = helper.join().unwrap_or(Ok(Ended::Over));
        launched.map(|child| (child, Some(served)))
    })
}

/// Launches through a stage, which this process waits for: what it leaves is a child of this process.
fn staged(request: &Request<'_>, shared: &Shared<'_>) -> Result<Child> {
    let own = Request { namespaces: 0, cgroup: None, pid: &AtomicI32::new(0) };
    let stage = with_copy(&own, stage::run, &Staging { shared, request })?;
    sysproc::wait(stage.pidfd.as_fd(), true)?;
    match request.pid.load(Ordering::Acquire) {
        pid if pid > 0 => Ok(Child { pid, pidfd: sysproc::pidfd_open(pid)? }),
        _ => Err(Errno::ECHILD),
    }
}

/// What went wrong, if something did.
fn outcome(server: &Server<'_>, served: Served, expired: bool, limit: Duration) -> Option<Error> {
    let Server { plan, progress, .. } = server;
    let served = match served {
        Ok(served) => served,
        Err(error) => return Some(error),
    };
    if let Some(error) = progress.failed(plan) {
        return Some(error);
    }
    let at = progress.current();
    if expired || served == Ended::TimedOut {
        return Some(Error::TimedOut { step: plan.steps()[at].to_string(), after: limit });
    }
    // The child has left this memory, or closed its descriptors. Unless it had begun its last step, the exec, or waits
    // to be started, it did so by dying.
    let before_exec = at + 1 < plan.steps().len() && served != Ended::Ready;
    before_exec.then(|| Error::Died { step: plan.steps()[at].to_string() })
}

/// Ends a child whose launch failed: it is dead or about to be, and what it was in can only be removed once it is gone.
fn end_child(child: &Child, slot: Option<&Slot>) -> Result<()> {
    match sysproc::signal(&child.pidfd, libc::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => return Err(errno),
    }
    if let Some(slot) = slot {
        slot.clear();
    }
    sysproc::wait(child.pidfd.as_fd(), true).map(drop)
}
