//! The same bundle in a guest, watched from the host.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use isolab_reports::lab::record::Layout;

use super::look::Look;
use super::memory;
use super::{FIRST, LAST};
use crate::cancel::Cancel;
use crate::lab::Error;
use crate::lab::equip::{Equipment, Guest, Once, Patience};
use crate::lab::guest::{Command, End, Message, carry};
use crate::lab::kernel::Kernel;
use crate::lab::machine::{Accelerator, Alive, Booted};
use crate::lab::suite::ISOLAB;

/// MiB of a guest's memory; the container's limit is the same.
pub(super) const MEMORY: u32 = 512;
/// Seconds of the guest's time for the command.
const COMMAND: u64 = 60;
const PATIENCE: Patience = Patience { ready: Duration::from_secs(60), end: Duration::from_secs(90) };
const LAYOUT: Layout = Layout { seed: 0, padding: 0, delay: 0 };

/// One boot with the bundle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guested {
    /// Nanoseconds from QEMU's start to the first byte of the workload.
    pub(super) first: u64,
    /// Nanoseconds from its last byte to QEMU's end.
    pub(super) gone: u64,
    /// PSS of QEMU while the workload waited, in bytes.
    pub(super) pss: u64,
    /// Processes of this host that are the workload.
    pub(super) here: usize,
    /// What the workload saw.
    pub(super) look: Look,
}

/// A guest that carries the bundle, at the path that it has here.
///
/// # Errors
/// When a module or the bundle cannot be read, or the run is to stop.
pub(super) fn with_bundle(kernel: Kernel, bundle: &Path, cancel: &Cancel) -> Result<Guest, Error> {
    let carried = carry::all(&[PathBuf::from(bundle)], cancel)?;
    Guest::new(kernel, Equipment { carried, memory: Some(MEMORY), ..Equipment::default() })
}

/// What was seen of a guest while it ran.
#[derive(Debug, Default)]
struct Watched {
    first: Option<Duration>,
    last: Option<Duration>,
    pss: Option<u64>,
    here: usize,
}

impl Watched {
    fn look(&mut self, alive: &Alive<'_>, token: &str) {
        if self.last.is_some() {
            return;
        }
        let log = fs::read(alive.console).unwrap_or_default();
        let said = |word: &str| log.windows(word.len()).any(|part| part == word.as_bytes());
        if self.first.is_none() && said(FIRST) {
            self.first = Some(alive.since);
            self.pss = memory::pss(alive.pid);
            self.here = memory::processes(token).len();
        }
        if said(LAST) {
            self.last = Some(alive.since);
        }
    }
}

/// Boots once. To be called by a thread that stays until the guest has ended.
///
/// # Errors
/// When QEMU cannot be started, or the run is to stop. The inner error says, in a line, why a guest has not shown it all.
pub(super) fn run(
    guest: &Guest,
    (isolab, bundle, token): (&Path, &Path, &str),
    accelerator: Accelerator,
    cancel: &Cancel,
) -> Result<Result<Guested, String>, Error> {
    let argv = [ISOLAB, "inside", "contain"].map(str::to_owned);
    let argv = argv.into_iter().chain([bundle.to_string_lossy().into_owned()]).collect();
    let commands = vec![Command { argv, env: BTreeMap::new(), limit: COMMAND }];
    let once = Once { isolab, accelerator, layout: &LAYOUT, commands, patience: PATIENCE };
    let mut watched = Watched::default();
    let booted = guest.watched(&once, Some(&mut |alive| watched.look(alive, token)), cancel)?;
    Ok(guested(&booted, &watched))
}

fn guested(booted: &Booted, watched: &Watched) -> Result<Guested, String> {
    if let Some(failure) = &booted.failure {
        return Err(failure.clone());
    }
    let look = booted.messages.iter().find_map(|message| match message {
        Message::Ended { end: End::Status(0), stdout, .. } => {
            Some(serde_json::from_str(stdout).map_err(|error| format!("what it printed: {error}")))
        }
        Message::Ended { end, stderr, .. } => Some(Err(format!("{end:?}: {}", stderr.trim()))),
        _ => None,
    });
    let look = look.ok_or("the guest ran nothing")??;
    let (Some(first), Some(last), Some(pss)) = (watched.first, watched.last, watched.pss) else {
        return Err("it was not seen while it ran".into());
    };
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let gone = nanoseconds(booted.took.saturating_sub(last));
    Ok(Guested { first: nanoseconds(first), gone, pss, here: watched.here, look })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booted(end: End, stdout: &str, stderr: &str) -> Booted {
        let ended = Message::Ended { command: 0, end, stdout: stdout.into(), stderr: stderr.into() };
        let took = Duration::from_secs(9);
        Booted { messages: vec![ended, Message::Done], failure: None, log: String::new(), took, had: took }
    }

    #[test]
    fn a_guest_counts_only_when_it_was_seen_all_the_way() {
        let good = booted(End::Status(0), r#"{"facts":[],"calls":{}}"#, "");
        let seconds = |n| Some(Duration::from_secs(n));
        let watched = Watched { first: seconds(5), last: seconds(7), pss: Some(1 << 20), here: 0 };
        let guested_ = guested(&good, &watched).unwrap();
        assert_eq!((guested_.first, guested_.gone), (5_000_000_000, 2_000_000_000));
        assert!(guested(&good, &Watched::default()).unwrap_err().contains("not seen"));
        let bad = booted(End::Status(1), "", "isolab inside contain: no\n");
        assert!(guested(&bad, &watched).unwrap_err().contains("contain: no"));
    }
}
