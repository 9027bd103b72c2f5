//! The history: what runs said, kept in one SQLite file, and what their series show over time.
//!
//! A run is kept as its figures, not as its samples: a record stays where it is. Several writers at once wait for each other, and a
//! writer that is killed leaves what was there before: SQLite's journal, not its write-ahead log, which network file systems and
//! copies of the one file do not go with.

mod error;
pub mod html;
mod name;
mod read;
mod schema;
pub mod text;
mod trend;
mod write;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use error::HistoryError;
pub use read::Kept;
pub use trend::{Point, Scope, Shift, Trend};

/// How long one command waits for others to finish writing.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open history.
pub struct Store {
    connection: Connection,
    /// The file, for errors.
    path: PathBuf,
}

impl Store {
    /// Opens a history, and makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be made, opened or brought to the newest schema, when it is of a newer one, or no history.
    pub fn open(path: &Path) -> Result<Store, HistoryError> {
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.map_err(|source| HistoryError::io("make the directory of history", path, source))?;
        Store::with(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    /// Opens a history that is there.
    ///
    /// # Errors
    /// When there is none, and as [`open`](Store::open).
    pub fn existing(path: &Path) -> Result<Store, HistoryError> {
        let found = std::fs::metadata(path).map(drop);
        found.map_err(|source| HistoryError::io("open history", path, source))?;
        Store::with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    fn with(path: &Path, flags: OpenFlags) -> Result<Store, HistoryError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |source| HistoryError::of("open history", path, source);
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        let store = Store { connection, path: path.to_owned() };
        store.bring_up_to_date()?;
        Ok(store)
    }

    /// An error of SQLite's with the operation and the file.
    fn failed(&self, operation: &'static str) -> impl Fn(rusqlite::Error) -> HistoryError {
        move |source| HistoryError::of(operation, &self.path, source)
    }
}

/// Where the history is, unless another file is named: `$ISOLAB_HISTORY`, else below `$XDG_STATE_HOME`, else below `~/.local/state`.
///
/// # Errors
/// When the environment has none of these and no `HOME`.
pub fn location(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<PathBuf, HistoryError> {
    // What is empty counts as unset, and what is relative does not count (XDG Base Directory Specification 0.8).
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(file) = set("ISOLAB_HISTORY") {
        return Ok(file);
    }
    let state = set("XDG_STATE_HOME").filter(|dir| dir.is_absolute());
    let state = state.or_else(|| Some(set("HOME")?.join(".local/state")));
    state.map(|dir| dir.join("isolab/history.sqlite")).ok_or(HistoryError::NoLocation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_follows_the_environment() {
        let at = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> = set.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            location(move |name| set.iter().find(|(k, _)| k == name).map(|(_, v)| v.into()))
                .map(|path| path.display().to_string())
        };
        let (home, state) = (("HOME", "/home/a"), ("XDG_STATE_HOME", "/state"));
        assert_eq!(at(&[home, state, ("ISOLAB_HISTORY", "h.db")]).unwrap(), "h.db");
        assert_eq!(at(&[home, state, ("ISOLAB_HISTORY", "")]).unwrap(), "/state/isolab/history.sqlite");
        assert_eq!(at(&[home]).unwrap(), "/home/a/.local/state/isolab/history.sqlite");
        assert_eq!(
            at(&[home, ("XDG_STATE_HOME", "state")]).unwrap(),
            "/home/a/.local/state/isolab/history.sqlite"
        );
        assert!(at(&[]).unwrap_err().to_string().contains("ISOLAB_HISTORY"));
    }
}
