//! The parent's part while its child is on its way.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oci_spec::runtime::ContainerState;

use super::Error;
use super::gate::{Gate, Word};
use super::parent::Parent;
use super::timeline::Progress;
use crate::hook::perform::Problem;
use crate::network::perform::Moved;
use crate::plan::{Op, Plan, Side};
use crate::process;
use crate::sys::{Errno, process as sysproc, seccomp};
use crate::{hook, namespace, network};

/// How often it is looked whether the child, which may make no call, offers something.
const PAUSE: Duration = Duration::from_micros(200);

/// How a child's stay ended, for the launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It has exec'd, or is dead.
    Over,
    /// It waits to be started.
    Ready,
    /// It took too long.
    TimedOut,
}

/// What serves one child.
pub(super) struct Server<'a> {
    pub(super) plan: &'a Plan,
    pub(super) progress: &'a Progress,
    pub(super) parent: &'a Parent,
    pub(super) gate: Option<&'a Gate>,
    /// Where the kernel has written the child's process id.
    pub(super) pid: &'a AtomicI32,
    /// What has been moved into the container, and must be given back if the launch fails.
    pub(super) moved: Mutex<Vec<Moved>>,
}

impl Server<'_> {
    /// Performs the parent's steps when it is asked to, until the child asks for nothing any more.
    pub(super) fn serve(&self, timeout: Option<Duration>) -> Result<Ended, Error> {
        let Some(gate) = self.gate else { return Ok(Ended::Over) };
        let served = self.hear(gate, timeout);
        if served.is_err() {
            // A child that waits for an answer is not to wait for one that will not come.
            gate.end();
        }
        served
    }

    fn hear(&self, gate: &Gate, timeout: Option<Duration>) -> Result<Ended, Error> {
        let started = Instant::now();
        let mut at = self.plan.clone_index() + 1;
        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(started.elapsed()));
            match gate.word(left) {
                Ok(None) => return Ok(Ended::Over),
                Ok(Some(Word::Ready)) => {
                    return match gate.open() {
                        Ok(()) => Ok(Ended::Ready),
                        Err(_) => Ok(Ended::Over), // it has died in between
                    };
                }
                Ok(Some(Word::Listener)) => {
                    self.pass_listener(started, timeout)?;
                    continue;
                }
                Ok(Some(Word::YourTurn)) => at = self.turn(at)?,
                Err(Errno::ETIME) => return Ok(Ended::TimedOut),
                Err(errno) => return Err(Error::system("hear from the child", errno)),
            }
            if gate.open().is_err() {
                // It may have died in between, or is to give up now; the next word tells.
                gate.end();
            }
        }
    }

    /// Gives back to the host what was moved, the last first.
    pub(super) fn give_back(self) -> Result<(), Error> {
        for device in self.moved.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().rev() {
            device.back().map_err(|errno| Error::system("give a network device back to the host", errno))?;
        }
        Ok(())
    }

    /// The next run of the parent's steps, from `at` on. Returns where it ends.
    fn turn(&self, at: usize) -> Result<usize, Error> {
        let steps = self.plan.steps();
        let begin = (at..steps.len()).find(|index| steps[*index].side == Side::Parent).unwrap_or(steps.len());
        let end =
            (begin..steps.len()).find(|index| steps[*index].side != Side::Parent).unwrap_or(steps.len());
        for (index, step) in steps.iter().enumerate().take(end).skip(begin) {
            self.progress.stamp(index);
            if let Err(error) = self.perform(index, &step.op) {
                // So that the child goes no further, and says nothing of its own.
                self.progress.fail(index, Errno::ECANCELED);
                return Err(error);
            }
        }
        Ok(end)
    }

    /// Takes the listener that the child offers, and sends it to its agent.
    fn pass_listener(&self, started: Instant, timeout: Option<Duration>) -> Result<(), Error> {
        let agent = self.plan.steps().iter().find_map(|step| match &step.op {
            Op::Process(process::Op::Filter { agent: Some(agent), .. }) => Some(agent),
            _ => None,
        });
        let Some(agent) = agent else { return Ok(()) };
        let pid = self.pid.load(Ordering::Acquire);
        let failed = |errno| Error::system("take the filter's listener from the child", errno);
        let child = sysproc::pidfd_open(pid).map_err(failed)?;
        let number = loop {
            if let Some(number) = self.progress.offered() {
                break number;
            }
            // Its own filter may have killed it, and its death is told by the gate.
            if sysproc::poll(&[child.as_fd()], Some(PAUSE)).map_err(failed)?.is_some()
                || timeout.is_some_and(|timeout| started.elapsed() > timeout)
            {
                return Ok(());
            }
        };
        let listener = seccomp::pidfd_getfd(child.as_fd(), number).map_err(failed)?;
        let status = if agent.first { ContainerState::Creating } else { ContainerState::Running };
        let state = agent.about.state(status, pid).map_err(failed)?;
        agent
            .listener
            .send(listener.as_fd(), pid, &state)
            .map_err(|error| Error::Helper(error.to_string()))?;
        self.progress.taken();
        Ok(())
    }

    fn perform(&self, index: usize, op: &Op) -> Result<(), Error> {
        let pid = self.pid.load(Ordering::Acquire);
        let step = |errno| Error::step(self.plan, index, errno);
        match op {
            Op::Namespace(namespace::Op::MapIds { uids, gids }) => {
                namespace::perform::map_ids(uids, gids, pid).map_err(step)
            }
            Op::Namespace(namespace::Op::MapSubIds { uids, gids }) => {
                namespace::perform::map_sub_ids(uids, gids, pid).map_err(Error::Helper)
            }
            Op::Process(process::Op::OomScoreAdjOfChild(value)) => {
                process::perform::oom_score_adj(pid, value).map_err(step)
            }
            Op::Network(network::Op::MoveDevice(device)) => {
                let moved = network::perform::move_device(device, pid).map_err(step)?;
                self.moved.lock().unwrap_or_else(PoisonError::into_inner).push(moved);
                Ok(())
            }
            Op::Hook(op) => hook::perform::outside(op, self.parent, pid).map_err(|problem| match problem {
                Problem::Errno(errno) => step(errno),
                Problem::Said(said) => Error::Helper(said),
            }),
            _ => Err(step(Errno::ENOSYS)),
        }
    }
}
