//! Aggressor: spins on CPUs. A unit of work is 10,000 steps of integer arithmetic that touches no memory.

use std::hint::black_box;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::stop::Stop;
use super::{Error, Reply, Start};

/// Parameters of the CPU hog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpuHog {
    /// Spinning threads.
    pub threads: usize,
}

impl CpuHog {
    pub(super) fn run(&self, seconds: f64, start: &mut Start<'_>) -> Result<Reply, Error> {
        start()?;
        let stop = Stop::new(seconds, std::io::stdin());
        Ok(in_threads(self.threads, &|| count(&stop)))
    }
}

/// Runs the same work in each thread and adds up the units.
pub(super) fn in_threads(threads: usize, work: &(dyn Fn() -> u64 + Sync)) -> Reply {
    let begun = Instant::now();
    let work = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        // A thread that panicked has already said so on stderr; its work does not count.
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    Reply { work, seconds: begun.elapsed().as_secs_f64(), ..Reply::default() }
}

fn count(stop: &Stop) -> u64 {
    let mut units = 0;
    let mut word = 1u64;
    while !stop.reached() {
        for _ in 0..10_000 {
            // Each step needs the one before, and the compiler may not see through it.
            word = black_box(word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
        units += 1;
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_adds_up_over_threads() {
        let reply = in_threads(3, &|| 7);
        assert_eq!(reply.work, 21);
    }

    #[test]
    fn it_works_until_its_time_is_over() {
        let (input, kept) = std::io::pipe().unwrap();
        let stop = Stop::new(0.05, input);
        let reply = in_threads(1, &|| count(&stop));
        drop(kept);
        assert!(reply.work > 0);
        assert!((0.05..5.0).contains(&reply.seconds), "{}", reply.seconds);
    }
}
