//! What the history says.

use rusqlite::{OptionalExtension, Params, Row, params};
use serde::Serialize;

use super::{HistoryError, Store};
use crate::run::{Figure, Place, Run};
use crate::stats::rate::Rate;
use crate::verdict::{Calibration, Power, Rule};

/// A run in the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    /// Its number, which no other run of this history ever has.
    pub id: i64,
    /// What it says.
    #[serde(flatten)]
    pub run: Run,
}

/// The columns that [`Store::kept`] reads.
const COLUMNS: &str = "SELECT id, started, revision, command, machine, kernel FROM runs";

impl Store {
    /// All runs, by time.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn runs(&self) -> Result<Vec<Kept>, HistoryError> {
        self.select("ORDER BY started, id", [])
    }

    /// The newest `count` runs, by time.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn latest(&self, count: usize) -> Result<Vec<Kept>, HistoryError> {
        let mut runs = self.select("ORDER BY started DESC, id DESC LIMIT ?1", [count as i64])?;
        runs.reverse();
        Ok(runs)
    }

    /// The runs of a machine, whatever its kernel was, by time.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn of_machine(&self, machine: &str) -> Result<Vec<Kept>, HistoryError> {
        self.select("WHERE machine = ?1 ORDER BY started, id", [machine])
    }

    /// The runs whose revision begins so, by time.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn of_revision(&self, beginning: &str) -> Result<Vec<Kept>, HistoryError> {
        self.select("WHERE substr(revision, 1, length(?1)) = ?1 ORDER BY started, id", [beginning])
    }

    /// The run with this number.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn run(&self, id: i64) -> Result<Option<Kept>, HistoryError> {
        Ok(self.select("WHERE id = ?1", [id])?.pop())
    }

    /// One series over time on a machine, with the runs' numbers.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn series(&self, machine: &str, series: &str) -> Result<Vec<(i64, Figure)>, HistoryError> {
        let query = "SELECT run, samples, median, against FROM figures JOIN runs ON id = run
                     WHERE series = ?1 AND machine = ?2 ORDER BY started, id";
        self.collect(query, params![series, machine], |row| {
            let samples = row.get::<_, i64>(1)? as usize;
            Ok((row.get(0)?, Figure { samples, median: row.get(2)?, against: row.get(3)? }))
        })
        .map_err(self.failed("read history"))
    }

    /// What was found last of a subject at a place.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn calibration(
        &self,
        place: &Place,
        subject: &str,
        metric: &str,
    ) -> Result<Option<Calibration>, HistoryError> {
        self.last_calibration(place, subject, metric).map_err(self.failed("read history"))
    }

    fn last_calibration(
        &self,
        place: &Place,
        subject: &str,
        metric: &str,
    ) -> rusqlite::Result<Option<Calibration>> {
        let query = "SELECT id, margin, error, seconds, false_alarms, comparisons, equal FROM calibrations
                     WHERE machine = ?1 AND kernel = ?2 AND subject = ?3 AND metric = ?4
                     ORDER BY id DESC LIMIT 1";
        let found =
            self.connection.query_row(query, params![place.machine, place.kernel, subject, metric], |row| {
                let calibration = Calibration {
                    subject: subject.into(),
                    metric: metric.into(),
                    rule: Rule { margin: row.get(1)?, error: row.get(2)? },
                    seconds: row.get(3)?,
                    false_alarms: rate(row, 4)?,
                    equal: row.get::<_, i64>(6)? as u64,
                    power: Vec::new(),
                };
                Ok((row.get::<_, i64>(0)?, calibration))
            });
        let Some((id, mut calibration)) = found.optional()? else { return Ok(None) };
        let query =
            "SELECT times, found, comparisons, seconds FROM powers WHERE calibration = ?1 ORDER BY place";
        calibration.power = self.collect(query, [id], |row| {
            Ok(Power { times: row.get(0)?, found: rate(row, 1)?, seconds: row.get(3)? })
        })?;
        Ok(Some(calibration))
    }

    fn select(&self, condition: &str, params: impl Params) -> Result<Vec<Kept>, HistoryError> {
        // One look at the file: what another command removes meanwhile is either there wholly or not at all.
        let select = || {
            let _view = self.connection.unchecked_transaction()?;
            let mut runs = self.collect(&format!("{COLUMNS} {condition}"), params, kept)?;
            for kept in &mut runs {
                self.fill(kept)?;
            }
            Ok(runs)
        };
        select().map_err(self.failed("read history"))
    }

    /// Reads what a run has several of.
    fn fill(&self, kept: &mut Kept) -> rusqlite::Result<()> {
        let (id, run) = (kept.id, &mut kept.run);
        let query = "SELECT series, samples, median, against FROM figures WHERE run = ?1";
        let figures = self.collect(query, [id], |row| {
            let samples = row.get::<_, i64>(1)? as usize;
            Ok((row.get(0)?, Figure { samples, median: row.get(2)?, against: row.get(3)? }))
        })?;
        run.figures = figures.into_iter().collect();
        let query = "SELECT guarantee, word FROM guarantees WHERE run = ?1";
        run.guarantees =
            self.collect(query, [id], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect();
        let query = "SELECT reason FROM busy WHERE run = ?1 ORDER BY place";
        run.busy = self.collect(query, [id], |row| row.get(0))?;
        Ok(())
    }

    fn collect<T>(
        &self,
        query: &str,
        params: impl Params,
        row: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.connection.prepare(query)?.query_map(params, row)?.collect()
    }
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let run = Run {
        started: row.get::<_, i64>(1)? as u64,
        revision: row.get(2)?,
        command: row.get(3)?,
        place: Place { machine: row.get(4)?, kernel: row.get(5)? },
        busy: Vec::new(),
        figures: Default::default(),
        guarantees: Default::default(),
    };
    Ok(Kept { id: row.get(0)?, run })
}

/// Two columns, from this one on.
fn rate(row: &Row<'_>, column: usize) -> rusqlite::Result<Rate> {
    Ok(Rate { hits: row.get::<_, i64>(column)? as u64, of: row.get::<_, i64>(column + 1)? as u64 })
}
