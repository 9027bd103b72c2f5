//! A container that is set up and waits to be started.

use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::parent::Parent;
use super::serve::Server;
use super::{Error, Options, Timeline, before_clone, check, progress, start};
use crate::plan::Plan;
use crate::sys::{self, fork, fs, process};

/// A created container. It outlives its launcher; dropping this undoes nothing.
#[derive(Debug)]
pub struct Created {
    /// Its first process, in the launcher's pid namespace.
    pub pid: i32,
    /// The launch in time, up to where it waits.
    pub timeline: Timeline,
}

/// Performs a plan up to where nothing is left but the hooks of its start, its filter and its exec. There the child
/// reads one byte from `start`, a FIFO that is open for reading and writing (so that it never ends), and goes on.
///
/// A filter with a listener is loaded after the start, so a process is left behind that sends the listener to its agent
/// then, and ends.
///
/// # Errors
/// As [`launch`](super::launch); nothing is left behind then.
pub fn create(plan: &Plan, options: &Options<'_>, start: BorrowedFd<'_>) -> Result<Created, Error> {
    check(plan, options)?;
    let plan = plan.preserving(options.preserve_fds).waiting();
    let options = Options { die_with_launcher: false, ..*options };
    let progress = progress(&plan)?;
    let mut parent = Parent::new(start::slot(&plan, &options)?);
    before_clone(&plan, &progress, &mut parent)?;
    let started = start::start(&plan, &options, Some(start), &progress, &parent)?;
    if plan.has_agent() {
        leave_messenger(&Server {
            plan: &plan,
            progress: &progress,
            parent: &parent,
            gate: started.gate.as_ref(),
            pid: progress.pid(),
            moved: Mutex::default(),
        })?;
    }
    parent.keep();
    Ok(Created { pid: started.child.pid, timeline: progress.timeline() })
}

/// Leaves the rest of the service to a process of its own, which holds nothing but the way to the child.
fn leave_messenger(server: &Server<'_>) -> Result<(), Error> {
    let serve = || {
        let Some(gate) = server.gate else { return 1 };
        let ready = fs::close_except(0, [gate.as_fd()]).and_then(|()| process::setsid());
        let served = ready.is_ok() && server.serve(None).is_ok();
        let pid = server.pid.load(Ordering::Acquire);
        if !served && pid > 0 {
            // Its agent cannot be told, so it must not run.
            sys::no_matter(process::kill(pid));
        }
        i32::from(!served)
    };
    let left = fork::fork_whole(serve);
    left.map(drop).map_err(|errno| Error::system("fork a process that sends the filter's listener", errno))
}
