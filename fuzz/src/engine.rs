//! What runs when libFuzzer calls.
//!
//! With `ISOLAB_RATE=FILE` it is noted there, once a second, how many inputs were run, how many seconds passed since the first,
//! and how many of those within the property: the last over the one before is the share that libFuzzer leaves to the property,
//! that is its rate with libFuzzer over its rate without, for the same inputs under the same sanitizer.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::Target;

struct Meter {
    file: PathBuf,
    begun: Instant,
    noted: Instant,
    inputs: u64,
    within: Duration,
}

fn meter() -> Option<&'static Mutex<Meter>> {
    static METER: OnceLock<Option<Mutex<Meter>>> = OnceLock::new();
    let new = || {
        let file = PathBuf::from(std::env::var_os("ISOLAB_RATE")?);
        let begun = Instant::now();
        Some(Mutex::new(Meter { file, begun, noted: begun, inputs: 0, within: Duration::ZERO }))
    };
    METER.get_or_init(new).as_ref()
}

/// Runs the property, and measures it when that is asked for.
///
/// # Panics
/// When the property does not hold, or the rate cannot be written.
pub fn run(target: &Target, bytes: &[u8]) {
    let Some(meter) = meter() else { return (target.holds)(bytes) };
    let begun = Instant::now();
    (target.holds)(bytes);
    let ended = Instant::now();
    let mut meter = meter.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    meter.inputs += 1;
    meter.within += ended - begun;
    if ended - meter.noted >= Duration::from_secs(1) {
        meter.noted = ended;
        let line = format!(
            "{} {:.3} {:.3}\n",
            meter.inputs,
            (ended - meter.begun).as_secs_f64(),
            meter.within.as_secs_f64()
        );
        std::fs::write(&meter.file, line)
            .unwrap_or_else(|error| panic!("write {}: {error}", meter.file.display()));
    }
}
