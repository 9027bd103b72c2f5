//! Records that lie side by side and belong together: a run of several benches writes one for each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::run::Run;

/// Longest time between the beginnings of two records of one run, in seconds.
const DAY: u64 = 86_400;

/// The runs of the records that were found below a directory.
pub(super) fn merge(root: &Path, records: Vec<(PathBuf, Run)>) -> Vec<Run> {
    let mut groups: BTreeMap<PathBuf, Vec<(PathBuf, Run)>> = BTreeMap::new();
    for (file, run) in records {
        groups.entry(family(root, &file)).or_default().push((file, run));
    }
    groups.into_values().flat_map(merge_group).collect()
}

/// The directory that holds a record's own and those beside it: `DIR` of `DIR/NAME/record.json`. A record of the directory that was
/// named has none beside it.
fn family(root: &Path, file: &Path) -> PathBuf {
    let own = file.parent().unwrap_or(root);
    if own == root { file.to_owned() } else { own.parent().unwrap_or(root).to_owned() }
}

fn merge_group(mut records: Vec<(PathBuf, Run)>) -> Vec<Run> {
    records.sort_by(|(file, run), (other_file, other)| (run.started, file).cmp(&(other.started, other_file)));
    let mut runs: Vec<Run> = Vec::new();
    for (_, run) in records {
        match runs.last_mut() {
            Some(last) if belong_together(last, &run) => add(last, run),
            _ => runs.push(run),
        }
    }
    runs
}

fn belong_together(earlier: &Run, later: &Run) -> bool {
    let of_one_run = earlier.place == later.place
        && earlier.revision == later.revision
        && earlier.busy.is_empty() == later.busy.is_empty()
        && later.started.saturating_sub(earlier.started) <= DAY;
    let in_common = later.figures.keys().any(|series| earlier.figures.contains_key(series))
        || later.guarantees.keys().any(|guarantee| earlier.guarantees.contains_key(guarantee));
    of_one_run && !in_common
}

fn add(run: &mut Run, other: Run) {
    if run.command != other.command {
        run.command = format!("{}, {}", run.command, other.command);
    }
    run.busy.extend(other.busy);
    run.figures.extend(other.figures);
    run.guarantees.extend(other.guarantees);
}
