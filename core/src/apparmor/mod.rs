//! AppArmor: the profile that the workload runs under from its exec on (`process.apparmorProfile`).
//!
//! The child asks for it through the host's `/proc`, before it enters the root: a `/proc` that the image brings could take
//! the write and do nothing (CVE-2019-16884, CVE-2023-28642). The kernel looks the profile up at the write and keeps it
//! with the task until the exec. Loading profiles is not done here: that is `apparmor_parser`'s.

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::ffi::CString;
use std::fmt;

use crate::config::{Config, Reader};
use crate::host::Host;
use crate::plan::{self, PlanError, Side, Step};

/// The profile that is there without any policy.
const UNCONFINED: &[u8] = b"unconfined";

/// The profile of the config; `None` leaves the launcher's own.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<CString> {
    const AT: &str = "process.apparmorProfile";
    let name = reader.process()?.apparmor_profile().as_deref().filter(|name| !name.is_empty())?;
    if name.starts_with(char::is_whitespace) || name.contains('\n') {
        reader.refuse(AT, "begins with a space or has a newline, which no profile's name can");
    }
    Some(reader.text(AT, name))
}

/// One operation on AppArmor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Asks for a profile from the next exec on: `exec NAME`.
    OnExec(CString),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Op::OnExec(text) = self;
        write!(f, "write /proc/self/attr/apparmor/exec: {}", text.to_string_lossy())
    }
}

/// The child's operation, while the host's `/proc` is there.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let Some(name) = &config.apparmor else { return Ok(()) };
    if name.to_bytes() == UNCONFINED && !host.has("apparmor") {
        return Ok(());
    }
    host.require("apparmor", "process.apparmorProfile")?;
    let text = CString::new([b"exec ", name.to_bytes()].concat()).unwrap_or_default();
    steps.push(Step::new(Side::Child, plan::Op::AppArmor(Op::OnExec(text))));
    Ok(())
}

/// Whether a label that the kernel shows, such as `NAME (enforce)`, is the profile asked for.
pub(crate) fn is(asked: &str, label: &str) -> bool {
    label.strip_prefix(asked).is_some_and(|mode| mode.is_empty() || mode.starts_with(" ("))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_name_with_or_without_a_mode() {
        assert!(is("a b", "a b (enforce)") && is("unconfined", "unconfined"));
        assert!(!is("a", "a b (enforce)") && !is("a", "ab") && !is("a", "unconfined"));
    }
}
