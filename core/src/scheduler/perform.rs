//! Scheduling, performed.

use super::Op;
use crate::sys::{self, scheduler};

/// The child's part.
pub(crate) fn perform(op: &Op) -> sys::Result<()> {
    match op {
        Op::Policy(asked) => scheduler::set(&asked.attributes),
        Op::IoPriority(priority) => scheduler::set_io_priority(priority.value()),
        Op::Affinity(cpus) => scheduler::set_affinity(cpus),
    }
}
