//! Kernel modules.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use super::{Result, Sysno, args, call, raw, text};

/// Loads the module in an open file, uncompressed (`finit_module(2)`), with its parameters.
///
/// # Errors
/// As in the manual page; `EEXIST` when it is loaded already, `ENOENT` when it uses a symbol that nobody offers.
pub fn load(file: BorrowedFd<'_>, parameters: &CStr) -> Result<()> {
    // SAFETY: the parameters outlive the call.
    unsafe { call(Sysno::finit_module, args![raw(file), text(parameters), 0]) }?;
    Ok(())
}
