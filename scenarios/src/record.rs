//! A record as a run begins and ends it: what ran, where, when, and how far its numbers can be trusted.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use isolab_core::host::Host;
use isolab_reports::record::{Launcher, Record};

use crate::cancel::{Cancel, Cancelled};
use crate::{noise, revision};

/// A record without results. Calibrates, see [`noise::calibrate`].
///
/// # Errors
/// When cancelled.
pub fn begin(
    command: &str,
    host: &Host,
    launchers: Vec<Launcher>,
    cancel: &Cancel,
) -> Result<Record, Cancelled> {
    Ok(Record {
        started: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        revision: revision::of_here(),
        noise: noise::calibrate(cancel)?,
        launchers,
        ..Record::new(command, host.clone())
    })
}

/// The commit that this process works in.
#[must_use]
pub fn revision() -> Option<String> {
    revision::of_here()
}

/// Notes how long the run took that began then, and the load at its end.
pub fn end(record: &mut Record, begun: Instant) {
    record.seconds = begun.elapsed().as_secs_f64();
    record.noise.load[1] = noise::load().unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_results_is_one() {
        let begun = Instant::now();
        let mut record = begin("bench", &crate::testing::host(), Vec::new(), &Cancel::new()).unwrap();
        end(&mut record, begun);
        assert!(record.seconds > 0.0 && record.started > 0 && !record.noise.clock_read.is_empty());
        let scratch = crate::scratch::Scratch::new().unwrap();
        let path = scratch.path().join("record.json");
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), record);
    }
}
