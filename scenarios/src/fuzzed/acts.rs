//! What a workload does and how it ends: done by its puppet, and foretold from the config alone.

use std::io;
use std::time::Duration;

use isolab_core::launch::Exit;
use serde_json::Value;

use super::input::{Act, Call, End, Input, MOST};
use super::puppet::{self, Puppet};
use super::rules::{Decision, decided};
use crate::ready::LIMIT;

/// Numbers of system calls on x86_64.
const MUNMAP: u64 = 11;
const CLONE: u64 = 56;
const EXIT_GROUP: u64 = 231;
const OPENAT: u64 = 257;
const CLOSE_RANGE: u64 = 436;
/// fcntl(2), openat(2)
const AT_FDCWD: u64 = -100i64 as u64;
/// signal(7)
const SIGCHLD: u64 = 17;
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const SIGSYS: i32 = 31;

/// errno(3)
const EAGAIN: i64 = 11;
const EMFILE: i64 = 24;

/// What came of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// So many times it succeeded, and the errno that ended it; 0 where nothing did.
    Times(usize, i64),
    /// What the call returned: an errno is negative.
    Returned(i64),
    /// The workload is no more.
    Over,
}

/// What is done to a container from outside.
pub trait Hand {
    /// Sends a signal to the workload.
    ///
    /// # Errors
    /// Of the system.
    fn signal(&mut self, signal: i32) -> io::Result<()>;

    /// How it ended; `None` when it has not after this time.
    ///
    /// # Errors
    /// Of the system.
    fn ended(&mut self, within: Duration) -> io::Result<Option<Exit>>;
}

/// Does the acts; the last of them may be the end of it.
///
/// # Errors
/// When the puppet does not answer in time.
pub fn perform(puppet: &mut Puppet, acts: &[Act]) -> io::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for act in acts {
        let outcome = match one(puppet, act) {
            Ok(outcome) => outcome,
            Err(error) if is_over(&error) => Outcome::Over,
            Err(error) => return Err(error),
        };
        outcomes.push(outcome);
        if outcomes.last() == Some(&Outcome::Over) {
            break;
        }
    }
    Ok(outcomes)
}

/// How a puppet that has died in place of answering shows.
fn is_over(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe)
}

fn one(puppet: &mut Puppet, act: &Act) -> io::Result<Outcome> {
    Ok(match act {
        Act::Open => {
            let outcome = again(|| puppet.result(OPENAT, &[AT_FDCWD, puppet::DATA, 0], b"/\0"))?;
            puppet.result(CLOSE_RANGE, &[3, u64::from(u32::MAX), 0], &[])?;
            outcome
        }
        Act::Fork => again(|| puppet.result(CLONE, &[SIGCHLD], &[]))?,
        Act::Call(call) => Outcome::Returned(puppet.result(call.number(), &call.args, &[])?),
    })
}

fn again(mut call: impl FnMut() -> io::Result<i64>) -> io::Result<Outcome> {
    for times in 0..MOST {
        let result = call()?;
        if result < 0 {
            return Ok(Outcome::Times(times, -result));
        }
    }
    Ok(Outcome::Times(MOST, 0))
}

/// Has it end, and waits for that.
///
/// # Errors
/// When it does not end in time.
pub fn end(puppet: &mut Puppet, end: End, hand: &mut dyn Hand) -> io::Result<Exit> {
    match end {
        End::Silence => {}
        End::Exit(status) => told(puppet.order(EXIT_GROUP, &[u64::from(status)], &[], 0))?,
        // Its next instruction is gone.
        End::Fault => told(puppet.order(MUNMAP, &[puppet::TEXT, 4096], &[], 0))?,
        End::Killed => hand.signal(SIGKILL)?,
        End::Asked => hand.signal(SIGTERM)?,
    }
    if matches!(end, End::Silence | End::Asked) {
        puppet.let_go();
    }
    hand.ended(LIMIT)?.ok_or_else(|| io::ErrorKind::TimedOut.into())
}

