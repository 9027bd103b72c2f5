//! When an aggressor ends: its stdin ends, or its time is over.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Shared by the threads of an aggressor, each of which asks it after every unit of work.
#[derive(Clone)]
pub(super) struct Stop {
    deadline: Instant,
    told: Arc<AtomicBool>,
}

impl Stop {
    /// Ends after `seconds`, or when `input` ends. The thread that waits for that end is never joined: the process ends first.
    pub(super) fn new(seconds: f64, mut input: impl Read + Send + 'static) -> Stop {
        let told = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&told);
        std::thread::spawn(move || {
            // An error ends the workload just as the end of the input does: there is no one left to tell it to stop.
            while matches!(input.read(&mut [0; 16]), Ok(1..)) {}
            tell.store(true, Ordering::Relaxed);
        });
        let length = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Stop { deadline: Instant::now() + length, told }
    }

    pub(super) fn reached(&self) -> bool {
        self.told.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_its_input() {
        let stop = Stop::new(60.0, std::io::empty());
        let begun = Instant::now();
        while !stop.reached() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn it_ends_with_its_time_while_the_input_is_open() {
        let (input, kept) = std::io::pipe().unwrap();
        let stop = Stop::new(0.05, input);
        assert!(!stop.reached());
        std::thread::sleep(Duration::from_millis(60));
        assert!(stop.reached());
        drop(kept);
    }
}
