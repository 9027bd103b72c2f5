//! The filters of a profile: ours and libseccomp's two.

use std::io;

use isolab_core::seccomp::{Arch, Call as Asked, Filter, Instruction, Program, action, number};
use isolab_core::sys::Errno;
use oci_spec::runtime::LinuxSeccomp;

use super::call::TRIED;
use super::libseccomp::{Exporter, Order};

/// Who made a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// This project's compilation.
    Core,
    /// libseccomp, in this order.
    Libseccomp(Order),
}

impl By {
    /// As in the names of the series.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            By::Core => "core",
            By::Libseccomp(Order::Linear) => "libseccomp linear",
            By::Libseccomp(Order::Tree) => "libseccomp tree",
        }
    }

    /// Makes it of a profile.
    ///
    /// # Errors
    /// When the profile is refused.
    pub(super) fn compile(self, profile: &LinuxSeccomp, exporter: Option<&Exporter>) -> io::Result<Program> {
        match (self, exporter) {
            (By::Libseccomp(order), Some(exporter)) => exported(exporter, profile, order),
            (By::Libseccomp(_), None) => Err(io::Error::from(io::ErrorKind::Unsupported)),
            (By::Core, _) => {
                let refused = |problem: String| io::Error::new(io::ErrorKind::InvalidInput, problem);
                let filter = Filter::new(profile, Arch::NATIVE).map_err(|all| refused(format!("{all:?}")))?;
                filter.compile().map_err(|violation| refused(violation.to_string()))
            }
        }
    }
}

/// libseccomp's program of a profile, as core loads it.
///
/// # Errors
/// What libseccomp refuses.
pub fn exported(exporter: &Exporter, profile: &LinuxSeccomp, order: Order) -> io::Result<Program> {
    let raw = exporter.export(profile, order)?;
    let instructions = raw.into_iter().map(|(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect();
    Ok(Program { instructions, flags: 0 })
}

/// What a program answers to the calls of [`TRIED`], as [`Program::decide`] runs it; `None` when it does not refuse them
/// with an errno.
pub(super) fn refusals(program: &Program) -> Option<[Errno; 2]> {
    let errno = |(name, argument): (&str, u64)| {
        let nr = number(Arch::NATIVE, name)?;
        let asked = Asked { arch: Arch::NATIVE.audit(), nr, ip: 0, args: [argument, 0, 0, 0, 0, 0] };
        let decided = program.decide(&asked).action;
        let errno = (decided & !action::ACTION_MASK).cast_signed();
        (decided & action::ACTION_MASK == action::ERRNO && errno != 0).then(|| Errno::new(errno))
    };
    let [refusal, forbidden] = TRIED.map(errno);
    Some([refusal?, forbidden?])
}

#[cfg(test)]
mod tests {
    use super::super::profiles::{REFUSAL, SIZES, allow_list};
    use super::*;

    #[test]
    fn what_is_refused_is_known_before_it_is_tried() {
        for size in SIZES {
            let program = By::Core.compile(&allow_list(size).unwrap().profile, None).unwrap();
            assert_eq!(refusals(&program), Some([Errno::new(REFUSAL.cast_signed()); 2]));
        }
        let allows = serde_json::from_str(r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).unwrap();
        assert_eq!(refusals(&By::Core.compile(&allows, None).unwrap()), None);
    }
}
