//! Interference: how far a neighbour reaches, with and without each protection, and what the protection costs.
//!
//! A round measures every cell of the matrix once, in shuffled order. Victim and aggressor run in containers of their own, in
//! sibling groups; both are read back and compared with what was asked for before a number counts. Everything runs on a
//! stage, so that the disk that files are on is mounted nowhere else.

mod bridge;
mod cage;
pub mod catalog;
pub mod declaration;
mod disk;
mod duel;
mod instrument;
pub mod journal;

use std::path::Path;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::record::{Cell, Instrument, NotTested, Question};

use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::{Limits, Rounds};
use crate::stage;
use cage::Cages;
use declaration::{Matrix, Place};
use duel::{Duel, Round};
use journal::{Entry, Journal};

/// What to measure with, and for how long; what is `None` is as the matrix declares it.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Rounds at most.
    pub rounds: Option<u32>,
    /// Seconds of measuring per cell and round.
    pub seconds: Option<f64>,
    /// No further pair of rounds begins after this time.
    pub time: Duration,
    /// Seed of the order of the cells.
    pub seed: u64,
    /// The statically linked `isolab` that becomes the workloads.
    pub program: &'a Path,
    /// Where the journal is kept, from which an interrupted run goes on.
    pub journal: Option<&'a Path>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Cells that were measured to their end.
    pub cells: Vec<Cell>,
    /// What the measuring costs; `None` where no container could be had to find out.
    pub instrument: Option<Instrument>,
    /// The question that they answer, if the matrix asks one.
    pub question: Option<Question>,
    /// What could not be measured here.
    pub not_tested: Vec<NotTested>,
}

