//! One thread of an aggressor: units of work, with rests in between when it is not to give all.

use std::io;
use std::time::{Duration, Instant};

use super::Unit;
use crate::workload::stop::Stop;

/// Work and rest take turns within this time: shorter than any request is late when it matters, longer than a unit.
const TURN: Duration = Duration::from_millis(5);

/// Works for the share `intensity` of the time, until it is to stop. Returns the units done.
///
/// # Errors
/// Of the work.
pub(super) fn work(mut unit: Unit, intensity: f64, stop: &Stop) -> io::Result<u64> {
    let mut units = 0;
    while !stop.reached() {
        let begun = Instant::now();
        let busy = TURN.mul_f64(intensity.clamp(0.0, 1.0));
        while begun.elapsed() < busy && !stop.reached() {
            units += unit()?;
        }
        if intensity < 1.0 {
            // As long a rest as the work really took, which a unit may make longer.
            let rest = begun.elapsed().div_f64(intensity.max(0.01)).saturating_sub(begun.elapsed());
            std::thread::sleep(rest);
        }
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_intensity_is_half_of_the_time() {
        let (input, kept) = io::pipe().unwrap();
        let stop = Stop::new(0.2, input);
        let busy = std::rc::Rc::new(std::cell::Cell::new(Duration::ZERO));
        let counted = std::rc::Rc::clone(&busy);
        let unit = Box::new(move || {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_micros(500) {}
            counted.set(counted.get() + begun.elapsed());
            Ok(1)
        });
        let begun = Instant::now();
        let units = work(unit, 0.5, &stop).unwrap();
        drop(kept);
        let share = busy.get().as_secs_f64() / begun.elapsed().as_secs_f64();
        assert!(units > 0 && share < 0.75, "{share}");
    }
}
