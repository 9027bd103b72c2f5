//! AppArmor, performed.

use super::Op;
use crate::sys::{self, Errno, fs};

/// The child's part.
pub(crate) fn perform(op: &Op) -> sys::Result<()> {
    let Op::OnExec(text) = op;
    match fs::put(c"/proc/self/attr/apparmor/exec", text.to_bytes()) {
        // Before Linux 5.8 all security modules shared one file, which is the first one's.
        Err(Errno::ENOENT) if !there() => fs::put(c"/proc/self/attr/exec", text.to_bytes()),
        done => done,
    }
}

/// The kernel says `ENOENT` of a profile that is not loaded, too.
fn there() -> bool {
    fs::openat(sys::here(), c"/proc/self/attr/apparmor/exec", libc::O_WRONLY, 0).is_ok()
}
