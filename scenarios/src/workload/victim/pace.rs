//! Open loop: requests arrive on a schedule, and latency counts from the *intended* start.
//!
//! A closed loop (next request when the last is done) omits exactly the requests that a stall would have hit. Here a stall
//! of ten periods makes ten late samples, because ten requests were due during it.

use std::time::Duration;

use isolab_core::sys::clock;

use crate::workload::Reply;

/// How long after the end of the schedule a backlog is still served.
const GRACE: u64 = 1_000_000_000;

/// Time as a victim sees it. The tests have a clock of their own.
pub(crate) trait Clock {
    /// Nanoseconds since some fixed moment.
    fn now(&self) -> u64;
    /// Returns at `deadline` (in terms of [`Clock::now`]) or later, at once when it has passed.
    fn sleep_until(&self, deadline: u64);
}

/// The kernel's monotonic clock.
pub(crate) struct Monotonic;

impl Clock for Monotonic {
    fn now(&self) -> u64 {
        clock::monotonic()
    }

    fn sleep_until(&self, deadline: u64) {
        clock::sleep_until(deadline);
    }
}

/// Nanoseconds of a duration; a duration of more than 584 years is not measured here.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds, as requests carry them, as nanoseconds; nothing for what is not a positive time.
pub(crate) fn from_seconds(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds).map_or(0, nanos)
}

/// Serves one request every `period` for `length` nanoseconds. A request that is still due [`GRACE`] after the schedule's end is
/// not served: its sample is the delay that it had reached by then, a lower bound, and [`Reply::unserved`] counts it.
pub(crate) fn open_loop(clock: &dyn Clock, period: u64, length: u64, serve: &mut dyn FnMut()) -> Reply {
    let begun = clock.now();
    let count = length / period.max(1);
    let give_up = begun + length + GRACE;
    let mut reply = Reply::default();
    for request in 1..=count {
        let intended = begun + request * period;
        clock.sleep_until(intended);
        if clock.now() < give_up {
            serve();
            reply.work += 1;
        } else {
            reply.unserved += 1;
        }
        reply.samples.push(clock.now().saturating_sub(intended));
    }
    reply.seconds = Duration::from_nanos(clock.now() - begun).as_secs_f64();
    reply
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Wakes up 5 ns late, and time passes only where the test says so.
    struct Fake(Cell<u64>);

    impl Clock for Fake {
        fn now(&self) -> u64 {
            self.0.get()
        }
        fn sleep_until(&self, deadline: u64) {
            if deadline > self.0.get() {
                self.0.set(deadline + 5);
            }
        }
    }

    #[test]
    fn an_idle_host_shows_the_wake_up_delay_alone() {
        let clock = Fake(Cell::new(1_000));
        let reply = open_loop(&clock, 100, 1_000, &mut || {});
        assert_eq!(reply.samples, [5; 10]);
        assert_eq!((reply.work, reply.unserved), (10, 0));
    }

    #[test]
    fn a_stall_delays_every_request_that_was_due_during_it() {
        let clock = Fake(Cell::new(0));
        let mut requests = 0;
        let reply = open_loop(&clock, 100, 800, &mut || {
            requests += 1;
            clock.0.set(clock.0.get() + if requests == 2 { 350 } else { 1 });
        });
        // The second request takes 350 ns: the next three were due at 300, 400 and 500 and could not start before 555.
        assert_eq!(reply.samples, [6, 355, 256, 157, 58, 6, 6, 6]);
    }

    #[test]
    fn a_backlog_is_given_up_but_not_forgotten() {
        let clock = Fake(Cell::new(0));
        let reply = open_loop(&clock, 100, 400, &mut || clock.0.set(clock.0.get() + 2 * GRACE));
        assert_eq!((reply.work, reply.unserved, reply.samples.len()), (1, 3, 4));
        assert!(reply.samples.iter().all(|&sample| sample > GRACE), "{:?}", reply.samples);
    }

    #[test]
    fn times_that_are_none_make_no_requests() {
        assert_eq!(from_seconds(f64::NAN), 0);
        assert_eq!(from_seconds(-1.0), 0);
        assert_eq!(from_seconds(0.5), 500_000_000);
        assert!(open_loop(&Fake(Cell::new(0)), 0, 0, &mut || {}).samples.is_empty());
    }
}
