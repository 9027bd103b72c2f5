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
    /// Every capability but ambient ones: what root has.
    #[must_use]
    pub fn all() -> Sets {
        Sets { inheritable: 0, permitted: u64::MAX, effective: u64::MAX, bounding: u64::MAX, ambient: 0 }
    }

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
        sets
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

    /// The sets without what cannot be granted, and a note for each thing that is left out, as the spec demands
    /// ("Linux Process"): what this kernel does not know; what the launcher does not have, unless entering a user
    /// namespace gives it all; and ambient capabilities that are not permitted and inheritable too. The config that `runc spec` writes
    /// asks for such ones; runc leaves them out as well.
    #[must_use]
    pub fn granted(self, host: &Host, user_namespace: bool) -> (Sets, Vec<String>) {
        let known = u64::MAX >> (63 - host.last_capability.min(63));
        let own = host.capabilities;
        let (had, bounding) = match user_namespace {
            true => (u64::MAX, u64::MAX),
            false => (own.permitted, own.bounding),
        };
        let mut notes = Vec::new();
        let mut leave_out = |field: &str, set: &mut u64, kept: u64, why: &str| {
            let out = *set & !kept;
            if out != 0 {
                let names = names(out).join(", ");
                notes.push(format!("process.capabilities.{field}: {names} left out: {why}"));
            }
            *set &= kept;
        };
        let mut sets = self;
        let Sets { inheritable, permitted, effective, bounding: bound, ambient } = &mut sets;
        for (field, set, had) in [
            ("bounding", bound, bounding),
            ("effective", effective, had),
            ("inheritable", inheritable, had & bounding | own.inheritable),
            ("permitted", permitted, had),
            ("ambient", ambient, had),
        ] {
            leave_out(field, set, known, "this kernel does not know it");
            leave_out(field, set, had, "the launcher does not have it");
        }
        let possible = sets.permitted & sets.inheritable;
        leave_out("ambient", &mut sets.ambient, possible, "it is not permitted and inheritable too");
        (sets, notes)
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
    /// Sets the inheritable set alone: the kernel takes none into it that the bounding set has lost, but keeps those.
    Inherit(u64),
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
            Op::Inherit(set) => write!(f, "capset inheritable: {}", list(*set)),
            Op::Bound(kept, _) => write!(f, "drop from the bounding set all but: {}", list(*kept)),
            Op::Keep => write!(f, "keep capabilities over the change of user"),
            Op::Set { sets, for_filter } => {
                write!(f, "capset permitted: {}", list(sets.permitted))?;
                if *for_filter { write!(f, " (and CAP_SYS_ADMIN until exec)") } else { Ok(()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILL: u64 = 1 << 5;
    const NEWEST: u64 = 1 << 40;

    #[test]
    fn what_cannot_be_granted_is_left_out_with_a_note() {
        let asked = Sets {
            inheritable: KILL,
            permitted: KILL | NEWEST,
            effective: KILL | NEWEST,
            bounding: KILL | NEWEST,
            ambient: KILL | NEWEST,
        };
        let mut host = Host::example();
        let (sets, notes) = asked.granted(&host, false);
        assert_eq!(sets, Sets { ambient: KILL, ..asked });
        assert_eq!(notes.len(), 1, "{notes:?}");
        // An older kernel.
        host.last_capability = 39;
        let only =
            Sets { inheritable: KILL, permitted: KILL, effective: KILL, bounding: KILL, ambient: KILL };
        let (sets, notes) = asked.granted(&host, false);
        assert_eq!((sets, notes.len()), (only, 4), "{notes:?}");
        assert!(notes[0].contains("CAP_CHECKPOINT_RESTORE left out: this kernel"), "{notes:?}");
        // A launcher that is confined itself; a user namespace gives it everything.
        host.last_capability = 40;
        host.capabilities = only;
        assert_eq!(asked.granted(&host, false).0, only);
        assert_eq!(asked.granted(&host, true).0, Sets { ambient: KILL, ..asked });
    }
}