/// It may have ended before.
fn told(ordered: io::Result<()>) -> io::Result<()> {
    match ordered {
        Err(error) if is_over(&error) => Ok(()),
        other => other,
    }
}

/// What must come of the acts, and how it must end then.
#[must_use]
pub fn foretold(input: &Input, spec: &Value) -> (Vec<Outcome>, Exit) {
    let mut outcomes = Vec::new();
    let mut forked = 0;
    for act in &input.acts {
        outcomes.push(match act {
            Act::Open => opened(spec),
            Act::Fork => {
                let outcome = started(spec, forked);
                if let Outcome::Times(times, _) = outcome {
                    forked += times;
                }
                outcome
            }
            Act::Call(call) => called(spec, call),
        });
        if outcomes.last() == Some(&Outcome::Over) {
            return (outcomes, Exit::Signal(SIGSYS));
        }
    }
    let exit = match input.end {
        End::Silence | End::Asked => Exit::Code(0),
        // The lowest eight bits (exit(3)).
        End::Exit(status) => Exit::Code((status & 0xff).cast_signed()),
        End::Fault => Exit::Signal(SIGSEGV),
        End::Killed => Exit::Signal(SIGKILL),
    };
    (outcomes, exit)
}

/// getrlimit(2): one more than the highest number that a descriptor can have. Three are open.
fn opened(spec: &Value) -> Outcome {
    let limits = spec["process"]["rlimits"].as_array().into_iter().flatten();
    let soft =
        limits.filter(|limit| limit["type"] == "RLIMIT_NOFILE").find_map(|limit| limit["soft"].as_u64());
    let free = soft.map_or(MOST, |soft| usize::try_from(soft).unwrap_or(MOST).saturating_sub(3));
    if free < MOST { Outcome::Times(free, EMFILE) } else { Outcome::Times(MOST, 0) }
}

/// The pids controller counts processes that nobody has waited for, too.
fn started(spec: &Value, before: usize) -> Outcome {
    let limit = spec["linux"]["resources"]["pids"]["limit"].as_u64();
    let free = limit.map_or(MOST, |limit| usize::try_from(limit).unwrap_or(MOST).saturating_sub(1 + before));
    if free < MOST { Outcome::Times(free, EAGAIN) } else { Outcome::Times(MOST, 0) }
}

fn called(spec: &Value, call: &Call) -> Outcome {
    match decided(spec, call) {
        Decision::Fails(errno) => Outcome::Returned(-errno),
        Decision::Ends => Outcome::Over,
        Decision::Made => Outcome::Returned(match call.name {
            // The first process of its pid namespace; its parent is in none that it could see (pid_namespaces(7)).
            "getpid" | "gettid" => 1,
            "getuid" => spec["process"]["user"]["uid"].as_i64().unwrap_or(0),
            _ => 0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_say_how_often_something_succeeds() {
        let spec = json!({"process": {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 20, "hard": 64}]},
            "linux": {"resources": {"pids": {"limit": 8}}}});
        assert_eq!(opened(&spec), Outcome::Times(17, EMFILE));
        assert_eq!(
            (started(&spec, 0), started(&spec, 7)),
            (Outcome::Times(7, EAGAIN), Outcome::Times(0, EAGAIN))
        );
        assert_eq!(opened(&json!({})), Outcome::Times(MOST, 0));
    }

    #[test]
    fn nothing_comes_after_a_call_that_ends_it() {
        let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_TRAP"}]});
        let spec = json!({"linux": {"seccomp": profile}});
        let call = |name| Act::Call(Call { name, args: [0; 6] });
        let acts = vec![call("gettid"), call("getpid"), Act::Open];
        let input = Input { spec: spec.clone(), thorough: false, acts, end: End::Exit(7) };
        assert_eq!(
            foretold(&input, &spec),
            (vec![Outcome::Returned(1), Outcome::Over], Exit::Signal(SIGSYS))
        );
    }
}
