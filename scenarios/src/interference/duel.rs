//! One round of one cell: an aggressor, its victim beside it, and what both did.

use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::sys::clock;
use isolab_reports::record::Usage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bridge::{self, Link};
use super::cage::Cages;
use super::declaration::{Matrix, Measured, Place};
use crate::cancel::Cancel;
use crate::ready::{Error, LIMIT, Ready};
use crate::workload::session::Session;
use crate::workload::victim::{self, pace};
use crate::workload::{Reply, Request, aggressor, exit};

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) samples: Vec<u64>,
    /// Units per second; `None` for the victim alone.
    pub(super) aggressor_work: Option<f64>,
    pub(super) usage: Usage,
    /// CPU time of this process while the victim was measured; not where this process is the victim.
    pub(super) watching: Option<u64>,
    pub(super) enforced: String,
}

/// A container at work, and its link to the bridge, which goes first.
struct AtWork<'a> {
    _link: Option<Link<'a>>,
    session: Session,
}

/// What was measured of a victim.
struct Measurement<'a> {
    reply: Reply,
    throttled: Option<u64>,
    watching: Option<u64>,
    enforced: String,
    /// Where it ran, to be removed.
    container: Option<AtWork<'a>>,
}

impl Duel<'_> {
    /// Measures one cell once. Both containers are ready, and were compared with what was asked for, before either starts.
    ///
    /// # Errors
    /// When a container cannot be launched, is not what was asked for, or its workload fails.
    pub(super) fn round(&self, place: Place) -> Result<Round, Error> {
        let configs = self.cages.configs(self.matrix, place)?;
        let aggressor = |config| self.aggressor(place, config);
        let (measured, aggressor) = match &self.matrix.victim[place.victim].work {
            Measured::Launch => self.launches(place, &configs.victim, || aggressor(&configs.aggressor))?,
            Measured::Inside(work) => {
                self.inside(place, work, &configs.victim, || aggressor(&configs.aggressor))?
            }
        };
        let aggressor = aggressor.map(|at_work| self.reply_of(at_work)).transpose()?;
        // Beside an aggressor at work this would take long.
        measured
            .container
            .map_or(Ok(()), |AtWork { session, .. }| session.finish(0, LIMIT, self.cancel).map(drop))?;
        let mut enforced = measured.enforced;
        if !self.cages.has_groups() {
            enforced.push_str("; without groups of their own");
        }
        Ok(Round {
            usage: usage(&measured.reply, measured.throttled, aggressor.as_ref()),
            samples: measured.reply.samples,
            aggressor_work: aggressor.as_ref().map(per_second),
            watching: measured.watching,
            enforced,
        })
    }

    /// Lets an aggressor make ready once, unprotected, and end at once: its files are there from then on, and no cell has to wait for
    /// them under a limit.
    ///
    /// # Errors
    /// When it cannot be launched or made ready.
    pub(super) fn rehearse(&self, aggressor: usize) -> Result<(), Error> {
        let place = Place { victim: 0, aggressor: Some((aggressor, 0)), protection: None };
        let config = self.cages.configs(self.matrix, place)?.aggressor;
        self.aggressor(place, &config)?.map_or(Ok(()), |at_work| self.reply_of(at_work).map(drop))
    }

    /// A victim in a container. It is ready before the aggressor begins.
    fn inside<'a>(
        &'a self,
        place: Place,
        work: &victim::Work,
        config: &Value,
        disturb: impl FnOnce() -> Result<Option<AtWork<'a>>, Error>,
    ) -> Result<(Measurement<'a>, Option<AtWork<'a>>), Error> {
        let (seconds, period) = (self.matrix.seconds, self.matrix.victim[place.victim].period);
        let network = work.needs_network();
        let work = self.cages.filled(work)?;
        let request = Request::Victim(victim::Victim { seconds, period, work });
        let mut session = self.session("victim", config, &request)?;
        let link = self.link(network, &session, bridge::VICTIM)?;
        let aggressor = disturb()?;
        let enforced = session.enforced().to_owned();
        session.go()?;
        let limit = Duration::from_secs_f64(self.matrix.seconds) + LIMIT;
        let watching = clock::process_cpu();
        let reply = session.replies(1, limit, self.cancel)?.pop().unwrap_or_default();
        let watching = Some(clock::process_cpu().saturating_sub(watching));
        let throttled = session.throttled();
        let container = Some(AtWork { _link: link, session });
        Ok((Measurement { reply, throttled, watching, enforced, container }, aggressor))
    }

    /// Isolab itself as the victim: launches on a schedule.
    fn launches<'a>(
        &'a self,
        place: Place,
        config: &Value,
        disturb: impl FnOnce() -> Result<Option<AtWork<'a>>, Error>,
    ) -> Result<(Measurement<'a>, Option<AtWork<'a>>), Error> {
        let mut config = config.clone();
        config["process"]["args"] = [exit::PATH].into();
        let ready = Ready::new(&config, self.cages.bundle(), "victim", self.host)?;
        let enforced = ready.verify()?;
        let aggressor = disturb()?;
        let mut failure = None;
        let (period, length) =
            (self.matrix.victim[place.victim].period, pace::from_seconds(self.matrix.seconds));
        let before = clock::process_cpu();
        let mut reply = pace::open_loop(&pace::Monotonic, period, length, &mut || {
            if let Err(error) = ready.whole(0) {
                failure.get_or_insert(error);
            }
        });
        let cpu = clock::process_cpu().saturating_sub(before);
        reply.usage = Some(victim::Usage { cpu, ..victim::Usage::default() });
        let measured = Measurement { reply, throttled: None, watching: None, enforced, container: None };
        failure.map_or(Ok((measured, aggressor)), Err)
    }

    /// The cell's aggressor, at work for long enough that what it does has begun.
    fn aggressor(&self, place: Place, config: &Option<Value>) -> Result<Option<AtWork<'_>>, Error> {
        let (Some((at, intensity)), Some(config)) = (place.aggressor, config) else { return Ok(None) };
        let declared = &self.matrix.aggressor[at];
        let threads = declared.threads(self.host);
        let mut work = self.cages.filled(&declared.work)?;
        let limit = config.pointer("/linux/resources/memory/limit").and_then(Value::as_u64);
        work.fit(threads, limit.unwrap_or(u64::MAX).min(self.host.memory / 8));
        let request = Request::Aggressor(aggressor::Aggressor {
            seconds: self.matrix.settle + self.matrix.seconds + ALONE,
            threads,
            intensity: self.matrix.intensity.get(intensity).copied().unwrap_or(1.0),
            work,
        });
        let mut session = self.session("aggressor", config, &request)?;
        let link = self.link(declared.work.needs_network(), &session, bridge::AGGRESSOR)?;
        session.go()?;
        self.pause(Duration::from_secs_f64(self.matrix.settle))?;
        Ok(Some(AtWork { _link: link, session }))
    }

    fn session(&self, who: &str, config: &Value, request: &Request) -> Result<Session, Error> {
        let place = (self.cages.bundle(), who, self.host);
        Session::launch(&format!("the {who}"), config, request, place, self.cancel)
    }

    fn link(
        &self,
        needed: bool,
        session: &Session,
        address: std::net::Ipv4Addr,
    ) -> Result<Option<Link<'_>>, Error> {
        if !needed {
            return Ok(None);
        }
        let link = self.cages.bridge()?.link(session.pid(), address);
        link.map(Some).map_err(|error| Error::Placeholder(error.to_string()))
    }

    fn reply_of(&self, aggressor: AtWork<'_>) -> Result<Reply, Error> {
        Ok(aggressor.session.stop(1, LIMIT, self.cancel)?.pop().unwrap_or_default())
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

fn usage(victim: &Reply, throttled: Option<u64>, aggressor: Option<&Reply>) -> Usage {
    let counted = victim.usage.unwrap_or_default();
    let aggressor_cpu = aggressor.map(|reply| {
        let cpu = reply.usage.unwrap_or_default().cpu as f64;
        if reply.seconds > 0.0 { (cpu / reply.seconds) as u64 } else { 0 }
    });
    Usage {
        seconds: victim.seconds,
        served: victim.work,
        unserved: victim.unserved,
        cpu: counted.cpu,
        voluntary: counted.voluntary,
        involuntary: counted.involuntary,
        migrations: counted.migrations,
        throttled,
        aggressor_cpu: aggressor_cpu.unwrap_or_default(),
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

    #[test]
    fn the_aggressors_cpu_time_is_per_second() {
        let cpu = victim::Usage { cpu: 3_000_000_000, ..victim::Usage::default() };
        let aggressor = Reply { seconds: 1.5, usage: Some(cpu), ..Reply::default() };
        assert_eq!(usage(&Reply::default(), None, Some(&aggressor)).aggressor_cpu, 2_000_000_000);
    }
}
