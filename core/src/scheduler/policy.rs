//! Scheduling policies (`sched(7)`, `sched_setattr(2)`).

use std::fmt;

use oci_spec::runtime::{LinuxSchedulerFlag as Flag, LinuxSchedulerPolicy as Policy, Scheduler as Spec};
use serde::{Deserialize, Serialize};

use crate::config::Reader;

/// A policy with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduler {
    /// Its name in the spec.
    pub name: &'static str,
    /// What the kernel is told.
    pub attributes: Attributes,
}

/// What the kernel is told of a process's scheduling, and tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// `SCHED_*`
    pub policy: u32,
    /// `SCHED_FLAG_*`
    pub flags: u64,
    /// -20 to 19, of the policies without priority.
    pub nice: i32,
    /// 1 to 99, of the real-time policies.
    pub priority: u32,
    /// Nanoseconds, of `SCHED_DEADLINE`.
    pub runtime: u64,
    /// Nanoseconds, of `SCHED_DEADLINE`.
    pub deadline: u64,
    /// Nanoseconds, of `SCHED_DEADLINE`.
    pub period: u64,
}

/// Policies: name and number, from `linux/sched.h`. `SCHED_ISO` is reserved there and was never made.
const POLICIES: [(Policy, &str, u32); 7] = [
    (Policy::SchedOther, "SCHED_OTHER", 0),
    (Policy::SchedFifo, "SCHED_FIFO", 1),
    (Policy::SchedRr, "SCHED_RR", 2),
    (Policy::SchedBatch, "SCHED_BATCH", 3),
    (Policy::SchedIso, "SCHED_ISO", 4),
    (Policy::SchedIdle, "SCHED_IDLE", 5),
    (Policy::SchedDeadline, "SCHED_DEADLINE", 6),
];

const DEADLINE: u32 = 6;

/// `SCHED_FLAG_*` of `linux/sched.h`.
fn flag(flag: Flag) -> u64 {
    match flag {
        Flag::SchedResetOnFork => 0x01,
        Flag::SchedFlagReclaim => 0x02,
        Flag::SchedFlagDLOverrun => 0x04,
        Flag::SchedFlagKeepPolicy => 0x08,
        Flag::SchedFlagKeepParams => 0x10,
        Flag::SchedFlagUtilClampMin => 0x20,
        Flag::SchedFlagUtilClampMax => 0x40,
    }
}

impl Scheduler {
    /// Whether the policy has priorities.
    fn is_real_time(number: u32) -> bool {
        matches!(number, 1 | 2)
    }

    pub(super) fn read(reader: &mut Reader<'_>, asked: &Spec) -> Scheduler {
        let found = POLICIES.iter().find(|(policy, ..)| policy == asked.policy());
        let (name, policy) = found.map_or(("SCHED_OTHER", 0), |(_, name, number)| (*name, *number));
        let nice = asked.nice().unwrap_or(0);
        if !(-20..=19).contains(&nice) {
            reader.refuse("process.scheduler.nice", format!("{nice} is not within -20 and 19"));
        }
        let priority = asked.priority().unwrap_or(0);
        let at = "process.scheduler.priority";
        if Scheduler::is_real_time(policy) {
            if !(1..=99).contains(&priority) {
                reader.refuse(at, format!("{priority} is not within 1 and 99, which {name} needs"));
            }
        } else if priority != 0 {
            reader.refuse(at, format!("{priority} is not 0, and {name} has no priorities"));
        }
        let times =
            [("runtime", asked.runtime()), ("deadline", asked.deadline()), ("period", asked.period())];
        for (field, time) in &times {
            if policy != DEADLINE && time.is_some_and(|time| time != 0) {
                reader.refuse(format!("process.scheduler.{field}"), format!("is set, and {name} has none"));
            }
        }
        let [runtime, deadline, period] = times.map(|(_, time)| time.unwrap_or(0));
        // A period of 0 is the deadline (sched(7)).
        if policy == DEADLINE && !(runtime > 0 && runtime <= deadline && (period == 0 || deadline <= period))
        {
            reader.refuse("process.scheduler.runtime", "is not: 0 < runtime <= deadline <= period");
        }
        let flags = asked.flags().iter().flatten().fold(0, |flags, one| flags | flag(*one));
        let attributes = Attributes {
            policy,
            flags,
            nice,
            priority: u32::try_from(priority).unwrap_or(0),
            runtime,
            deadline,
            period,
        };
        Scheduler { name, attributes }
    }

    /// Whether what the kernel shows is what was asked for, as far as it heeds it: nice under two policies and a priority
    /// under two others. Flags that say how to set are not shown.
    #[must_use]
    pub fn is(&self, got: &Attributes) -> bool {
        const RESET_ON_FORK: u64 = 0x01;
        let asked = &self.attributes;
        let fair = matches!(asked.policy, 0 | 3);
        got.policy == asked.policy
            && (got.flags & RESET_ON_FORK) == (asked.flags & RESET_ON_FORK)
            && (!fair || got.nice == asked.nice)
            && (!Scheduler::is_real_time(asked.policy) || got.priority == asked.priority)
            // Under other policies later kernels show the length of a slice there.
            && (asked.policy != DEADLINE || (got.runtime, got.deadline) == (asked.runtime, asked.deadline))
    }
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attributes { policy, flags, nice, priority, runtime, deadline, period } = self.attributes;
        write!(f, "{}", self.name)?;
        match policy {
            1 | 2 => write!(f, " priority {priority}")?,
            6 => write!(f, " runtime {runtime} deadline {deadline} period {period}")?,
            _ => write!(f, " nice {nice}")?,
        }
        if flags == 0 { Ok(()) } else { write!(f, " flags {flags:#x}") }
    }
}
