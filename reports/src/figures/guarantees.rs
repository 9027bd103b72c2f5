//! The matrix of checks and launchers.

use super::verdict::Verdict;
use crate::record::{Evidence, Guarantee, Outcome, Record};
use crate::text::{visible, visible_lines};

/// Where nobody has written down what helps.
const NO_REMEDY: &str =
    "a newer version of the launcher; else tell its authors, with the command and the config below";

/// Checks by primitive, one column a launcher.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// The launchers that were checked, in the record's order.
    pub launchers: Vec<Column>,
    /// Checks by primitive. Primitives with something broken come first, then in the record's order.
    pub groups: Vec<Group>,
}

/// One launcher's column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// `core`, `runc`, …
    pub name: String,
    /// Its version line.
    pub version: String,
    /// How many checks came to each verdict, in the order of [`Verdict::ALL`].
    pub tally: [usize; 5],
}

/// The checks of one primitive.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// `pid namespace`, …
    pub primitive: String,
    /// Its checks, worst first.
    pub checks: Vec<Check>,
}

/// One check over all launchers.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Catalogue id.
    pub id: String,
    /// What isolation promises.
    pub promise: String,
    /// Where the promise comes from.
    pub source: String,
    /// One for each of [`Matrix::launchers`]; `None` where it did not run.
    pub cells: Vec<Option<Finding>>,
}

/// What one check found on one launcher.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Launcher name.
    pub launcher: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The facts, those that disagree first.
    pub evidence: Vec<Evidence>,
    /// Why it is not offered or not testable, with the remedy.
    pub reason: Option<String>,
    /// What the positive control did.
    pub control: &'static str,
    /// What helps against it, when it is broken.
    pub remedy: Option<String>,
    /// The command that shows it again, and the config that was launched.
    pub again: Option<(String, String)>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

impl Column {
    /// How many of this launcher's checks came to the verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.tally[verdict as usize]
    }

    /// How many of them came to any.
    pub fn total(&self) -> usize {
        self.tally.iter().sum()
    }
}

impl Check {
    /// The worst verdict over all launchers.
    pub fn worst(&self) -> Verdict {
        self.findings().map(|finding| finding.verdict).min().unwrap_or(Verdict::Holds)
    }

    /// What was found, launcher by launcher.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.cells.iter().flatten()
    }
}

impl Finding {
    /// The facts that contradict the promise.
    pub fn against(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter().filter(|fact| !fact.agrees)
    }

    pub(crate) fn of(guarantee: &Guarantee) -> Finding {
        let mut evidence: Vec<Evidence> = guarantee.evidence.iter().map(shown).collect();
        evidence.sort_by_key(|fact| fact.agrees);
        Finding {
            launcher: visible(&guarantee.launcher),
            verdict: Verdict::of(guarantee),
            evidence,
            reason: match &guarantee.outcome {
                Outcome::NotOffered { reason } => Some(visible(reason)),
                Outcome::NotTestable { reason, remedy } => {
                    Some(format!("{}. Remedy: {}", visible(reason), visible(remedy)))
                }
                Outcome::Holds | Outcome::Broken => None,
            },
            control: match guarantee.control_red {
                Some(true) => "The positive control turned red: this check can see a failure",
                Some(false) => "The positive control stayed green: this check cannot see a failure here",
                None => "The positive control was not run beside it",
            },
            remedy: (guarantee.outcome == Outcome::Broken)
                .then(|| guarantee.remedy.as_deref().map_or_else(|| NO_REMEDY.to_owned(), visible)),
            again: guarantee.again.as_ref().map(|again| {
                let config = serde_json::to_string_pretty(&again.config).unwrap_or_default();
                (visible(&again.command), visible_lines(&config))
            }),
            millis: guarantee.millis,
        }
    }

    /// A check that ran twice on a launcher is as good as its worse run, with the facts of both.
    pub(crate) fn merge(self, other: Finding) -> Finding {
        let (mut worse, better) = if self.verdict <= other.verdict { (self, other) } else { (other, self) };
        worse.evidence.extend(better.evidence);
        worse.evidence.sort_by_key(|fact| fact.agrees);
        worse.millis = worse.millis.saturating_add(better.millis);
        worse
    }
}

