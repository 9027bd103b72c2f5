//! Guarantees over kernels: one row for each check and launcher.

use super::columns;
use crate::figures::guarantees::Finding;
use crate::figures::verdict::Verdict;
use crate::lab::record::{Lab, Purpose};
use crate::text::visible;

/// All guarantees that were checked on some kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarantees {
    /// Where kernels differ comes first, the worst of them foremost; then what is broken everywhere.
    pub rows: Vec<Row>,
}

/// One guarantee of one launcher.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Catalogue id.
    pub id: String,
    /// What isolation promises.
    pub promise: String,
    /// The kernel mechanism.
    pub primitive: String,
    /// Launcher name.
    pub launcher: String,
    /// One for each kernel; `None` where it was not checked.
    pub cells: Vec<Option<Finding>>,
    /// Whether kernels on which it was checked came to different verdicts.
    pub differs: bool,
}

impl Row {
    /// The worst verdict over all kernels.
    pub fn worst(&self) -> Verdict {
        self.cells.iter().flatten().map(|finding| finding.verdict).min().unwrap_or(Verdict::Holds)
    }

    /// What was found, with the places of the kernels that found the same.
    pub fn findings(&self) -> Vec<(Vec<usize>, &Finding)> {
        let mut findings: Vec<(Vec<usize>, &Finding)> = Vec::new();
        for (place, cell) in self.cells.iter().enumerate() {
            let Some(finding) = cell else { continue };
            let same = |(_, other): &&mut (Vec<usize>, &Finding)| {
                (other.verdict, &other.evidence, &other.reason)
                    == (finding.verdict, &finding.evidence, &finding.reason)
            };
            match findings.iter_mut().find(same) {
                Some((places, _)) => places.push(place),
                None => findings.push((vec![place], finding)),
            }
        }
        findings
    }

    /// Places of the kernels on which it is broken though it holds on the baseline.
    pub(super) fn lost(&self, baseline: usize) -> Vec<usize> {
        let verdict = |cell: &Option<Finding>| cell.as_ref().map(|finding| finding.verdict);
        if self.cells.get(baseline).and_then(verdict) != Some(Verdict::Holds) {
            return Vec::new();
        }
        let places = self.cells.iter().enumerate();
        places.filter(|(_, cell)| verdict(cell) == Some(Verdict::Broken)).map(|(place, _)| place).collect()
    }
}

impl Guarantees {
    pub(super) fn of(lab: &Lab, baseline: usize) -> Guarantees {
        let mut rows: Vec<Row> = Vec::new();
        for (place, kernel) in lab.kernels.iter().enumerate() {
            let records = columns::records(kernel, Purpose::Check);
            for guarantee in records.flat_map(|record| &record.guarantees) {
                let (id, launcher) = (visible(&guarantee.id), visible(&guarantee.launcher));
                let at = rows.iter().position(|row| row.id == id && row.launcher == launcher);
                let at = at.unwrap_or_else(|| {
                    rows.push(Row {
                        id,
                        promise: visible(&guarantee.promise),
                        primitive: visible(&guarantee.primitive),
                        launcher,
                        cells: vec![None; lab.kernels.len()],
                        differs: false,
                    });
                    rows.len() - 1
                });
                let finding = Finding::of(guarantee);
                let cell = &mut rows[at].cells[place];
                *cell = Some(match cell.take() {
                    Some(earlier) => earlier.merge(finding),
                    None => finding,
                });
            }
        }
        for row in &mut rows {
            let mut verdicts = row.cells.iter().flatten().map(|finding| finding.verdict);
            let first = verdicts.next();
            row.differs = verdicts.any(|verdict| Some(verdict) != first);
        }
        // Stable, so that the catalogue's order stays within a rank.
        rows.sort_by_key(|row| (row.lost(baseline).is_empty(), !row.differs, row.worst()));
        Guarantees { rows }
    }

    /// Rows in which kernels differ.
    pub fn differing(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.differs)
    }

    /// Rows in which all kernels agree.
    pub fn same(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.differs)
    }

    /// How many checks of a kernel came to the verdict.
    pub fn count(&self, place: usize, verdict: Verdict) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.cells[place].as_ref());
        cells.filter(|finding| finding.verdict == verdict).count()
    }
}
