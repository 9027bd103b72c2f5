//! How the workload is scheduled: policy (`process.scheduler`), io priority (`process.ioPriority`), and the CPUs of
//! what is executed into a container (`process.execCPUAffinity`).
//!
//! Set while the child still has its privileges, after it is in its groups. Affinities are not the first process's: whoever
//! executes another one performs [`Op::Affinity`], the initial one before it joins the groups and the final one after.

mod io_priority;
mod mask;
#[cfg(feature = "launch")]
pub(crate) mod perform;
mod policy;

use std::fmt;

use crate::config::{Config, Reader};
use crate::plan::{self, Side, Step};

pub use io_priority::IoPriority;
pub(crate) use mask::read_mask;
pub use mask::{Mask, numbers};
pub use policy::{Attributes, Scheduler};

/// How a workload is scheduled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// Policy and what belongs to it; `None` leaves the launcher's.
    pub policy: Option<Scheduler>,
    /// Io priority; `None` leaves the launcher's.
    pub io_priority: Option<IoPriority>,
    /// CPUs of a process that is executed into the container; not of its first.
    pub exec_affinity: ExecAffinity,
}

/// CPUs of a process that is executed into a container. The final ones are left to the kernel where they are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExecAffinity {
    /// Before it is in the container's groups.
    pub initial: Option<Mask>,
    /// Once it is.
    pub last: Option<Mask>,
}

impl Scheduling {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Scheduling {
        let Some(process) = reader.process() else { return Scheduling::default() };
        Scheduling {
            policy: process.scheduler().as_ref().map(|asked| Scheduler::read(reader, asked)),
            io_priority: process.io_priority().as_ref().map(|asked| IoPriority::read(reader, asked)),
            exec_affinity: ExecAffinity::read(reader),
        }
    }
}

impl ExecAffinity {
    fn read(reader: &mut Reader<'_>) -> ExecAffinity {
        let asked = reader.process().and_then(|process| process.exec_cpu_affinity().as_ref());
        let Some(asked) = asked else { return ExecAffinity::default() };
        let mut read = |field: &str, list: &Option<String>| {
            let list = list.as_deref().filter(|list| !list.is_empty())?;
            Some(read_mask(reader, &format!("process.execCPUAffinity.{field}"), list))
        };
        ExecAffinity {
            initial: read("initial", asked.initial()),
            last: read("final", asked.cpu_affinity_final()),
        }
    }
}

/// One operation on scheduling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Sets policy and what belongs to it.
    Policy(Scheduler),
    /// Sets the io priority.
    IoPriority(IoPriority),
    /// Sets the CPUs that may be used.
    Affinity(Mask),
}

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Op::Policy(_) => "scheduler",
            Op::IoPriority(_) => "io priority",
            Op::Affinity(_) => "cpu affinity",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Policy(scheduler) => write!(f, "sched_setattr {scheduler}"),
            Op::IoPriority(priority) => write!(f, "ioprio_set {priority}"),
            Op::Affinity(cpus) => write!(f, "sched_setaffinity {:?}", numbers(cpus)),
        }
    }
}

/// The child's operations.
pub(crate) fn plan(config: &Config, steps: &mut Vec<Step>) {
    let Scheduling { policy, io_priority, .. } = config.scheduling;
    let ops = policy.map(Op::Policy).into_iter().chain(io_priority.map(Op::IoPriority));
    steps.extend(ops.map(|op| Step::new(Side::Child, plan::Op::Scheduler(op))));
}
