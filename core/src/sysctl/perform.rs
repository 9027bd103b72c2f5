//! Kernel parameters, performed.

use super::Op;
use crate::sys::{self, fs};

/// The child's part.
pub(crate) fn perform(op: &Op) -> sys::Result<()> {
    let Op::Write { path, value } = op;
    fs::put(path, value.to_bytes())
}
