//! What was measured so far, on disk, so that an interrupted run can go on: one JSON line for each cell and round.
//!
//! Lines are only added, so a run that was killed leaves at most its last line incomplete, and that one is measured again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use isolab_core::host::Host;
use serde::{Deserialize, Serialize};

use super::declaration::Matrix;
use super::duel::Round;

/// How the names of journals end; they begin with their matrix's id.
pub const ENDING: &str = ".jsonl";

/// A matrix's journal in a folder.
#[must_use]
pub fn path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}{ENDING}"))
}

/// What a run must be to go on with a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Head {
    matrix: String,
    /// The matrix as it was measured, so that one that was changed is not mixed with it.
    declared: String,
    seed: u64,
    kernel: String,
}

/// One measured cell of one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// From 0.
    pub(super) round: u32,
    /// Index of the cell among those that this host offers.
    pub(super) cell: usize,
    pub(super) measured: Round,
}

/// A journal that is being written; nothing is written where there is no folder for it.
pub(super) struct Journal {
    file: Option<(PathBuf, File)>,
    done: Vec<Entry>,
}

impl Journal {
    /// Begins a journal, or goes on with the one that is there.
    ///
    /// # Errors
    /// When it cannot be read or written, or is that of another run.
    pub(super) fn open(
        folder: Option<&Path>,
        matrix: &Matrix,
        seed: u64,
        host: &Host,
    ) -> io::Result<Journal> {
        let Some(folder) = folder else { return Ok(Journal { file: None, done: Vec::new() }) };
        let path = path(folder, &matrix.id);
        let declared = format!("{matrix:?}");
        let head = Head { matrix: matrix.id.clone(), declared, seed, kernel: host.kernel.clone() };
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other.map_err(named)?,
        };
        let (whole, done) = read(&text, &head).map_err(named)?;
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(named)?;
        file.set_len(whole as u64).map_err(named)?;
        if whole == 0 {
            add(&mut file, &head).map_err(named)?;
        }
        Ok(Journal { file: Some((path, file)), done })
    }

    /// What a cell gave in a round, if that was measured before.
    pub(super) fn take(&mut self, round: u32, cell: usize) -> Option<Round> {
        let at = self.done.iter().position(|entry| (entry.round, entry.cell) == (round, cell))?;
        Some(self.done.swap_remove(at).measured)
    }

    /// Notes what was measured.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn note(&mut self, entry: &Entry) -> io::Result<()> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        add(file, entry).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }
}

fn add(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// How many bytes of it are whole lines, and what they say.
fn read(text: &str, head: &Head) -> io::Result<(usize, Vec<Entry>)> {
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let mut lines = text[..whole].lines();
    let Some(first) = lines.next() else { return Ok((0, Vec::new())) };
    if serde_json::from_str::<Head>(first)? != *head {
        return Err(io::Error::other(
            "it is of another matrix, seed or kernel; give those of the run that it is to go on with, or another --out",
        ));
    }
    let entries = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok((whole, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seed: u64) -> Head {
        Head { matrix: "m".into(), declared: "d".into(), seed, kernel: "k".into() }
    }

    fn entry(round: u32, cell: usize) -> Entry {
        let usage = isolab_reports::record::Usage::default();
        let measured =
            Round { samples: vec![1], aggressor_work: None, usage, watching: None, enforced: "e".into() };
        Entry { round, cell, measured }
    }

    fn text() -> String {
        let line = |value: &dyn Fn() -> String| value() + "\n";
        line(&|| serde_json::to_string(&head(1)).unwrap())
            + &line(&|| serde_json::to_string(&entry(0, 2)).unwrap())
    }

    #[test]
    fn a_line_that_was_cut_is_measured_again() {
        let cut = text() + "{\"round\":0,\"ce";
        assert_eq!(read(&cut, &head(1)).unwrap(), (text().len(), vec![entry(0, 2)]));
        assert_eq!(read("", &head(1)).unwrap(), (0, Vec::new()));
        assert_eq!(read("{\"matr", &head(1)).unwrap(), (0, Vec::new()));
    }

    #[test]
    fn another_runs_journal_is_refused() {
        let error = read(&text(), &head(2)).unwrap_err().to_string();
        assert!(error.contains("another matrix, seed or kernel"), "{error}");
    }

    #[test]
    fn a_journal_is_gone_on_with() {
        let folder = std::env::temp_dir().join(format!("isolab-journal-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let matrix = crate::interference::catalog::find("first").unwrap();
        let host = crate::testing::host();
        let mut journal = Journal::open(Some(&folder), &matrix, 1, &host).unwrap();
        journal.note(&entry(0, 2)).unwrap();
        drop(journal);
        let mut journal = Journal::open(Some(&folder), &matrix, 1, &host).unwrap();
        assert!(journal.take(0, 1).is_none() && journal.take(0, 2).is_some() && journal.take(0, 2).is_none());
        assert!(Journal::open(Some(&folder), &matrix, 2, &host).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
