//! The tables, and the way from older ones to the newest.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{HistoryError, Store};

/// What each schema has more than the one before; `user_version` counts those that a file has.
const STEPS: [&str; 2] = [RUNS, CALIBRATIONS];

/// In a file's head, for `file` and for telling it from other databases: "isol".
const APPLICATION: i64 = 0x6973_6f6c;

const RUNS: &str = "
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- a removed run's is not given again
    key TEXT NOT NULL UNIQUE, -- digest of what it says
    started INTEGER NOT NULL, -- seconds since the epoch
    revision TEXT,
    command TEXT NOT NULL,
    machine TEXT NOT NULL,
    kernel TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_time ON runs (started, id);
CREATE TABLE busy (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    place INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE figures (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    series TEXT NOT NULL,
    samples INTEGER NOT NULL,
    median REAL NOT NULL, -- nanoseconds
    against REAL, -- median ratio to the series that it took turns with
    PRIMARY KEY (run, series)
) STRICT, WITHOUT ROWID;
CREATE INDEX figures_by_series ON figures (series, run);
CREATE TABLE guarantees (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    guarantee TEXT NOT NULL,
    word TEXT NOT NULL,
    PRIMARY KEY (run, guarantee)
) STRICT, WITHOUT ROWID;
";

const CALIBRATIONS: &str = "
CREATE TABLE calibrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    machine TEXT NOT NULL,
    kernel TEXT NOT NULL,
    subject TEXT NOT NULL,
    metric TEXT NOT NULL,
    margin REAL NOT NULL,
    error REAL NOT NULL,
    seconds REAL NOT NULL,
    false_alarms INTEGER NOT NULL,
    equal INTEGER NOT NULL,
    comparisons INTEGER NOT NULL
) STRICT;
CREATE INDEX calibrations_by_subject ON calibrations (machine, kernel, subject, metric, id);
CREATE TABLE powers (
    calibration INTEGER NOT NULL REFERENCES calibrations ON DELETE CASCADE,
    place INTEGER NOT NULL,
    times REAL NOT NULL, -- factor that was planted
    found INTEGER NOT NULL,
    comparisons INTEGER NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (calibration, place)
) STRICT, WITHOUT ROWID;
";

impl Store {
    /// Makes the tables that are missing. Whoever comes first does it, the others wait and find it done.
    pub(super) fn bring_up_to_date(&self) -> Result<(), HistoryError> {
        let failed = self.failed("open history");
        self.connection.pragma_update(None, "foreign_keys", true).map_err(&failed)?;
        // One look: what another command makes meanwhile is seen wholly or not at all.
        let view = self.connection.unchecked_transaction().map_err(&failed)?;
        let found = self.schema()?;
        drop(view);
        if found == STEPS.len() as i64 {
            return Ok(());
        }
        let behavior = TransactionBehavior::Immediate;
        let transaction = Transaction::new_unchecked(&self.connection, behavior).map_err(&failed)?;
        let found = self.schema()?;
        for step in STEPS.iter().skip(found as usize) {
            transaction.execute_batch(step).map_err(&failed)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(&failed)?;
        transaction.pragma_update(None, "user_version", STEPS.len() as i64).map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    /// The schema of the file: 0 when there is nothing in it yet.
    fn schema(&self) -> Result<i64, HistoryError> {
        let failed = self.failed("read history");
        let path = || self.path.display().to_string();
        let application = pragma(&self.connection, "application_id").map_err(&failed)?;
        let found = pragma(&self.connection, "user_version").map_err(&failed)?;
        let tables = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = self.connection.query_row(tables, [], |row| row.get(0)).map_err(&failed)?;
        let empty = application == 0 && found == 0 && tables == 0;
        if !empty && (application != APPLICATION || found < 1) {
            return Err(HistoryError::Other {
                path: path(),
                reason: "it is another program's database".into(),
            });
        }
        let newest = STEPS.len() as i64;
        if found > newest {
            return Err(HistoryError::TooNew { path: path(), found, newest });
        }
        Ok(found)
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
