//! What all sweeps have in common: a sample of all injections, one after the other, and what came of them.

use isolab_reports::record::{Sweep, SweepKind};

use super::sample;
use super::tally::Tally;
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;

/// A sweep to come.
pub(super) struct Plan<'p> {
    pub(super) kind: SweepKind,
    /// The launcher's name.
    pub(super) launcher: &'p str,
    /// Of the sample.
    pub(super) seed: u64,
    /// How many injections; `None` for all.
    pub(super) sample: Option<usize>,
    pub(super) progress: &'p dyn Progress,
    pub(super) cancel: &'p Cancel,
}

impl Plan<'_> {
    /// Tries each injection that is drawn; `label` names it, and `each` adds what came of it. A run that is to stop ends with what
    /// it has, and says so.
    pub(super) fn sweep<T>(
        &self,
        all: &[T],
        label: impl Fn(&T) -> String,
        mut each: impl FnMut(&T, &str, &mut Tally) -> Result<(), Error>,
    ) -> Result<Sweep, Error> {
        let chosen = sample(all.len(), self.sample, self.seed);
        let mut tally = Tally::new(self.kind, self.launcher, self.seed, all.len());
        self.progress.begin(&format!("{}: {}", self.launcher, self.kind.title()), chosen.len() as u64);
        for (done, index) in chosen.iter().enumerate() {
            if self.cancel.is_cancelled() {
                tally.note(format!("interrupted after {done} of {}", chosen.len()));
                break;
            }
            let label = label(&all[*index]);
            self.progress.step(&label);
            each(&all[*index], &label, &mut tally)?;
        }
        self.progress.done();
        Ok(tally.end())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Outcome, Trial};
    use super::*;
    use crate::progress::Quiet;

    #[test]
    fn a_run_that_is_to_stop_keeps_what_was_swept() {
        let cancel = Cancel::new();
        let plan = Plan {
            kind: SweepKind::Errno,
            launcher: "a",
            seed: 1,
            sample: None,
            progress: &Quiet,
            cancel: &cancel,
        };
        let swept = plan.sweep(&[1, 2, 3, 4], ToString::to_string, |nth, label, tally| {
            tally.add(label, &Trial::of(Outcome::Refused("no".into())));
            if *nth == 2 {
                cancel.cancel();
            }
            Ok(())
        });
        let swept = swept.unwrap();
        assert_eq!((swept.possible, swept.tried, swept.refused), (4, 2, 2));
        assert_eq!(swept.notes, ["interrupted after 2 of 4"]);
    }
}