impl Matrix {
    /// Lays the record's guarantees out.
    pub fn of(record: &Record) -> Matrix {
        let names = launcher_names(record);
        let mut groups: Vec<Group> = Vec::new();
        for guarantee in &record.guarantees {
            let group = find_or_push(
                &mut groups,
                |g| g.primitive == visible(&guarantee.primitive),
                || Group { primitive: visible(&guarantee.primitive), checks: Vec::new() },
            );
            let check = find_or_push(
                &mut group.checks,
                |c| c.id == visible(&guarantee.id),
                || Check {
                    id: visible(&guarantee.id),
                    promise: visible(&guarantee.promise),
                    source: visible(&guarantee.source),
                    cells: vec![None; names.len()],
                },
            );
            if let Some(column) = names.iter().position(|name| *name == guarantee.launcher) {
                let finding = Finding::of(guarantee);
                check.cells[column] = Some(match check.cells[column].take() {
                    Some(earlier) => earlier.merge(finding),
                    None => finding,
                });
            }
        }
        // Both sorts are stable, so that the catalogue's order stays within a verdict.
        let troubled = |check: &Check| check.worst().min(Verdict::NotTestable);
        for group in &mut groups {
            group.checks.sort_by_key(troubled);
        }
        groups.sort_by_key(|group| group.checks.iter().map(troubled).min());
        let launchers = names
            .iter()
            .enumerate()
            .map(|(column, name)| Column {
                name: visible(name),
                version: version_of(record, name),
                tally: tally(&groups, column),
            })
            .collect();
        Matrix { launchers, groups }
    }

    /// How many verdicts of this kind there are over all launchers.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.launchers.iter().map(|launcher| launcher.count(verdict)).sum()
    }

    /// Whether anything was checked at all.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Number of different checks.
    pub fn checks(&self) -> usize {
        self.groups.iter().map(|group| group.checks.len()).sum()
    }

    /// What is broken or unproven, check by check: what a page shows first.
    pub fn trouble(&self) -> Vec<(&Check, &Finding)> {
        let checks = self.groups.iter().flat_map(|group| &group.checks);
        let mut found: Vec<_> = checks
            .flat_map(|check| check.findings().map(move |finding| (check, finding)))
            .filter(|(_, finding)| finding.verdict <= Verdict::Unproven)
            .collect();
        found.sort_by_key(|(_, finding)| finding.verdict);
        found
    }
}

/// Launchers that have a result, in the order of the record's list, then of appearance.
fn launcher_names(record: &Record) -> Vec<String> {
    let listed = record.launchers.iter().map(|launcher| &launcher.name);
    let mut names: Vec<String> = Vec::new();
    for name in listed.chain(record.guarantees.iter().map(|guarantee| &guarantee.launcher)) {
        if !names.contains(name) && record.guarantees.iter().any(|guarantee| guarantee.launcher == *name) {
            names.push(name.clone());
        }
    }
    names
}

fn version_of(record: &Record, name: &str) -> String {
    let launcher = record.launchers.iter().find(|launcher| launcher.name == name);
    launcher.and_then(|launcher| launcher.version.as_deref()).map_or(String::new(), visible)
}

fn tally(groups: &[Group], column: usize) -> [usize; 5] {
    let mut tally = [0; 5];
    for check in groups.iter().flat_map(|group| &group.checks) {
        if let Some(finding) = &check.cells[column] {
            tally[finding.verdict as usize] += 1;
        }
    }
    tally
}

fn shown(evidence: &Evidence) -> Evidence {
    Evidence {
        fact: visible(&evidence.fact),
        expected: visible(&evidence.expected),
        found: visible(&evidence.found),
        agrees: evidence.agrees,
    }
}

fn find_or_push<T>(items: &mut Vec<T>, is_it: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let index = items.iter().position(is_it).unwrap_or_else(|| {
        items.push(new());
        items.len() - 1
    });
    &mut items[index]
}
