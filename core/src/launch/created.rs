//! A container that is set up and waits to be started.

use std::os::fd::BorrowedFd;

use super::parent::Parent;
use super::{Error, Options, Timeline, before_clone, check, progress, start};
use crate::plan::Plan;

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
/// # Errors
/// As [`launch`](super::launch); nothing is left behind then.
pub fn create(plan: &Plan, options: &Options<'_>, start: BorrowedFd<'_>) -> Result<Created, Error> {
    check(plan, options)?;
    let plan = plan.preserving(options.preserve_fds).waiting();
    let options = Options { die_with_launcher: false, ..*options };
    let progress = progress(&plan)?;
    let mut parent = Parent::default();
    before_clone(&plan, &progress, &mut parent)?;
    let started = start::start(&plan, &options, Some(start), &progress, &parent)?;
    parent.keep();
    Ok(Created { pid: started.child.pid, timeline: progress.timeline() })
}
