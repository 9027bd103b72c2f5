//! The kernel as the judge of programs: in a forked child that loads one and ends.

use isolab_core::seccomp::{Instruction, Malformed, Program, verify};
use isolab_core::sys::trial::{Entry, Trial, trial_under};
use isolab_core::sys::{Errno, process};
use std::sync::Once;

/// `RLIMIT_CORE`: what is killed by its filter leaves no file.
const CORE: u32 = 4;

/// Whether the kernel loads it.
fn takes(program: &Program) -> bool {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        process::set_rlimit(CORE, 0, 0).unwrap_or_else(|error| panic!("limit core files: {error}"))
    });
    // A number that no kernel has: nothing comes of it, whatever the filter says.
    match trial_under(program, Entry::Native, 0x3fff_ffff, &[]) {
        // A listener is more than the call for a plain filter expects.
        Err(Errno::ESRCH) => program.has_listener(),
        Err(Errno::EINVAL) => false,
        Err(other) => panic!("load a filter: {other}"),
        Ok(Trial::Killed(14)) => panic!("it hung"),
        Ok(_) => true,
    }
}

/// It takes what was compiled, with its flags; and of what is spoilt what the check takes.
///
/// # Panics
/// When it does not.
pub(super) fn agrees(compiled: &Program, spoilt: &[Instruction]) {
    assert!(takes(compiled), "the kernel refuses what was compiled");
    let taken = takes(&Program { instructions: spoilt.to_vec(), flags: 0 });
    match verify(spoilt) {
        Ok(()) => assert!(taken, "the kernel refuses what the check takes: {spoilt:?}"),
        // Of which the kernel knows more.
        Err(Malformed::Operation { .. }) => {}
        Err(error) => assert!(!taken, "the kernel takes it, but the check says: {error}: {spoilt:?}"),
    }
}
