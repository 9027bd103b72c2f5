//! Capabilities, performed.

use super::Op;
use crate::planted::planted;
use crate::sys::{self, credential};

/// `CAP_SYS_ADMIN`.
const SYS_ADMIN: u64 = 1 << 21;

/// The child's part.
pub(crate) fn perform(op: &Op) -> sys::Result<()> {
    match op {
        Op::Inherit(set) => credential::inherit(*set),
        Op::Bound(kept, last) => {
            (0..=*last).filter(|number| kept >> number & 1 == 0).try_for_each(credential::drop_bounding)
        }
        Op::Keep => credential::keep_capabilities(),
        Op::Set { sets, for_filter } => {
            let extra = if *for_filter { SYS_ADMIN } else { 0 };
            credential::clear_ambient()?;
            credential::capset(sets.permitted | extra, sets.effective | extra, sets.inheritable)?;
            let end = if planted("upper-ambient-set-not-raised") { 32 } else { 64 };
            (0..end).filter(|number| sets.ambient >> number & 1 == 1).try_for_each(credential::raise_ambient)
        }
    }
}
