//! One of isolab's own commands in a guest: for what needs another kernel, or another cgroup version, than this host's.

use std::collections::BTreeMap;
use std::time::Duration;

use isolab_reports::lab::record::Clock;
use isolab_reports::record::Record;

use super::Error;
use super::equip::{Guest, Patience};
use super::guest::{Command, End, Message};
use super::layout::layout;
use super::machine::{Accelerator, Booted};
use super::suite::ISOLAB;
use crate::cancel::Cancel;

/// What a command came to in a guest.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// `uname -r`; empty when it did not come so far.
    pub release: String,
    /// How it ended; `None` when the guest ended before it.
    pub end: Option<End>,
    /// What it printed.
    pub stdout: String,
    /// What it printed to standard error.
    pub stderr: String,
    /// Why the guest did not come to its end, or was not prepared as it should, a line each.
    pub problems: Vec<String>,
    /// The kernel's log.
    pub log: String,
    /// Real seconds from boot to end.
    pub seconds: f64,
}

/// Seconds of the guest's time for the command.
const LIMIT: u64 = 3600;
/// The same in real time, in which an emulated guest is slower than its clock.
const PATIENCE: Patience = Patience { ready: Duration::from_secs(120), end: Duration::from_secs(7200) };

/// What executes the guest: on the counted clock there is no disk, so one that was wished for is had by plain emulation.
#[must_use]
pub fn accelerator(clock: Clock, disk: bool) -> Accelerator {
    match (clock, disk) {
        (Clock::Real, _) => Accelerator::Kvm,
        (Clock::Counted, true) => Accelerator::Tcg,
        (Clock::Counted, false) => Accelerator::Counted,
    }
}

/// Boots a guest for one command of isolab's, given without the program's name. To be called by a thread that stays until
/// the guest has ended.
///
/// # Errors
/// When QEMU cannot be started, or the run is to stop. A command that fails and a guest that dies are results.
pub fn run(
    guest: &Guest,
    isolab: &std::path::Path,
    accelerator: Accelerator,
    arguments: &[String],
    seed: u64,
    cancel: &Cancel,
) -> Result<Said, Error> {
    let argv = std::iter::once(ISOLAB.to_owned()).chain(arguments.iter().cloned()).collect();
    let command = Command { argv, env: BTreeMap::new(), limit: LIMIT };
    Ok(said(guest.boot(isolab, accelerator, &layout(seed), vec![command], PATIENCE, cancel)?))
}

fn said(booted: Booted) -> Said {
    let mut said = Said {
        release: String::new(),
        end: None,
        stdout: String::new(),
        stderr: String::new(),
        problems: booted.failure.into_iter().collect(),
        log: booted.log,
        seconds: booted.took.as_secs_f64(),
    };
    for message in booted.messages {
        match message {
            Message::Ready { release, problems } => {
                said.release = release;
                said.problems.extend(problems);
            }
            Message::Ended { end, stdout, stderr, .. } => {
                (said.end, said.stdout, said.stderr) = (Some(end), stdout, stderr);
            }
            Message::Begun { .. } | Message::Done => {}
        }
    }
    said
}

impl Said {
    /// The record, where it is one that was printed.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        serde_json::from_str(&self.stdout).ok()
    }

    /// The command's own exit status, or as a shell would have it; `None` when it did not end.
    #[must_use]
    pub fn status(&self) -> Option<u8> {
        match self.end? {
            End::Status(status) => u8::try_from(status).ok(),
            End::Signal(signal) => u8::try_from(128 + signal).ok(),
            End::Limit => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booted(messages: Vec<Message>, failure: Option<&str>) -> Booted {
        let took = Duration::from_secs(9);
        Booted {
            messages,
            failure: failure.map(str::to_owned),
            log: "[ 0.1] hello\n".into(),
            took,
            had: took,
        }
    }

    #[test]
    fn what_the_command_printed_and_its_status_come_back() {
        let ready = Message::Ready { release: "6.12".into(), problems: vec!["no module veth".into()] };
        let ended = Message::Ended {
            command: 0,
            end: End::Status(4),
            stdout: "no record".into(),
            stderr: "why\n".into(),
        };
        let said = said(booted(vec![ready, Message::Begun { command: 0 }, ended, Message::Done], None));
        assert_eq!((said.release.as_str(), said.status()), ("6.12", Some(4)));
        assert_eq!(said.problems, ["no module veth"]);
        assert!(said.record().is_none() && said.stderr == "why\n");
    }

    #[test]
    fn a_guest_that_died_has_no_status() {
        let said = said(booted(vec![Message::Begun { command: 0 }], Some("the kernel panicked")));
        assert_eq!(said.status(), None);
        assert_eq!(said.problems, ["the kernel panicked"]);
    }

    #[test]
    fn a_disk_is_never_on_the_counted_clock() {
        assert_eq!(accelerator(Clock::Counted, true), Accelerator::Tcg);
        assert_eq!(accelerator(Clock::Counted, false), Accelerator::Counted);
        assert_eq!(accelerator(Clock::Real, true), Accelerator::Kvm);
    }
}
