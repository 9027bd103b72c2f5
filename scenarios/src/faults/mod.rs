//! Faults: a launch in which something fails, for everything that can fail in it.
//!
//! A sweep injects one fault into each of many launches and asks the same of all: was an error said or is the container as it
//! is without a fault, is nothing left, did it end in time. What can fail and how it is made to is a module each: the
//! system calls of `core` ([`core`], in a process of its own, [`worker`]), those of other launchers ([`traced`], by strace),
//! resources that run out ([`resources`]), the config itself ([`inputs`]).

pub mod collide;
pub mod core;
mod errno;
mod foreign;
mod ground;
pub mod inputs;
mod mutate;
pub mod resources;
pub mod soak;
mod sweep;
mod tally;
pub mod traced;
pub mod worker;

pub use tally::{Outcome, Trial};

use std::time::Duration;

use crate::schedule::Random;

/// How long a launch with a fault may take: what takes longer hangs.
pub const LIMIT: Duration = Duration::from_secs(10);
/// How long what goes by itself may take to go.
pub const SETTLE: Duration = Duration::from_secs(2);

/// Which of `all` to try, in their order: as many as asked for, drawn by a seed.
fn sample(all: usize, asked: Option<usize>, seed: u64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..all).collect();
    let Some(asked) = asked.filter(|asked| *asked < all) else { return places };
    let mut random = Random::new(seed);
    for at in 0..asked {
        let rest = (all - at) as u64;
        let other = at + usize::try_from(random.next() % rest).unwrap_or(0);
        places.swap(at, other);
    }
    places.truncate(asked);
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_drawn_by_its_seed_and_in_order() {
        assert_eq!(sample(3, None, 1), [0, 1, 2]);
        assert_eq!(sample(3, Some(9), 1), [0, 1, 2]);
        let one = sample(1000, Some(50), 1);
        assert!(one.len() == 50 && one.is_sorted() && one != sample(1000, Some(50), 2));
        assert_eq!(one, sample(1000, Some(50), 1));
    }
}
