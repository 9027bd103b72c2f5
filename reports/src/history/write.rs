//! What is put into the history, and taken out.

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::{HistoryError, Store};
use crate::run::{Place, Run};
use crate::verdict::Calibration;

impl Store {
    /// Adds runs, all or none; tells for each its id, and whether it is new. A run that is there already is not added again.
    ///
    /// # Errors
    /// When the history cannot be written.
    pub fn add(&self, runs: &[Run]) -> Result<Vec<(i64, bool)>, HistoryError> {
        let failed = self.failed("add to history");
        let transaction = self.begin().map_err(&failed)?;
        let added: rusqlite::Result<Vec<_>> = runs.iter().map(|run| add(&transaction, run)).collect();
        let added = added.map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(added)
    }

    /// Removes a run; tells whether there was one.
    ///
    /// # Errors
    /// When the history cannot be written.
    pub fn remove(&self, id: i64) -> Result<bool, HistoryError> {
        let removed = self.connection.execute("DELETE FROM runs WHERE id = ?1", [id]);
        Ok(removed.map_err(self.failed("remove from history"))? > 0)
    }

    /// Keeps how often comparisons of a subject are wrong at a place.
    ///
    /// # Errors
    /// When the history cannot be written.
    pub fn add_calibration(&self, place: &Place, calibration: &Calibration) -> Result<(), HistoryError> {
        let failed = self.failed("add to history");
        let transaction = self.begin().map_err(&failed)?;
        add_calibration(&transaction, place, calibration).map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    /// Takes the right to write at once: one that is asked for after reading may be refused without waiting.
    fn begin(&self) -> rusqlite::Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
    }
}

fn add(transaction: &Transaction<'_>, run: &Run) -> rusqlite::Result<(i64, bool)> {
    let key = key(run);
    let known = transaction.query_row("SELECT id FROM runs WHERE key = ?1", [&key], |row| row.get(0));
    if let Some(id) = known.optional()? {
        return Ok((id, false));
    }
    transaction.execute(
        "INSERT INTO runs (key, started, revision, command, machine, kernel) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![key, run.started as i64, run.revision, run.command, run.place.machine, run.place.kernel],
    )?;
    let id = transaction.last_insert_rowid();
    let mut figures = transaction
        .prepare("INSERT INTO figures (run, series, samples, median, against) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (series, figure) in &run.figures {
        figures.execute(params![id, series, figure.samples as i64, figure.median, figure.against])?;
    }
    let mut guarantees =
        transaction.prepare("INSERT INTO guarantees (run, guarantee, word) VALUES (?1, ?2, ?3)")?;
    for (guarantee, word) in &run.guarantees {
        guarantees.execute(params![id, guarantee, word])?;
    }
    for (place, reason) in run.busy.iter().enumerate() {
        let insert = "INSERT INTO busy (run, place, reason) VALUES (?1, ?2, ?3)";
        transaction.execute(insert, params![id, place as i64, reason])?;
    }
    Ok((id, true))
}

fn add_calibration(
    transaction: &Transaction<'_>,
    place: &Place,
    calibration: &Calibration,
) -> rusqlite::Result<()> {
    let Calibration { subject, metric, rule, seconds, false_alarms, equal, power } = calibration;
    transaction.execute(
        "INSERT INTO calibrations
         (machine, kernel, subject, metric, margin, error, seconds, false_alarms, equal, comparisons)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            place.machine,
            place.kernel,
            subject,
            metric,
            rule.margin,
            rule.error,
            seconds,
            false_alarms.hits as i64,
            *equal as i64,
            false_alarms.of as i64
        ],
    )?;
    let id = transaction.last_insert_rowid();
    for (place, power) in power.iter().enumerate() {
        transaction.execute(
            "INSERT INTO powers (calibration, place, times, found, comparisons, seconds)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                id,
                place as i64,
                power.times,
                power.found.hits as i64,
                power.found.of as i64,
                power.seconds
            ],
        )?;
    }
    Ok(())
}

/// What makes two runs the same: where, when and what ran, and what it found.
fn key(run: &Run) -> String {
    let mut digest = Sha256::new();
    let mut field = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    field(run.place.machine.as_bytes());
    field(run.place.kernel.as_bytes());
    field(run.command.as_bytes());
    field(&run.started.to_le_bytes());
    for (series, figure) in &run.figures {
        field(series.as_bytes());
        field(&figure.median.to_bits().to_le_bytes());
    }
    for (guarantee, word) in &run.guarantees {
        field(guarantee.as_bytes());
        field(word.as_bytes());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
