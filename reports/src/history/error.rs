//! Why the history cannot be used.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

/// Why the history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A file or directory is in the way or missing.
    #[error("{operation} {path}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The history's file.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// SQLite could not do something.
    #[error("{operation} {path}: {source}")]
    Sqlite {
        /// What was tried.
        operation: &'static str,
        /// The history's file.
        path: String,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The file is something else, or damaged.
    #[error("{path} is not a history of isolab: {reason}")]
    Other {
        /// The file.
        path: String,
        /// What it is.
        reason: String,
    },
    /// The file was written by a newer isolab.
    #[error(
        "{path} has history schema {found}; this isolab knows up to {newest}: this isolab is too old for it"
    )]
    TooNew {
        /// The file.
        path: String,
        /// The schema found.
        found: i64,
        /// The newest schema that this isolab knows.
        newest: i64,
    },
    /// A name means several revisions.
    #[error("{name} is the beginning of several revisions: {}", revisions.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The revisions.
        revisions: Vec<String>,
    },
    /// The environment does not say where the history is.
    #[error(
        "find the history: neither ISOLAB_HISTORY nor XDG_STATE_HOME nor HOME is set; name a file with --file"
    )]
    NoLocation,
}

impl HistoryError {
    pub(super) fn io(operation: &'static str, path: &Path, source: io::Error) -> HistoryError {
        HistoryError::Io { operation, path: path.display().to_string(), source }
    }

    pub(super) fn of(operation: &'static str, path: &Path, source: rusqlite::Error) -> HistoryError {
        let name = path.display().to_string();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                HistoryError::Other { path: name, reason: source.to_string() }
            }
            // SQLite keeps the system's reason to itself, and the same call fails again.
            Some(ErrorCode::CannotOpen) => {
                match std::fs::File::options().append(true).create(true).open(path) {
                    Ok(_) => HistoryError::Sqlite { operation, path: name, source },
                    Err(source) => HistoryError::Io { operation, path: name, source },
                }
            }
            _ => HistoryError::Sqlite { operation, path: name, source },
        }
    }
}
