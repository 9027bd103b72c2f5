//! Victim: wakes up on a schedule. A sample is the delay past the intended wake-up.
//!
//! This is what an audio callback, a poll loop or a heartbeat feels: the time until the scheduler lets it run. The kernel's
//! default timer slack (50 µs, prctl(2) `PR_SET_TIMERSLACK`) would hide small delays, so it is turned off.

use std::io;

use isolab_core::sys::clock;
use serde::{Deserialize, Serialize};

use super::pace::{self, Monotonic};
use super::{Error, Reply, Start};

/// Parameters of the timer victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timer {
    /// Nanoseconds between two wake-ups.
    pub period: u64,
}

impl Timer {
    pub(super) fn run(&self, seconds: f64, start: &mut Start<'_>) -> Result<Reply, Error> {
        // 1 ns is the least; 0 would bring the default back.
        clock::set_timer_slack(1).map_err(|errno| Error::Io {
            operation: "turn timer slack off".into(),
            source: io::Error::from_raw_os_error(errno.into_raw()),
        })?;
        start()?;
        Ok(pace::open_loop(&Monotonic, self.period, pace::from_seconds(seconds), &mut || {}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_a_sample_every_period() {
        let reply = Timer { period: 1_000_000 }.run(0.02, &mut || Ok(())).unwrap();
        assert_eq!(reply.samples.len(), 20);
        assert!(reply.samples.iter().all(|&sample| sample > 0), "a wake-up is never early");
        assert!(reply.seconds >= 0.02);
    }

    #[test]
    fn it_does_not_run_unless_started() {
        let refused = Timer { period: 1_000 }.run(1.0, &mut || Err(Error::NotStarted));
        assert!(matches!(refused, Err(Error::NotStarted)));
    }
}
