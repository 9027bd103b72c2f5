//! The stage: a process between launcher and child, alone in its memory, that enters namespaces which its child is to
//! be born in. `setns(2)` into a user or time namespace is refused to a process that shares its memory, and a pid
//! namespace, and a time namespace before Linux 6.12, are entered by children alone (`pid_namespaces(7)`,
//! `time_namespaces(7)`).

use super::child::{self, Child, Shared};
use crate::plan::Side;
use crate::sys::clone::{Request, sibling};
use crate::sys::process as sysproc;

/// What a stage needs.
pub(super) struct Staging<'a> {
    pub(super) shared: &'a Shared<'a>,
    /// The child that it leaves to its own parent.
    pub(super) request: &'a Request<'a>,
}

/// The stage's whole life. Raw calls over prepared data only, as for the child.
pub(super) fn run(staging: &Staging<'_>) -> ! {
    let child = Child::new(staging.shared);
    let Shared { plan, progress, .. } = staging.shared;
    let clone = plan.clone_index();
    let before = plan.steps().iter().enumerate().take(clone);
    for (index, step) in before.filter(|(_, step)| step.side == Side::Stage) {
        progress.begin(index);
        if let Err(errno) = child::perform(&step.op, &child) {
            progress.fail(index, errno);
            sysproc::exit(1);
        }
    }
    progress.begin(clone);
    if let Err(errno) = sibling(staging.request, child::go, &child) {
        progress.fail(clone, errno);
        sysproc::exit(1);
    }
    sysproc::exit(0)
}
