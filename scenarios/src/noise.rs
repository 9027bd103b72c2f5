//! How far the numbers of a run can be trusted: load, the cost of the clock, and time that this process did not get.

use std::hint::black_box;
use std::time::{Duration, Instant};

use isolab_reports::record::Noise;

use crate::cancel::{Cancel, Cancelled};

/// Clock reads per sample: one read is shorter than what the clock can tell.
const READS: u32 = 64;
/// Samples of the clock's cost.
const SAMPLES: usize = 1_000;
/// How long the spinning thread spins.
const SPIN: Duration = Duration::from_millis(200);
/// A spinning thread that sees the clock jump by more than this was not running: a clock read costs 20 to 60 ns with a vDSO and
/// about 1 µs without, an interrupt or another task takes longer.
const GAP: Duration = Duration::from_micros(5);

/// Calibrates for about 200 ms at the start of a run. `load[1]` is left as it is at the start; see [`load`].
///
/// # Errors
/// When cancelled.
pub fn calibrate(cancel: &Cancel) -> Result<Noise, Cancelled> {
    cancel.check()?;
    let at_start = load().unwrap_or_default();
    Ok(Noise { load: [at_start; 2], clock_read: clock_read(), stolen: stolen(SPIN) })
}

/// The 1-minute load average now; `None` without `/proc/loadavg`.
#[must_use]
pub fn load() -> Option<f64> {
    parse_load(&std::fs::read_to_string("/proc/loadavg").ok()?)
}

fn parse_load(loadavg: &str) -> Option<f64> {
    loadavg.split(' ').next()?.parse().ok()
}

/// Nanoseconds per clock read, each sample the mean of [`READS`] reads.
fn clock_read() -> Vec<u64> {
    let sample = |_| {
        let begun = Instant::now();
        for _ in 0..READS {
            black_box(Instant::now());
        }
        u64::try_from((begun.elapsed() / READS).as_nanos()).unwrap_or(u64::MAX)
    };
    (0..SAMPLES).map(sample).collect()
}

/// The share of `length` that a spinning thread spent in gaps.
fn stolen(length: Duration) -> f64 {
    let begun = Instant::now();
    let reads = std::iter::repeat_with(|| begun.elapsed()).take_while(|&at| at < length);
    let lost = gaps(reads.chain(std::iter::once_with(|| begun.elapsed())));
    lost.as_secs_f64() / begun.elapsed().as_secs_f64()
}

/// The sum of all gaps between successive reads of the clock.
fn gaps(reads: impl Iterator<Item = Duration>) -> Duration {
    let mut last = Duration::ZERO;
    let mut lost = Duration::ZERO;
    for at in reads {
        let passed = at.saturating_sub(last);
        if passed > GAP {
            lost += passed;
        }
        last = at;
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gaps_count_as_stolen() {
        let micros = [1, 2, 3, 103, 104, 105, 125];
        let reads = micros.map(Duration::from_micros).into_iter();
        assert_eq!(gaps(reads), Duration::from_micros(120));
    }

    #[test]
    fn the_first_number_is_the_load_of_one_minute() {
        assert_eq!(parse_load("0.52 0.58 0.59 1/389 12345\n"), Some(0.52));
        assert_eq!(parse_load(""), None);
    }

    #[test]
    fn this_host_can_be_calibrated() {
        let share = stolen(Duration::from_millis(5));
        assert!((0.0..=1.0).contains(&share), "{share}");
        let reads = clock_read();
        assert_eq!(reads.len(), SAMPLES);
        assert!(reads.iter().any(|&cost| cost > 0), "a clock read is not free");
        assert!(load().is_some_and(|load| load >= 0.0));
    }
}
