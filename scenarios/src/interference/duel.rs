//! One round of one cell: an aggressor, its victim beside it, and what both did.

use std::time::{Duration, Instant};

use isolab_core::host::Host;
use serde_json::Value;

use super::cage::Cages;
use super::declaration::{Matrix, Place};
use crate::cancel::Cancel;
use crate::ready::{Error, LIMIT};
use crate::workload::session::Session;
use crate::workload::{Reply, Request, Work};

/// What an aggressor may run for beyond the victim's time, should it be left alone.
const ALONE: f64 = 5.0;
/// How often a wait looks whether the run was asked to stop.
const TICK: Duration = Duration::from_millis(50);

/// What the rounds of a matrix have in common.
pub(super) struct Duel<'a> {
    pub(super) matrix: &'a Matrix,
    pub(super) cages: &'a Cages,
    pub(super) host: &'a Host,
    pub(super) cancel: &'a Cancel,
}

/// One round of one cell.
pub(super) struct Round {
    pub(super) samples: Vec<u64>,
    /// Units per second; `None` for the victim alone.
    pub(super) aggressor_work: Option<f64>,
    pub(super) enforced: String,
}

impl Duel<'_> {
    /// Measures one cell once. Both containers are ready, and were compared with what was asked for, before either starts.
    ///
    /// # Errors
    /// When a container cannot be launched, is not what was asked for, or its workload fails.
    pub(super) fn round(&self, place: Place) -> Result<Round, Error> {
        let configs = self.cages.configs(self.matrix, place)?;
        let victim = &self.matrix.victim[place.victim].work;
        let mut victim = self.session("victim", &configs.victim, victim, self.matrix.seconds)?;
        // Both sessions would have failed if either container were not what was asked for.
        let mut enforced = victim.enforced().to_owned();
        let aggressor = match (place.aggressor, &configs.aggressor) {
            (Some(at), Some(config)) => {
                let seconds = self.matrix.settle + self.matrix.seconds + ALONE;
                let mut session =
                    self.session("aggressor", config, &self.matrix.aggressor[at].work, seconds)?;
                session.go()?;
                self.pause(Duration::from_secs_f64(self.matrix.settle))?;
                Some(session)
            }
            _ => None,
        };
        if !self.cages.has_groups() {
            enforced.push_str("; without groups of their own");
        }
        victim.go()?;
        let limit = Duration::from_secs_f64(self.matrix.seconds) + LIMIT;
        let samples = victim.finish(1, limit, self.cancel)?.pop().unwrap_or_default().samples;
        let aggressor_work = aggressor.map(|session| self.work_of(session)).transpose()?;
        Ok(Round { samples, aggressor_work, enforced })
    }

    fn session(&self, who: &str, config: &Value, work: &Work, seconds: f64) -> Result<Session, Error> {
        let request = Request { seconds, work: work.fitted(config, self.host) };
        Session::launch(
            &format!("the {who}"),
            config,
            &request,
            (self.cages.bundle(), who, self.host),
            self.cancel,
        )
    }

    fn work_of(&self, aggressor: Session) -> Result<f64, Error> {
        let reply = aggressor.stop(1, LIMIT, self.cancel)?.pop().unwrap_or_default();
        Ok(per_second(&reply))
    }

    fn pause(&self, length: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        while let Some(left) = length.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            self.cancel.check()?;
            std::thread::sleep(left.min(TICK));
        }
        Ok(())
    }
}

fn per_second(reply: &Reply) -> f64 {
    // Units of work are far below 2^53.
    if reply.seconds > 0.0 { reply.work as f64 / reply.seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_per_second_of_the_aggressors_own_time() {
        let reply = Reply { work: 30, seconds: 1.5, ..Reply::default() };
        assert!((per_second(&reply) - 20.0).abs() < 1e-9);
        assert!(per_second(&Reply::default()).abs() < 1e-9);
    }
}
