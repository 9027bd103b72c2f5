//! SELinux, performed.

use super::Op;
use crate::sys::{self, fs};

/// The child's part.
pub(crate) fn perform(op: &Op) -> sys::Result<()> {
    let Op::OnExec(label) = op;
    fs::put(c"/proc/self/attr/exec", label.to_bytes())
}
