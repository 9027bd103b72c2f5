//! Which clock: KVM is taken only after a test boot has come to its end under it.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use isolab_reports::lab::record::Clock;

use super::qemu::Accelerator;
use crate::cancel::Cancel;
use crate::lab::Error;
use crate::lab::equip::{Guest, Patience};
use crate::lab::layout::layout;

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Real when it works, counted otherwise.
    #[default]
    Auto,
    /// Real, or nothing.
    Real,
    /// Counted.
    Counted,
}

/// A guest under KVM boots in one or two seconds; where it never starts it does not start later either.
const LIMIT: Duration = Duration::from_secs(15);

/// The clock, and why it is not the real one where that was wanted. `guest` is what is booted to try.
///
/// # Errors
/// When only the real clock would do and KVM does not work, or the run is to stop.
pub fn choose(
    choice: Choice,
    guest: &Guest,
    isolab: &Path,
    cancel: &Cancel,
) -> Result<(Clock, Option<String>), Error> {
    if choice == Choice::Counted {
        return Ok((Clock::Counted, None));
    }
    match (test(guest, isolab, cancel)?, choice) {
        (None, _) => Ok((Clock::Real, None)),
        (Some(reason), Choice::Real) => Err(Error::NoKvm(reason)),
        (Some(reason), _) => Ok((Clock::Counted, Some(reason))),
    }
}

/// What helps where the device cannot be opened, and nothing where the machine has none.
fn remedy(error: ErrorKind) -> &'static str {
    match error {
        ErrorKind::PermissionDenied => "; join the group that may (`ls -l /dev/kvm`)",
        _ => "",
    }
}

/// Why KVM does not work; `None` when it does.
fn test(guest: &Guest, isolab: &Path, cancel: &Cancel) -> Result<Option<String>, Error> {
    // KVM_CREATE_VM needs it writable; see the kernel's virt/kvm/api.
    if let Err(error) = File::options().read(true).write(true).open("/dev/kvm") {
        return Ok(Some(format!("open /dev/kvm: {error}{}", remedy(error.kind()))));
    }
    let patience = Patience { ready: LIMIT, end: LIMIT };
    let booted = guest.boot(isolab, Accelerator::Kvm, &layout(0), Vec::new(), patience, cancel)?;
    let name = &guest.kernel.name;
    Ok(booted.failure.map(|failure| format!("/dev/kvm opens, but a test boot of {name} failed: {failure}")))
}
