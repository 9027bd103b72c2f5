//! Interference: how far a neighbour reaches, with and without each protection, and what the protection costs.
//!
//! A round measures every cell of the matrix once, in shuffled order. Victim and aggressor run in containers of their own, in
//! sibling groups; both are read back and compared with what was asked for before a number counts.

mod cage;
pub mod declaration;
mod duel;

use std::path::Path;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::record::{Cell, NotTested};

use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::{Limits, Rounds};
use cage::Cages;
use declaration::{Matrix, Place};
use duel::{Duel, Round};

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
}

/// Measures the matrix. Cells that this host cannot have, or where a container is not what was asked for, become
/// [`NotTested`]; so does a cell of which a round failed.
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers, groups and files are removed either way.
pub fn run(
    matrix: &Matrix,
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cell>, Vec<NotTested>), Error> {
    let mut matrix = matrix.clone();
    matrix.rounds = options.rounds.unwrap_or(matrix.rounds);
    matrix.seconds = options.seconds.unwrap_or(matrix.seconds);
    let cages = Cages::new(&matrix, options.program, host)?;
    let mut not_tested = Vec::new();
    let mut cells = offered(&matrix, &cages, &mut not_tested);
    progress.begin(&matrix.title, u64::from(matrix.rounds) * cells.len() as u64);
    let duel = Duel { matrix: &matrix, cages: &cages, host, cancel };
    let limits = Limits { rounds: matrix.rounds, time: options.time, seed: options.seed };
    let mut rounds = Rounds::new(cells.len(), limits);
    while let Some(order) = rounds.next_round() {
        for at in order {
            let open = &mut cells[at];
            progress.step(&open.name);
            if open.failed {
                continue;
            }
            match duel.round(open.place) {
                Ok(round) => open.add(round),
                Err(error) => {
                    open.failed = true;
                    not_tested.push(error.into_not_tested(&format!("{}: {}", matrix.id, open.name))?);
                }
            }
        }
    }
    progress.done();
    Ok((cells.into_iter().filter(|open| !open.failed).map(|open| open.cell).collect(), not_tested))
}

/// A cell that is being measured.
struct Open {
    name: String,
    place: Place,
    cell: Cell,
    failed: bool,
}

/// The cells that this host offers; those that it does not are added to `not_tested` once per protection.
fn offered(matrix: &Matrix, cages: &Cages, not_tested: &mut Vec<NotTested>) -> Vec<Open> {
    let missing: Vec<Option<NotTested>> =
        matrix.protection.iter().map(|protection| cages.missing(matrix, protection)).collect();
    not_tested.extend(missing.iter().flatten().cloned());
    let possible = |place: &Place| place.protection.is_none_or(|at| missing[at].is_none());
    matrix.places().into_iter().filter(possible).map(|place| Open::new(matrix, place)).collect()
}

impl Open {
    fn new(matrix: &Matrix, place: Place) -> Open {
        let victim = &matrix.victim[place.victim];
        let cell = Cell {
            victim: victim.name.clone(),
            measures: victim.measures.clone(),
            aggressor: place.aggressor.map(|at| matrix.aggressor[at].name.clone()),
            protection: place.protection.map(|at| matrix.protection[at].name.clone()),
            samples: Vec::new(),
            rounds: Vec::new(),
            aggressor_work: Vec::new(),
            enforced: String::new(),
        };
        let name = match (&cell.aggressor, &cell.protection) {
            (None, _) => format!("{} alone", cell.victim),
            (Some(aggressor), None) => format!("{} beside {aggressor}", cell.victim),
            (Some(aggressor), Some(protection)) => {
                format!("{} beside {aggressor}, {protection}", cell.victim)
            }
        };
        Open { name, place, cell, failed: false }
    }

    fn add(&mut self, round: Round) {
        self.cell.rounds.push(self.cell.samples.len());
        self.cell.samples.extend(round.samples);
        self.cell.aggressor_work.extend(round.aggressor_work);
        self.cell.enforced = round.enforced;
    }
}
