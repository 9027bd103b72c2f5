//! Capabilities: the five sets of `capabilities(7)`.
//!
//! The permitted and effective sets are given `CAP_SYS_ADMIN` on top where a filter must be loaded without
//! `no_new_privs`, so that the filter can be loaded last; the exec that follows recomputes both sets and drops it.

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::fmt;

use oci_spec::runtime::Capabilities;
use serde::{Deserialize, Serialize};

use crate::config::Reader;
use crate::host::Host;
use crate::plan::PlanError;

/// Names by number, as in `linux/capability.h`.
pub const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The five sets, a bit for each capability by number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sets {
    /// `CapInh`
    pub inheritable: u64,
    /// `CapPrm`
    pub permitted: u64,
    /// `CapEff`
    pub effective: u64,
    /// `CapBnd`
    pub bounding: u64,
    /// `CapAmb`
    pub ambient: u64,
}

/// The names in a set, lowest number first; unknown numbers as numbers.
#[must_use]
pub fn names(set: u64) -> Vec<String> {
    (0..64)
        .filter(|number| set >> number & 1 == 1)
        .map(|number| NAMES.get(number).map_or_else(|| number.to_string(), |name| format!("CAP_{name}")))
        .collect()
}

impl Sets {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Sets {
        let Some(asked) = reader.process().and_then(|process| process.capabilities().as_ref()) else {
            return Sets::default();
        };
        let sets = Sets {
            inheritable: bits(asked.inheritable().as_ref()),
            permitted: bits(asked.permitted().as_ref()),
            effective: bits(asked.effective().as_ref()),
            bounding: bits(asked.bounding().as_ref()),
            ambient: bits(asked.ambient().as_ref()),
        };
        let excess = sets.effective & !sets.permitted;
        if excess != 0 {
            let problem = format!("{} are not permitted", names(excess).join(", "));
            reader.refuse("process.capabilities.effective", problem);
        }
        sets.normal()
    }

    /// What the kernel can represent: an ambient capability must be permitted and inheritable. The config that
    /// `runc spec` writes asks for ambient ones without inheritable; runc leaves those out, and so does this.
    fn normal(mut self) -> Sets {
        self.ambient &= self.permitted & self.inheritable;
        self
    }

    /// The sets that the workload has after its exec, by the rules of `capabilities(7)` for a file without
    /// capabilities: user 0 is given its bounding and inheritable sets, with `no_new_privs` only what it had; any other
    /// its ambient one.
    #[must_use]
    pub fn after_exec(self, uid: u32, no_new_privs: bool) -> Sets {
        let kept = if no_new_privs { self.permitted } else { u64::MAX };
        let permitted = if uid == 0 { (self.inheritable | self.bounding) & kept } else { self.ambient };
        Sets { permitted, effective: permitted, ..self }
    }

    /// Refuses what this kernel does not know, or what the launcher could not give.
    pub(crate) fn check(self, host: &Host) -> Result<(), PlanError> {
        let known = u64::MAX >> (63 - host.last_capability.min(63));
        for (field, set) in [
            ("bounding", self.bounding),
            ("effective", self.effective),
            ("inheritable", self.inheritable),
            ("permitted", self.permitted),
            ("ambient", self.ambient),
        ] {
            if set & !known != 0 {
                return Err(PlanError::new(
                    format!("process.capabilities.{field}"),
                    format!("this kernel does not know {}", names(set & !known).join(", ")),
                    "leave them out",
                ));
            }
        }
        Ok(())
    }
}

fn bits(set: Option<&Capabilities>) -> u64 {
    let number = |name: &str| NAMES.iter().position(|known| *known == name);
    set.into_iter()
        .flatten()
        .filter_map(|name| number(&name.to_string()))
        .fold(0, |bits, number| bits | 1 << number)
}

/// One operation on capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Drops everything else from the bounding set: what is kept, and the highest that the kernel knows.
    Bound(u64, u32),
    /// Keeps the permitted set over the change of user.
    Keep,
    /// Sets inheritable, permitted and effective, and the ambient set.
    Set {
        /// The sets as asked.
        sets: Sets,
        /// `CAP_SYS_ADMIN` until the exec, for loading a filter.
        for_filter: bool,
    },
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |set: u64| if set == 0 { "none".to_owned() } else { names(set).join(" ") };
        match self {
            Op::Bound(kept, _) => write!(f, "drop from the bounding set all but: {}", list(*kept)),
            Op::Keep => write!(f, "keep capabilities over the change of user"),
            Op::Set { sets, for_filter } => {
                write!(f, "capset permitted: {}", list(sets.permitted))?;
                if *for_filter { write!(f, " (and CAP_SYS_ADMIN until exec)") } else { Ok(()) }
            }
        }
    }
}
