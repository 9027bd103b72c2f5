//! The boots of a plan, several at once, each result as it comes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isolab_reports::lab::record::{Boot, Clock, Outcome, Purpose};

use super::equip::{Guest, Patience};
use super::machine::Accelerator;
use super::plan::Planned;
use super::suite::Suite;
use super::{Error, collect, pool};
use crate::cancel::Cancel;
use crate::progress::Progress;

/// What is the same for all boots.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// The program that becomes QEMU, and that is carried into the guests.
    pub isolab: &'o Path,
    /// The guests, in the order of the kernels.
    pub guests: &'o [Guest],
    /// What they run.
    pub suite: &'o Suite,
    /// What their time is.
    pub clock: Clock,
    /// Guests at once.
    pub jobs: usize,
    /// Where the kernels' logs go.
    pub logs: Option<&'o Path>,
}

/// Some twenty times what a guest takes to boot under emulation: one that is later hangs.
const READY: Duration = Duration::from_secs(120);
/// For each launcher, some ten times what the slowest boot takes.
const END: Duration = Duration::from_secs(600);
/// A kernel that failed so often is given up.
const FAILURES: usize = 2;

/// Does the boots and hands each result to `each`, which runs in the calling thread. A kernel that failed twice is not
/// booted again: its further boots are handed over as `None`, with their round.
///
/// # Errors
/// When QEMU cannot be started, a file cannot be written, `each` fails, or the run is to stop. Nothing is left running.
pub fn run(
    planned: Vec<Planned>,
    options: &Options<'_>,
    progress: &dyn Progress,
    cancel: &Cancel,
    mut each: impl FnMut(Planned, Option<Boot>) -> Result<(), Error>,
) -> Result<(), Error> {
    progress.begin("boots", planned.len() as u64);
    let failures: Vec<AtomicUsize> = options.guests.iter().map(|_| AtomicUsize::new(0)).collect();
    let work = |planned: Planned, stop: &Cancel| {
        let failures = &failures[planned.kernel];
        if failures.load(Ordering::Relaxed) >= FAILURES {
            return Ok((planned, None));
        }
        let boot = one(&planned, options, stop)?;
        if matches!(boot.outcome, Outcome::Failed { .. }) {
            failures.fetch_add(1, Ordering::Relaxed);
        }
        Ok((planned, Some(boot)))
    };
    let done = pool::run(planned, options.jobs, cancel, work, |(planned, boot)| {
        let name = &options.guests[planned.kernel].kernel.name;
        let line = match &boot {
            Some(boot) => said(name, boot),
            None => {
                format!("{name} seed {}: left out, the kernel failed {FAILURES} times", planned.layout.seed)
            }
        };
        progress.step(&line);
        progress.note(&line);
        each(planned, boot)
    });
    progress.done();
    done
}

/// One boot with its result and its log.
fn one(planned: &Planned, options: &Options<'_>, stop: &Cancel) -> Result<Boot, Error> {
    let Planned { kernel, purpose, layout, .. } = *planned;
    let guest = &options.guests[kernel];
    let commands = options.suite.commands(purpose, &layout);
    let accelerator = match (options.clock, purpose) {
        (Clock::Real, _) => Accelerator::Kvm,
        (Clock::Counted, Purpose::Check) => Accelerator::Tcg,
        (Clock::Counted, Purpose::Measure) => Accelerator::Counted,
    };
    let launchers = u32::try_from(options.suite.launchers.len()).unwrap_or(u32::MAX);
    let patience = Patience { ready: READY, end: END.saturating_mul(launchers.max(1)) };
    let booted = guest.boot(options.isolab, accelerator, &layout, commands.clone(), patience, stop)?;
    let outcome = collect::outcome(&booted, &commands);
    let log = match options.logs {
        None => None,
        Some(logs) => {
            let name = format!("{}-{}.log", file_name(&guest.kernel.name), label(purpose, layout.seed));
            let path: PathBuf = logs.join(&name);
            fs::write(&path, &booted.log).map_err(Error::io(format!("write {}", path.display())))?;
            Some(format!("logs/{name}"))
        }
    };
    Ok(Boot { purpose, layout, seconds: booted.took.as_secs_f64(), log, outcome })
}

/// A kernel's name as part of a file's name, which is not to be hidden by a dot.
fn file_name(name: &str) -> String {
    name.trim_start_matches(['.', '/'])
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .collect()
}

fn label(purpose: Purpose, seed: u64) -> String {
    match purpose {
        Purpose::Check => "check".into(),
        Purpose::Measure => format!("seed{seed}"),
    }
}

fn said(name: &str, boot: &Boot) -> String {
    let Boot { purpose, layout, seconds, outcome, .. } = boot;
    let label = label(*purpose, layout.seed);
    match outcome {
        Outcome::Done { .. } => format!("{name} {label}: {seconds:.0} s"),
        Outcome::Failed { how, .. } => format!("{name} {label}: failed after {seconds:.0} s: {how}"),
    }
}
