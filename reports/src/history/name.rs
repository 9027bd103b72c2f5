//! Names of runs: `latest`, `latest~3`, `#12`, or the beginning of a revision.

use super::{HistoryError, Kept, Store};
use crate::run::Run;

/// A beginning of a revision that is shorter is more likely a mistake, and fewer digits are no revision of git's.
const SHORTEST: usize = 4;

impl Store {
    /// The runs that a name means, by time; none where it means none:
    ///
    /// * `latest` the newest run, `latest~3` the third before it
    /// * `#12` the run with this number
    /// * four characters or more: all runs of the revision that begins so, with other changes in its tree (`+`) only where the name
    ///   ends with it or there is no run without
    ///
    /// # Errors
    /// When several revisions begin so, or the history cannot be read.
    pub fn resolve(&self, name: &str) -> Result<Vec<Run>, HistoryError> {
        let kept = match parse(name) {
            Some(Name::Latest(back)) => {
                let latest = self.latest(back + 1)?;
                if latest.len() > back { latest.into_iter().take(1).collect() } else { Vec::new() }
            }
            Some(Name::Number(id)) => self.run(id)?.into_iter().collect(),
            Some(Name::Revision(beginning)) => self.of_one_revision(name, beginning)?,
            None => Vec::new(),
        };
        Ok(kept.into_iter().map(|kept| kept.run).collect())
    }

    fn of_one_revision(&self, name: &str, beginning: &str) -> Result<Vec<Kept>, HistoryError> {
        let mut runs = self.of_revision(beginning)?;
        let changed =
            |kept: &Kept| kept.run.revision.as_ref().is_some_and(|revision| revision.ends_with('+'));
        if name.ends_with('+') || runs.iter().any(|kept| !changed(kept)) {
            runs.retain(|kept| changed(kept) == name.ends_with('+'));
        }
        let mut revisions: Vec<String> = runs.iter().filter_map(|kept| kept.run.revision.clone()).collect();
        revisions.sort();
        revisions.dedup();
        if revisions.len() > 1 {
            return Err(HistoryError::Ambiguous { name: name.into(), revisions });
        }
        Ok(runs)
    }
}

enum Name<'a> {
    Latest(usize),
    Number(i64),
    Revision(&'a str),
}

fn parse(name: &str) -> Option<Name<'_>> {
    if name == "latest" {
        return Some(Name::Latest(0));
    }
    if let Some(back) = name.strip_prefix("latest~") {
        return back.parse::<u32>().ok().map(|back| Name::Latest(back as usize));
    }
    if let Some(number) = name.strip_prefix('#') {
        return number.parse().ok().map(Name::Number);
    }
    let beginning = name.strip_suffix('+').unwrap_or(name);
    (beginning.len() >= SHORTEST).then_some(Name::Revision(beginning))
}
