//! The execution domain, performed.

use super::Op;
use crate::sys::{self, personality};

/// The child's part.
pub(crate) fn perform(op: Op) -> sys::Result<()> {
    let Op::Set(persona) = op;
    personality::set(persona)
}
