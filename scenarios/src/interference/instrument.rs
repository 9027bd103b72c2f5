//! What the measuring itself costs: the schedule's own time a request, and a timer in an idle container against the same without one.

use std::time::Instant;

use isolab_core::host::Host;
use isolab_reports::record::Instrument;
use serde_json::json;

use super::cage::Cages;
use crate::cancel::Cancel;
use crate::ready::{Error, LIMIT};
use crate::workload::Request;
use crate::workload::session::Session;
use crate::workload::victim::{self, pace};

/// Batches of requests that do nothing.
const BATCHES: usize = 20;
/// Requests in each.
const REQUESTS: u64 = 1000;
/// Turns of the timer outside and inside.
const TURNS: usize = 4;
/// Nanoseconds between two wake-ups, and how long a turn is.
const PERIOD: u64 = 1_000_000;
const LENGTH: u64 = 50_000_000;

/// Calibrates.
///
/// # Errors
/// When the container cannot be had, or the run is to stop.
pub(super) fn calibrate(cages: &Cages, host: &Host, cancel: &Cancel) -> Result<Instrument, Error> {
    let mut instrument =
        Instrument { request: (0..BATCHES).map(|_| batch()).collect(), ..Instrument::default() };
    for _ in 0..TURNS {
        instrument.outside.extend(outside()?);
        instrument.inside.extend(inside(cages, host, cancel)?);
    }
    Ok(instrument)
}

/// Nanoseconds a request of a schedule whose requests are all due and do nothing.
fn batch() -> u64 {
    let begun = Instant::now();
    let reply = pace::open_loop(&pace::Monotonic, 1, REQUESTS, &mut || {});
    let nanos = pace::nanos(begun.elapsed());
    nanos / reply.samples.len().max(1) as u64
}

/// The timer on the host, in a thread of its own, since it keeps its timers exact from then on.
fn outside() -> Result<Vec<u64>, Error> {
    let timer = || -> Result<Vec<u64>, crate::workload::Error> {
        victim::exact_timers()?;
        Ok(pace::open_loop(&pace::Monotonic, PERIOD, LENGTH, &mut || {}).samples)
    };
    let outcome = std::thread::scope(|scope| scope.spawn(timer).join());
    outcome
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        .map_err(|error| Error::Ended { what: "the timer outside".into(), how: error.to_string() })
}

fn inside(cages: &Cages, host: &Host, cancel: &Cancel) -> Result<Vec<u64>, Error> {
    let request = json!({"victim": {
        "seconds": LENGTH as f64 / 1e9, "period": PERIOD, "work": {"timer": {}},
    }});
    let request: Request =
        serde_json::from_value(request).map_err(|error| Error::Placeholder(error.to_string()))?;
    let config = cages.plain("victim")?;
    let mut session =
        Session::launch("the timer inside", &config, &request, (cages.bundle(), "victim", host), cancel)?;
    session.go()?;
    Ok(session.finish(1, LIMIT, cancel)?.pop().unwrap_or_default().samples)
}

/// CPU time as a share of one CPU over a time.
pub(super) fn share(cpu: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { cpu as f64 / 1e9 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_does_nothing_takes_a_few_clock_reads() {
        let nanos = batch();
        assert!((1..100_000).contains(&nanos), "{nanos}");
    }

    #[test]
    fn a_share_is_of_one_cpu() {
        assert!((share(5_000_000, 0.5) - 0.01).abs() < 1e-12);
        assert!(share(1, 0.0).abs() < 1e-12);
    }
}
