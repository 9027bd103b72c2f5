//! SELinux: the context that the workload runs in from its exec on (`process.selinuxLabel`).
//!
//! Asked for as an AppArmor profile is, through the host's `/proc`. Loading a policy is not done here, nor the labelling of
//! files: the mounts' label is the mounts' (`linux.mountLabel`).

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::ffi::CString;
use std::fmt;

use crate::config::{Config, Reader};
use crate::host::Host;
use crate::plan::{self, PlanError, Side, Step};

/// The context of the config; `None` leaves it to the policy.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<CString> {
    const AT: &str = "process.selinuxLabel";
    let label = reader.process()?.selinux_label().as_deref().filter(|label| !label.is_empty())?;
    // user:role:type, and a range of levels where the policy has them (`selinux(8)`).
    if label.split(':').count() < 3 || label.split(':').take(3).any(str::is_empty) {
        reader.refuse(AT, format!("{label:?} is not user:role:type[:range]"));
    }
    Some(reader.text(AT, label))
}

/// One operation on SELinux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Asks for a context from the next exec on.
    OnExec(CString),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Op::OnExec(label) = self;
        write!(f, "write /proc/self/attr/exec: {}", label.to_string_lossy())
    }
}

/// The child's operation, while the host's `/proc` is there.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let Some(label) = &config.selinux else { return Ok(()) };
    host.require("selinux", "process.selinuxLabel")?;
    steps.push(Step::new(Side::Child, plan::Op::Selinux(Op::OnExec(label.clone()))));
    Ok(())
}
