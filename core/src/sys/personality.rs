//! Execution domain.

use super::{Result, Sysno, args, call};

/// `personality(2)`.
///
/// # Errors
/// Only those of a filter that the caller is under.
pub fn set(persona: u32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::personality, args![persona]) }?;
    Ok(())
}
