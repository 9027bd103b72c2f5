//! When each step began, and which one failed: written by parent and child in memory that both see.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use super::Error;
use super::noted::Noted;
use crate::plan::{Op, Plan};
use crate::process;
use crate::seccomp::{self, Call};
use crate::sys::shared::Words;
use crate::sys::{self, Errno, clock};

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
    /// [`EXECUTED`], [`CURRENT`] and [`FAILURE`], then when each step began.
    words: Words,
    /// The step at which reading the clock could already be a call that the filter refuses.
    unclocked: Option<usize>,
}

const EXECUTED: usize = 0;
const CURRENT: usize = 1;
/// Step in the upper half, errno in the lower; 0 while nothing has failed.
const FAILURE: usize = 2;
/// A descriptor of the child's that its parent is to take, plus 1; [`TAKEN`] once it has.
const OFFERED: usize = 3;
const BEGUN: usize = 4;
const TAKEN: u64 = u64::MAX;
/// Room for the paths of what is made in the root file system, each with all above it that is made.
const ROOM: usize = 1 << 16;

impl Progress {
    pub(crate) fn new(plan: &Plan) -> sys::Result<Progress> {
        let room = if plan.shares_memory() { Words::borrowed } else { Words::new };
        let words = room(BEGUN + plan.steps().len(), ROOM)?;
        Ok(Progress { launched: clock::tai(), words, unclocked: unclocked(plan) })
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        &self.words.get()[index]
    }

    fn begun(&self) -> &[AtomicU64] {
        &self.words.get()[BEGUN..]
    }

    /// A place for the child's process id, in memory that all sides share.
    pub(crate) fn pid(&self) -> &AtomicI32 {
        self.words.pid()
    }

    /// What the child has made in a root file system of the host's.
    pub(crate) fn made(&self) -> Noted<'_> {
        Noted(self.words.bytes())
    }

    /// A step begins, of whoever the launch waits for.
    pub(crate) fn begin(&self, step: usize) {
        self.word(CURRENT).store(step as u64, Ordering::Relaxed);
        self.stamp(step);
    }

    /// A step begins beside the one that the launch waits for.
    pub(crate) fn stamp(&self, step: usize) {
        if self.unclocked != Some(step)
            && let Some(begun) = self.begun().get(step)
        {
            begun.store(clock::tai(), Ordering::Relaxed);
        }
    }

    pub(crate) fn fail(&self, step: usize, errno: Errno) {
        let value = (step as u64) << 32 | u64::from(errno.into_raw() as u32);
        // The first failure counts: when there is one already, this one changes nothing.
        let first = self.word(FAILURE).compare_exchange(0, value, Ordering::AcqRel, Ordering::Relaxed);
        debug_assert!(first.is_ok() || self.failure().is_some());
    }

    pub(crate) fn failure(&self) -> Option<(usize, Errno)> {
        match self.word(FAILURE).load(Ordering::Acquire) {
            0 => None,
            value => Some(((value >> 32) as usize, Errno::new(value as u32 as i32))),
        }
    }

    /// The failure in words.
    pub(crate) fn failed(&self, plan: &Plan) -> Option<Error> {
        self.failure().map(|(index, errno)| Error::step(plan, index, errno))
    }

    pub(crate) fn current(&self) -> usize {
        self.word(CURRENT).load(Ordering::Relaxed) as usize
    }

    /// The child's side: offers a descriptor and goes on once it was taken. It makes no call while it waits, since its
    /// own filter may refuse any.
    pub(crate) fn offer(&self, fd: i32) {
        self.word(OFFERED).store(u64::from(fd.unsigned_abs()) + 1, Ordering::Release);
        while self.word(OFFERED).load(Ordering::Acquire) != TAKEN {
            std::hint::spin_loop();
        }
    }

    /// The number of a descriptor that the child offers.
    pub(crate) fn offered(&self) -> Option<i32> {
        match self.word(OFFERED).load(Ordering::Acquire) {
            0 | TAKEN => None,
            fd => i32::try_from(fd - 1).ok(),
        }
    }

    /// Lets a child go on that offers a descriptor.
    pub(crate) fn taken(&self) {
        self.word(OFFERED).store(TAKEN, Ordering::Release);
    }

    pub(crate) fn executed(&self) {
        self.word(EXECUTED).store(clock::tai(), Ordering::Relaxed);
    }

    pub(crate) fn timeline(&self) -> Timeline {
        let since = |time: u64| time.saturating_sub(self.launched);
        let begun = self.begun().iter().map(|time| time.load(Ordering::Relaxed)).enumerate();
        Timeline {
            steps: begun
                .filter(|(_, time)| *time != 0)
                .map(|(step, time)| StepTime { step, start: since(time) })
                .collect(),
            exec: since(self.word(EXECUTED).load(Ordering::Relaxed)),
        }
    }
}

/// The exec's index, if the filter before it refuses to tell the time. Usually the vDSO answers without a call, but
/// not with every clock source.
fn unclocked(plan: &Plan) -> Option<usize> {
    let last = plan.steps().len().checked_sub(1)?;
    let Op::Process(process::Op::Filter { program, .. }) = &plan.steps().get(last.checked_sub(1)?)?.op else {
        return None;
    };
    let arch = seccomp::Arch::NATIVE;
    let allowed = seccomp::number(arch, "clock_gettime").is_some_and(|nr| {
        program.decide(&Call { arch: arch.audit(), nr, ip: 0, args: [0; 6] }).action == seccomp::action::ALLOW
    });
    (!allowed).then_some(last)
}
