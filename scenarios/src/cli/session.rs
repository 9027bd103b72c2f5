//! What every command that launches begins and ends with: the host, the launchers, the record.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use isolab_core::host::{Feature, Host};
use isolab_reports::figures::Figures;
use isolab_reports::record::{Cost, Guarantee, Mutant, NotTested, Outcome, Record, Sweep};
use isolab_scenarios::cancel::{Cancel, Cancelled};
use isolab_scenarios::cost::vm;
use isolab_scenarios::interference;
use isolab_scenarios::launcher::{self, Found, Launcher};
use isolab_scenarios::leftovers;
use isolab_scenarios::progress::say;
use isolab_scenarios::record;
use isolab_scenarios::scratch::Scratch;

use super::bars::Bars;
use super::output::Folder;
use super::{Common, Failure, interrupt, output};

/// A run in progress.
pub(super) struct Session {
    pub(super) host: Host,
    pub(super) launchers: Vec<Box<dyn Launcher>>,
    pub(super) program: PathBuf,
    pub(super) bars: Bars,
    pub(super) cancel: Cancel,
    folder: Option<Folder>,
    record: Record,
    begun: Instant,
}

impl Session {
    /// Makes the output folder, probes the host, removes what killed runs have left, finds the launchers, and
    /// calibrates.
    pub(super) fn begin(command: &str, common: &Common) -> Result<Session, Failure> {
        Session::go_on(command, common, None)
    }

    /// The same with an output folder that may hold files whose names end with `kept`.
    pub(super) fn go_on(command: &str, common: &Common, kept: Option<&str>) -> Result<Session, Failure> {
        // First, so that an interrupt finds the rest in order at any moment.
        let cancel = interrupt::watch()?;
        let begun = Instant::now();
        let folder = common.out.as_deref().map(|dir| Folder::new(dir, kept)).transpose()?;
        let host = Host::probe();
        for left in leftovers::sweep(&host).map_err(Failure::input)? {
            say(&format!("isolab: {left}"));
        }
        // Everything else needs a place for its files: better said now than once for each launcher.
        let scratch = Scratch::new().map_err(|error| Failure::Input(format!("{error}; set TMPDIR")))?;
        drop(scratch);
        let Found { here: launchers, absent: mut not_tested } = launchers(&common.launcher, &host)?;
        not_tested.extend(missing_features(&host));
        let program = std::env::current_exe().map_err(Failure::internal)?;
        let described = launchers.iter().map(|launcher| launcher.describe()).collect();
        let record = record::begin(command, &host, described, &cancel);
        let record = Record { not_tested, ..record.map_err(|Cancelled| Failure::Interrupted)? };
        Ok(Session { host, launchers, program, bars: Bars::new(), cancel, folder, record, begun })
    }

    pub(super) fn add_guarantees(&mut self, guarantees: Vec<Guarantee>, not_tested: Vec<NotTested>) {
        self.record.guarantees.extend(guarantees);
        self.record.not_tested.extend(not_tested);
    }

    pub(super) fn add_mutants(&mut self, mutants: Vec<Mutant>) {
        self.record.mutants.extend(mutants);
    }

    pub(super) fn add_costs(&mut self, (costs, not_tested): (Vec<Cost>, Vec<NotTested>)) {
        self.record.costs.extend(costs);
        self.record.not_tested.extend(not_tested);
    }

    pub(super) fn add_vm(&mut self, found: vm::Found) {
        self.record.beside.extend(found.beside);
        self.add_costs((found.costs, found.not_tested));
    }

    pub(super) fn add_interference(&mut self, found: interference::Findings) {
        self.record.interference.extend(found.cells);
        self.record.not_tested.extend(found.not_tested);
        self.record.questions.extend(found.question);
        self.record.instrument = found.instrument.or(self.record.instrument.take());
    }

    /// Adds a sweep, or why there is none.
    pub(super) fn add_sweep(&mut self, swept: Result<Sweep, NotTested>) {
        match swept {
            Ok(sweep) => self.record.sweeps.push(sweep),
            Err(gap) => self.record.not_tested.push(gap),
        }
    }

    /// Writes and prints what was found, and says with the exit status how it went. Of a run that was interrupted that is what was
    /// swept: each injection stands for itself.
    pub(super) fn end(mut self, common: &Common) -> Result<ExitCode, Failure> {
        let interrupted = self.cancel.is_cancelled();
        if interrupted && self.record.sweeps.is_empty() {
            return Err(Failure::Interrupted);
        }
        record::end(&mut self.record, self.begun);
        drop(self.bars);
        let html = self.folder.map(|folder| folder.write(&self.record)).transpose()?;
        if common.json {
            output::print_json(&self.record)?;
        } else {
            output::print_summary(&self.record, html.as_deref())?;
        }
        if interrupted { Err(Failure::Interrupted) } else { Ok(status(&self.record, common.must_run)) }
    }
}

/// The launchers by name, each once; without names all that are installed, and an entry for each that is not.
pub(super) fn launchers(names: &[String], host: &Host) -> Result<Found, Failure> {
    if names.is_empty() {
        return Ok(launcher::find(host));
    }
    let first = |(index, name): &(usize, &String)| !names[..*index].contains(name);
    let named = names.iter().enumerate().filter(first).map(|(_, name)| launcher::named(name, host));
    Ok(Found { here: named.collect::<Result<_, _>>().map_err(Failure::Input)?, absent: Vec::new() })
}

/// 1 when a guarantee is broken or its control did not turn red, or a fault had a finding; else 4 when something could not be tested though it
/// had to be; else 0.
fn status(record: &Record, must_run: bool) -> ExitCode {
    use isolab_reports::figures::answers::Tone;
    use isolab_reports::figures::verdict::Verdict;
    let Figures { guarantees: matrix, mutants, .. } = Figures::of(record);
    let untested = |guarantee: &Guarantee| matches!(guarantee.outcome, Outcome::NotTestable { .. });
    let found = record.sweeps.iter().any(|sweep| !sweep.findings.is_empty());
    let unseen = mutants.iter().any(isolab_reports::figures::mutants::Row::is_bad);
    let unlaunched = mutants.iter().any(|row| row.tone == Tone::Wary);
    if found || unseen || matrix.count(Verdict::Broken) + matrix.count(Verdict::Unproven) > 0 {
        ExitCode::from(1)
    } else if must_run
        && (unlaunched || !record.not_tested.is_empty() || record.guarantees.iter().any(untested))
    {
        ExitCode::from(4)
    } else {
        ExitCode::SUCCESS
    }
}

/// What the host itself lacks, with its remedy.
fn missing_features(host: &Host) -> Vec<NotTested> {
    let missing = host.features.iter().filter_map(|(name, feature)| match feature {
        Feature::Available => None,
        Feature::Missing { reason, remedy } => Some(NotTested {
            what: format!("feature {name}"),
            reason: reason.clone(),
            remedy: remedy.clone(),
        }),
    });
    missing.collect()
}

/// The end of a stage: interrupted, or isolab's own failure.
pub(super) fn stage<T, E: std::fmt::Display>(result: Result<T, E>, cancel: &Cancel) -> Result<T, Failure> {
    result
        .map_err(|error| if cancel.is_cancelled() { Failure::Interrupted } else { Failure::internal(error) })
}

/// A file's text, with its name in the error.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let named = |error: io::Error| Failure::Input(format!("read {}: {error}", path.display()));
    // A FIFO without a writer would make the reader wait for ever.
    if !fs::metadata(path).map_err(named)?.is_file() {
        return Err(named(io::Error::other("not a regular file")));
    }
    fs::read_to_string(path).map_err(named)
}
