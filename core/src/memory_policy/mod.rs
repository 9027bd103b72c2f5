//! The NUMA memory policy of the workload (`linux.memoryPolicy`, `set_mempolicy(2)`).
//!
//! Set once the child is in its groups, whose cpuset decides which nodes there are. Nodes are numbers below 1024.

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::fmt;

use oci_spec::runtime::{
    LinuxMemoryPolicy as Spec, MemoryPolicyFlagType as Flag, MemoryPolicyModeType as Mode,
};

use crate::config::{Config, Reader};
use crate::plan::{self, Side, Step};
use crate::scheduler::{Mask, read_mask};

/// The policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPolicy {
    /// `MPOL_*`, with `MPOL_F_*` on top.
    pub mode: u32,
    /// The mode's name in the spec.
    pub name: &'static str,
    /// A bit each node, by number.
    pub nodes: Mask,
}

/// Modes: name, number, and the word in `/proc/PID/numa_maps` (`linux/mempolicy.h`, `mpol_to_str` in the kernel).
const MODES: [(Mode, &str, u32, &str); 7] = [
    (Mode::MpolDefault, "MPOL_DEFAULT", 0, "default"),
    (Mode::MpolPreferred, "MPOL_PREFERRED", 1, "prefer"),
    (Mode::MpolBind, "MPOL_BIND", 2, "bind"),
    (Mode::MpolInterleave, "MPOL_INTERLEAVE", 3, "interleave"),
    (Mode::MpolLocal, "MPOL_LOCAL", 4, "local"),
    (Mode::MpolPreferredMany, "MPOL_PREFERRED_MANY", 5, "prefer (many)"),
    (Mode::MpolWeightedInterleave, "MPOL_WEIGHTED_INTERLEAVE", 6, "weighted interleave"),
];

const STATIC_NODES: u32 = 1 << 15;
const RELATIVE_NODES: u32 = 1 << 14;
const NUMA_BALANCING: u32 = 1 << 13;

impl MemoryPolicy {
    /// The word that the kernel has for the mode in `/proc/PID/numa_maps`.
    #[must_use]
    pub fn shown(&self) -> &'static str {
        MODES.iter().find(|(_, name, ..)| *name == self.name).map_or("", |(.., shown)| shown)
    }
}

/// The policy of a spec; `None` leaves the launcher's.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<MemoryPolicy> {
    let asked = reader.linux()?.memory_policy().as_ref()?;
    let (_, name, number, _) = *MODES.iter().find(|(mode, ..)| *mode == asked.mode())?;
    let listed = asked.nodes().as_deref().unwrap_or_default();
    let none = listed.trim().is_empty();
    let nodes = read_mask(reader, "linux.memoryPolicy.nodes", listed);
    match name {
        "MPOL_DEFAULT" | "MPOL_LOCAL" if !none => {
            reader.refuse("linux.memoryPolicy.nodes", format!("has nodes, and {name} takes none"));
        }
        // Without nodes it is the local policy.
        "MPOL_DEFAULT" | "MPOL_LOCAL" | "MPOL_PREFERRED" => {}
        _ if none => reader.refuse("linux.memoryPolicy.nodes", format!("is empty, and {name} needs nodes")),
        _ => {}
    }
    Some(MemoryPolicy { mode: number | read_flags(reader, asked, name, none), name, nodes })
}

fn read_flags(reader: &mut Reader<'_>, asked: &Spec, mode: &str, none: bool) -> u32 {
    const AT: &str = "linux.memoryPolicy.flags";
    let flags = asked.flags().iter().flatten().fold(0, |flags, flag| {
        flags
            | match flag {
                Flag::MpolFNumaBalancing => NUMA_BALANCING,
                Flag::MpolFRelativeNodes => RELATIVE_NODES,
                Flag::MpolFStaticNodes => STATIC_NODES,
            }
    });
    if flags & STATIC_NODES != 0 && flags & RELATIVE_NODES != 0 {
        reader.refuse(AT, "has both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES");
    }
    if flags & (STATIC_NODES | RELATIVE_NODES) != 0 && none {
        reader.refuse(AT, "says how nodes are meant, and there are none");
    }
    if flags & NUMA_BALANCING != 0 && !["MPOL_BIND", "MPOL_PREFERRED_MANY"].contains(&mode) {
        reader.refuse(AT, format!("has MPOL_F_NUMA_BALANCING, which {mode} does not take"));
    }
    flags
}

/// One operation on the memory policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Sets it.
    Set(MemoryPolicy),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Op::Set(policy) = self;
        write!(f, "set_mempolicy {}", policy.name)?;
        for (flag, name) in
            [(STATIC_NODES, "static"), (RELATIVE_NODES, "relative"), (NUMA_BALANCING, "balancing")]
        {
            if policy.mode & flag != 0 {
                write!(f, ", {name}")?;
            }
        }
        write!(f, ", nodes {:?}", crate::scheduler::numbers(&policy.nodes))
    }
}

/// The child's operation.
pub(crate) fn plan(config: &Config, steps: &mut Vec<Step>) {
    let set = |policy| Step::new(Side::Child, plan::Op::MemoryPolicy(Op::Set(policy)));
    steps.extend(config.memory_policy.map(set));
}
