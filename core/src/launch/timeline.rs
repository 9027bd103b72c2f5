//! When each step began, and which one failed: written by parent and child in memory that both see.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::plan::{Op, Plan};
use crate::process;
use crate::seccomp::{self, Call};
use crate::sys::{Errno, clock};

/// When a step began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTime {
    /// Index of the step in the plan.
    pub step: usize,
    /// Nanoseconds after the launch began.
    pub start: u64,
}

/// A launch in time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Start of each step that was begun, in the plan's order. A step lasts until the next of its side begins.
    pub steps: Vec<StepTime>,
    /// Nanoseconds from the beginning until the launcher knew that the workload had been executed.
    pub exec: u64,
}

/// The timeline in the making, and how far the child is.
pub(crate) struct Progress {
    launched: u64,
    begun: Vec<AtomicU64>,
    executed: AtomicU64,
    current: AtomicUsize,
    /// Step in the upper half, errno in the lower; 0 while nothing has failed.
    failure: AtomicU64,
    /// The step at which reading the clock could already be a call that the filter refuses.
    unclocked: Option<usize>,
}

impl Progress {
    pub(crate) fn new(plan: &Plan) -> Progress {
        Progress {
            launched: clock::monotonic(),
            begun: plan.steps().iter().map(|_| AtomicU64::new(0)).collect(),
            executed: AtomicU64::new(0),
            current: AtomicUsize::new(0),
            failure: AtomicU64::new(0),
            unclocked: unclocked(plan),
        }
    }

    /// A step begins, of whoever the launch waits for.
    pub(crate) fn begin(&self, step: usize) {
        self.current.store(step, Ordering::Relaxed);
        self.stamp(step);
    }

    /// A step begins beside the one that the launch waits for.
    pub(crate) fn stamp(&self, step: usize) {
        if self.unclocked != Some(step)
            && let Some(begun) = self.begun.get(step)
        {
            begun.store(clock::monotonic(), Ordering::Relaxed);
        }
    }

    pub(crate) fn fail(&self, step: usize, errno: Errno) {
        let value = (step as u64) << 32 | u64::from(errno.into_raw() as u32);
        // The first failure counts: when there is one already, this one changes nothing.
        let first = self.failure.compare_exchange(0, value, Ordering::AcqRel, Ordering::Relaxed);
        debug_assert!(first.is_ok() || self.failure().is_some());
    }

    pub(crate) fn failure(&self) -> Option<(usize, Errno)> {
        match self.failure.load(Ordering::Acquire) {
            0 => None,
            value => Some(((value >> 32) as usize, Errno::new(value as u32 as i32))),
        }
    }

    pub(crate) fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    pub(crate) fn executed(&self, now: u64) {
        self.executed.store(now, Ordering::Relaxed);
    }

    pub(crate) fn timeline(&self) -> Timeline {
        let since = |time: u64| time.saturating_sub(self.launched);
        let begun = self.begun.iter().map(|time| time.load(Ordering::Relaxed)).enumerate();
        Timeline {
            steps: begun
                .filter(|(_, time)| *time != 0)
                .map(|(step, time)| StepTime { step, start: since(time) })
                .collect(),
            exec: since(self.executed.load(Ordering::Relaxed)),
        }
    }
}

/// The exec's index, if the filter before it refuses to tell the time. Usually the vDSO answers without a call, but
/// not with every clock source.
fn unclocked(plan: &Plan) -> Option<usize> {
    let last = plan.steps().len().checked_sub(1)?;
    let Op::Process(process::Op::Filter { program }) = &plan.steps().get(last.checked_sub(1)?)?.op else {
        return None;
    };
    let arch = seccomp::Arch::NATIVE;
    let allowed = seccomp::number(arch, "clock_gettime").is_some_and(|nr| {
        program.decide(&Call { arch: arch.audit(), nr, ip: 0, args: [0; 6] }).action == seccomp::action::ALLOW
    });
    (!allowed).then_some(last)
}
