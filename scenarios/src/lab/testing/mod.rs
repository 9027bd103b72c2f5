//! Test binaries run inside guests: for what this host's kernel or its cgroup version cannot show.

pub mod cargo;
pub mod libtest;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::equip::{Guest, Patience};
use super::guest::{Command, Message};
use super::layout::layout;
use super::machine::{Accelerator, Booted};
use super::{Error, pool};
use crate::cancel::Cancel;
use crate::progress::Progress;
use cargo::Test;
use libtest::Report;

/// What to run in each guest.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// The program that becomes QEMU, and that is carried into the guests.
    pub isolab: &'o Path,
    /// The guests; the binaries are among what they carry, at the paths that they have here.
    pub guests: &'o [Guest],
    /// The binaries.
    pub tests: &'o [Test],
    /// `ISOLAB_MUST_RUN` in the guests.
    pub must_run: &'o str,
    /// What executes the guests.
    pub accelerator: Accelerator,
    /// Guests at once.
    pub jobs: usize,
}

/// What the tests came to on one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// Kernel name.
    pub kernel: String,
    /// `uname -r`; `None` when it did not boot.
    pub release: Option<String>,
    /// Real seconds from boot to end.
    pub seconds: u64,
    /// Why the guest did not come to its end, with the last lines of its log.
    pub failure: Option<String>,
    /// One entry a binary that was run.
    pub binaries: Vec<Binary>,
}

/// One test binary on one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binary {
    /// As [`Test::name`].
    pub name: String,
    /// What it says.
    pub report: Report,
    /// What it printed, when it was not good.
    pub output: String,
}

/// Seconds of the guest's time for one binary.
const LIMIT: u64 = 900;
/// For all binaries together, in real time.
const PATIENCE: Patience = Patience { ready: Duration::from_secs(120), end: Duration::from_secs(1800) };

/// Runs the tests in every guest.
///
/// # Errors
/// When QEMU cannot be started, or the run is to stop. Tests that fail and guests that die are results.
pub fn run(options: &Options<'_>, progress: &dyn Progress, cancel: &Cancel) -> Result<Vec<Tested>, Error> {
    progress.begin("tests in guests", options.guests.len() as u64);
    let commands: Vec<Command> = options.tests.iter().map(|test| command(test, options)).collect();
    let work = |place: usize, stop: &Cancel| {
        let guest = &options.guests[place];
        let booted =
            guest.boot(options.isolab, options.accelerator, &layout(0), commands.clone(), PATIENCE, stop)?;
        Ok((place, tested(&guest.kernel.name, &booted, options.tests)))
    };
    let mut all = Vec::new();
    pool::run((0..options.guests.len()).collect(), options.jobs, cancel, work, |(place, tested)| {
        progress.step(&tested.kernel);
        progress.note(&tested.line());
        all.push((place, tested));
        Ok(())
    })?;
    progress.done();
    all.sort_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, tested)| tested).collect())
}

fn command(test: &Test, options: &Options<'_>) -> Command {
    // One after another: emulated CPUs share one thread, and tests that wait for each other's work miss their limits.
    let env = [("ISOLAB_MUST_RUN", options.must_run), ("RUST_TEST_THREADS", "1"), ("RUST_BACKTRACE", "1")];
    let env: BTreeMap<String, String> = env.map(|(name, value)| (name.into(), value.into())).into();
    Command { argv: vec![test.path.to_string_lossy().into_owned()], env, limit: LIMIT }
}

fn tested(kernel: &str, booted: &Booted, tests: &[Test]) -> Tested {
    let mut release = None;
    let mut binaries = Vec::new();
    let mut problem = booted.failure.clone();
    for message in &booted.messages {
        match message {
            Message::Ready { release: found, problems } => {
                release = Some(found.clone());
                if let (None, Some(first)) = (&problem, problems.first()) {
                    problem = Some(format!("the guest could not be prepared: {first}"));
                }
            }
            Message::Ended { command, end, stdout, stderr } => {
                let report = Report::of(*end, stdout, stderr);
                let output = if report.is_good() { String::new() } else { format!("{stdout}{stderr}") };
                let name = tests.get(*command).map(|test| test.name.clone()).unwrap_or_default();
                binaries.push(Binary { name, report, output });
            }
            Message::Begun { .. } | Message::Done => {}
        }
    }
    let failure = problem.map(|problem| match booted.failure {
        Some(_) => format!("{problem}\n{}", booted.tail().join("\n")),
        None => problem,
    });
    Tested { kernel: kernel.into(), release, seconds: booted.took.as_secs(), failure, binaries }
}

impl Tested {
    /// Whether everything ran and passed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failure.is_none() && self.binaries.iter().all(|binary| binary.report.is_good())
    }

    /// The result in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let sum =
            |of: fn(&Report) -> usize| self.binaries.iter().map(|binary| of(&binary.report)).sum::<usize>();
        let skipped = sum(|report| report.skipped.len());
        let passed = sum(|report| report.passed as usize).saturating_sub(skipped);
        let (failed, broken) =
            (sum(|report| report.failed.len()), sum(|report| usize::from(report.broken.is_some())));
        let kernel = match &self.release {
            Some(release) if *release != self.kernel => format!("{} ({release})", self.kernel),
            _ => self.kernel.clone(),
        };
        let failure = match &self.failure {
            Some(failure) => format!("; {}", failure.lines().next().unwrap_or_default()),
            None => String::new(),
        };
        let unfinished = if broken > 0 { format!(", {broken} binaries did not end") } else { String::new() };
        format!(
            "{kernel}: {passed} passed, {skipped} skipped, {failed} failed{unfinished}, {} s{failure}",
            self.seconds
        )
    }
}
