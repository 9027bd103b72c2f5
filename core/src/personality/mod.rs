//! The execution domain of the workload (`linux.personality`, `personality(2)`).
//!
//! The spec knows two domains and no flags.

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::fmt;

use oci_spec::runtime::LinuxPersonalityDomain;

use crate::config::{Config, Reader};
use crate::plan::{self, Side, Step};

/// `PER_LINUX32`: `uname` shows a 32-bit machine.
const LINUX32: u32 = 8;

/// The persona of a spec, as the kernel's number; `None` leaves the launcher's.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<u32> {
    let asked = reader.linux()?.personality().as_ref()?;
    if asked.flags().as_ref().is_some_and(|flags| !flags.is_empty()) {
        reader.refuse("linux.personality.flags", "has flags, and the spec knows none");
    }
    Some(match asked.domain() {
        LinuxPersonalityDomain::PerLinux => 0,
        LinuxPersonalityDomain::PerLinux32 => LINUX32,
    })
}

/// One operation on the execution domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Sets it.
    Set(u32),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Op::Set(persona) = self;
        write!(f, "personality {}", if *persona == LINUX32 { "LINUX32" } else { "LINUX" })
    }
}

/// The child's operation.
pub(crate) fn plan(config: &Config, steps: &mut Vec<Step>) {
    steps.extend(
        config.personality.map(|persona| Step::new(Side::Child, plan::Op::Personality(Op::Set(persona)))),
    );
}
