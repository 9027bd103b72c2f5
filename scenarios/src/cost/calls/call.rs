//! The calls that are made under a filter, and a thread that makes them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use isolab_core::seccomp::Program;
use isolab_core::sys::{Errno, Result, credential, module, personality};

/// Calls in a sample: one alone is shorter than the clock is exact.
pub(super) const BATCH: u32 = 1000;
/// What is refused, whatever its arguments are.
pub(super) const REFUSED: &str = "finit_module";
/// What of `personality(2)` engines allow, in their order. The last one asks and changes nothing.
pub(super) const PERSONAS: [u32; 5] = [0, 8, 0x2_0000, 0x2_0008, u32::MAX];
/// A personality that is not allowed. The kernel itself refuses none, so that the refusal is surely the filter's.
const FORBIDDEN: u32 = 1;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Allowed whatever its arguments are. Since Linux 5.11 the kernel knows that from a bitmap, which it makes when the
    /// filter is loaded, and does not run the filter.
    Always,
    /// Allowed for one value of an argument.
    OneCheck,
    /// Allowed for five values of an argument, and called with the last.
    FiveChecks,
    /// Refused with an errno.
    Refused,
}

impl Call {
    /// All.
    pub const ALL: [Call; 4] = [Call::Always, Call::OneCheck, Call::FiveChecks, Call::Refused];
    /// Those that are allowed, and so can be made without a filter.
    pub const ALLOWED: [Call; 3] = [Call::Always, Call::OneCheck, Call::FiveChecks];
    /// Those under an engine's default profile, which allows `prctl` always.
    pub(super) const OF_ENGINE: [Call; 3] = [Call::Always, Call::FiveChecks, Call::Refused];

    /// As in the names of the series.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Call::Always => "getppid, always allowed",
            Call::OneCheck => "prctl, 1 argument check",
            Call::FiveChecks => "personality, 5 argument checks",
            Call::Refused => "finit_module, refused",
        }
    }

    /// As in the ids of the costs.
    pub(super) fn id(self) -> &'static str {
        match self {
            Call::Always => "always",
            Call::OneCheck => "one-check",
            Call::FiveChecks => "five-checks",
            Call::Refused => "refused",
        }
    }

    /// Nanoseconds for a call, as the mean of a batch, or what a call said that was not `expected`.
    fn batch(self, null: BorrowedFd<'_>, expected: Result<()>) -> Result<f64> {
        match self {
            Call::Always => batch(expected, parent),
            Call::OneCheck => batch(expected, || credential::dumpable().map(drop)),
            Call::FiveChecks => batch(expected, || personality::set(u32::MAX)),
            Call::Refused => batch(expected, || module::load(null, c"")),
        }
    }
}

/// `getppid(2)`, which never fails by itself.
fn parent() -> Result<()> {
    match std::os::unix::process::parent_id().cast_signed() {
        0.. => Ok(()),
        _ => Err(Errno::EPERM),
    }
}

/// A call that answers otherwise is an error: success as `ENODATA`.
fn batch(expected: Result<()>, call: impl Fn() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    for _ in 0..BATCH {
        let answer = call();
        if answer != expected {
            return Err(answer.err().unwrap_or(Errno::ENODATA));
        }
    }
    Ok(begun.elapsed().as_nanos() as f64 / f64::from(BATCH))
}

/// A filter, and its answers to what it refuses.
#[derive(Debug)]
pub(super) struct Refusing {
    pub(super) program: Program,
    /// To [`REFUSED`].
    pub(super) refusal: Errno,
    /// To a personality that is not allowed.
    pub(super) forbidden: Errno,
}

/// What a filter did not do as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// It could not be loaded.
    Load(Errno),
    /// Before the batches a call was not answered as the profile says.
    Trial,
    /// In a batch a call was answered like this.
    Batch(Call, Errno),
}

/// Makes the calls on a thread of its own, which takes the filter with it. Before anything is timed, one call that is
/// allowed and two that are refused are tried.
///
/// # Errors
/// When there can be no thread.
pub(super) fn measure(
    filter: Option<&Refusing>,
    calls: &[Call],
) -> io::Result<std::result::Result<Vec<f64>, Failed>> {
    let null = File::open("/dev/null")?;
    let mut samples = Vec::with_capacity(calls.len());
    std::thread::scope(|scope| {
        let body = || {
            if let Some(filter) = filter {
                load(filter, null.as_fd())?;
            }
            // From here on the filter may refuse more memory.
            for call in calls {
                let refusal = filter.filter(|_| *call == Call::Refused).map(|filter| filter.refusal);
                let sample = call.batch(null.as_fd(), refusal.map_or(Ok(()), Err));
                samples.push(sample.map_err(|errno| Failed::Batch(*call, errno))?);
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, body)?;
        thread.join().map_err(|_| io::Error::other("a thread panicked"))
    })
    .map(|done| done.map(|()| samples))
}

fn load(filter: &Refusing, null: BorrowedFd<'_>) -> std::result::Result<(), Failed> {
    credential::set_no_new_privs().map_err(Failed::Load)?;
    credential::seccomp_load(&filter.program.instructions, filter.program.flags).map_err(Failed::Load)?;
    let as_meant = parent() == Ok(())
        && personality::set(u32::MAX) == Ok(())
        && personality::set(FORBIDDEN) == Err(filter.forbidden)
        && module::load(null, c"") == Err(filter.refusal);
    if as_meant { Ok(()) } else { Err(Failed::Trial) }
}

/// What the trial expects to be refused, with its first argument.
pub(super) const TRIED: [(&str, u64); 2] = [(REFUSED, 0), ("personality", FORBIDDEN as u64)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_ends_with_the_first_call_that_answers_otherwise() {
        let calls = std::cell::Cell::new(0);
        let count = || {
            calls.set(calls.get() + 1);
            Ok(())
        };
        assert!(batch(Ok(()), count).unwrap() > 0.0);
        assert_eq!(calls.replace(0), BATCH);
        assert_eq!(batch(Err(Errno::EPERM), count), Err(Errno::ENODATA));
        assert_eq!(calls.get(), 1);
        assert_eq!(batch(Ok(()), || Err(Errno::ENOSYS)), Err(Errno::ENOSYS));
    }

    #[test]
    fn without_a_filter_the_kernel_answers_what_is_allowed() {
        let samples = measure(None, &Call::ALLOWED).unwrap().unwrap();
        assert!(samples.len() == 3 && samples.iter().all(|sample| *sample > 0.0), "{samples:?}");
    }
}