/// Measures a matrix. Cells that this host cannot have, or where a container is not what was asked for, become
/// [`NotTested`]; so does a cell of which a round failed.
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers, groups and files are removed either way, but for the
/// journal.
pub fn run(
    matrix: &Matrix,
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Findings, Error> {
    let mut matrix = matrix.clone();
    matrix.rounds = options.rounds.unwrap_or(matrix.rounds);
    matrix.seconds = options.seconds.unwrap_or(matrix.seconds);
    let outcome = stage::on_stage(host, |staged| {
        let cages = Cages::new(options.program, staged, host)?;
        let duel = Duel { matrix: &matrix, cages: &cages, host, cancel };
        on_stage(&duel, options, progress)
    });
    outcome.map_err(Error::io("prepare a stage"))?
}

fn on_stage(duel: &Duel<'_>, options: &Options<'_>, progress: &dyn Progress) -> Result<Findings, Error> {
    let Duel { matrix, cages, host, cancel } = *duel;
    let mut findings = Findings::default();
    let mut cells = offered(matrix, cages, &mut findings.not_tested);
    progress.begin(&matrix.title, u64::from(matrix.rounds) * cells.len() as u64 + 1);
    progress.step("what the measuring costs");
    rehearse(duel, &mut cells, &mut findings.not_tested)?;
    match instrument::calibrate(cages, host, cancel) {
        Ok(instrument) => findings.instrument = Some(instrument),
        Err(error) => findings.not_tested.push(error.into_not_tested(&format!("{}: instrument", matrix.id))?),
    }
    let journal = Journal::open(options.journal, matrix, options.seed, host);
    let mut journal = journal.map_err(Error::io("open the journal"))?;
    let limits = Limits { rounds: matrix.rounds, time: options.time, seed: options.seed };
    let mut rounds = Rounds::new(cells.len(), limits);
    let mut number = 0;
    while let Some(order) = rounds.next_round() {
        for at in order {
            let open = &mut cells[at];
            progress.step(&open.name);
            if open.failed {
                continue;
            }
            match measured(duel, &mut journal, open.place, (number, at)) {
                Ok(round) => open.add(round),
                Err(error) => {
                    open.failed = true;
                    let what = format!("{}: {}", matrix.id, open.name);
                    findings.not_tested.push(error.into_not_tested(&what)?);
                }
            }
        }
        number += 1;
    }
    progress.done();
    if let Some(instrument) = &mut findings.instrument {
        instrument.watching = watching(&cells);
    }
    findings.cells = cells.into_iter().filter(|open| !open.failed).map(|open| open.cell).collect();
    findings.question = question(matrix);
    Ok(findings)
}

/// Runs each aggressor once, unprotected. One that cannot be had takes its cells with it.
fn rehearse(duel: &Duel<'_>, cells: &mut Vec<Open>, not_tested: &mut Vec<NotTested>) -> Result<(), Error> {
    for (at, aggressor) in duel.matrix.aggressor.iter().enumerate() {
        let is_its = |open: &Open| open.place.aggressor.is_some_and(|(one, _)| one == at);
        if !cells.iter().any(is_its) {
            continue;
        }
        if let Err(error) = duel.rehearse(at) {
            not_tested.push(error.into_not_tested(&format!("{}: {}", duel.matrix.id, aggressor.name))?);
            cells.retain(|open| !is_its(open));
        }
    }
    Ok(())
}

/// From the journal, or measured and noted there.
fn measured(
    duel: &Duel<'_>,
    journal: &mut Journal,
    place: Place,
    (round, cell): (u32, usize),
) -> Result<Round, Error> {
    if let Some(measured) = journal.take(round, cell) {
        return Ok(measured);
    }
    duel.cancel.check()?;
    let measured = duel.round(place)?;
    let entry = Entry { round, cell, measured };
    journal.note(&entry).map_err(Error::io("write the journal"))?;
    Ok(entry.measured)
}

fn question(matrix: &Matrix) -> Option<Question> {
    let question = matrix.question.as_ref()?;
    Some(Question {
        matrix: matrix.id.clone(),
        asks: question.asks.clone(),
        matters: question.matters,
        yes: question.yes.clone(),
        no: question.no.clone(),
    })
}

/// The share of a CPU that this process took while victims were measured.
fn watching(cells: &[Open]) -> f64 {
    let cpu = cells.iter().map(|open| open.watching).sum();
    instrument::share(cpu, cells.iter().map(|open| open.watched).sum())
}

/// A cell that is being measured.
struct Open {
    name: String,
    place: Place,
    cell: Cell,
    failed: bool,
    /// CPU time of this process, and seconds, over which it watched.
    watching: u64,
    watched: f64,
}

/// The cells that this host offers; those that it does not are added to `not_tested`, once for each reason.
fn offered(matrix: &Matrix, cages: &Cages, not_tested: &mut Vec<NotTested>) -> Vec<Open> {
    let mut missing = |name: &str, why: Option<(String, String)>| {
        let here = why.is_none();
        not_tested.extend(why.map(|(reason, remedy)| {
            let what = format!("{}: {name}", matrix.id);
            NotTested { what, reason, remedy }
        }));
        here
    };
    let victims: Vec<bool> =
        matrix.victim.iter().map(|victim| missing(&victim.name, cages.without_victim(victim))).collect();
    let aggressors = matrix.aggressor.iter();
    let aggressors: Vec<bool> =
        aggressors.map(|aggressor| missing(&aggressor.name, cages.without_aggressor(aggressor))).collect();
    let protections = matrix.protection.iter();
    let protections: Vec<bool> = protections
        .map(|protection| missing(&protection.name, cages.without_protection(protection)))
        .collect();
    let possible = |place: &Place| {
        victims[place.victim]
            && place.aggressor.is_none_or(|(at, _)| aggressors[at])
            && place.protection.is_none_or(|at| protections[at])
    };
    if let Some(small) = small(matrix, &cages.host().cpus) {
        not_tested.push(small);
    }
    matrix.places().into_iter().filter(possible).map(|place| Open::new(matrix, place)).collect()
}

/// CPUs that it takes for a victim of two threads and a neighbour of as many to be kept apart on CPUs of their own.
const ROOMY: usize = 4;

/// What the machine is too small for.
fn small(matrix: &Matrix, cpus: &[u32]) -> Option<NotTested> {
    (cpus.len() < ROOMY).then(|| NotTested {
        what: format!("{}: neighbours that have CPUs of their own", matrix.id),
        reason: format!(
            "CPUs that this process may use: {}. An aggressor with a thread for each leaves none idle, and a victim of two threads \
             that is kept apart has one CPU for both",
            cpus.len(),
        ),
        remedy: format!("run it where there are {ROOMY} CPUs or more"),
    })
}

impl Open {
    fn new(matrix: &Matrix, place: Place) -> Open {
        let victim = &matrix.victim[place.victim];
        let aggressor = place.aggressor.map(|(at, _)| &matrix.aggressor[at]);
        let ladder = matrix.intensity.len() > 1;
        let cell = Cell {
            matrix: matrix.id.clone(),
            victim: victim.name.clone(),
            measures: victim.measures.clone(),
            aggressor: aggressor.map(|aggressor| aggressor.name.clone()),
            intensity: place.aggressor.filter(|_| ladder).map(|(_, at)| matrix.intensity[at]),
            unit: aggressor.map_or(String::new(), |aggressor| aggressor.unit.clone()),
            protection: place.protection.map(|at| matrix.protection[at].name.clone()),
            period: victim.period,
            ..Cell::default()
        };
        Open { name: matrix.name_of(place), place, cell, failed: false, watching: 0, watched: 0.0 }
    }

    fn add(&mut self, round: Round) {
        self.cell.rounds.push(self.cell.samples.len());
        self.cell.samples.extend(round.samples);
        self.cell.aggressor_work.extend(round.aggressor_work);
        if let Some(watching) = round.watching {
            self.watching += watching;
            self.watched += round.usage.seconds;
        }
        self.cell.usage.push(round.usage);
        self.cell.enforced = round.enforced;
    }
}
