//! The memory policy, performed.

use super::Op;
use crate::sys::{self, memory_policy};

/// The child's part.
pub(crate) fn perform(op: &Op) -> sys::Result<()> {
    let Op::Set(policy) = op;
    memory_policy::set(policy.mode, &policy.nodes)
}
