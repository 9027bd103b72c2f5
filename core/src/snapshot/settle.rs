//! Time for what goes away by itself: the kernel removes groups, namespaces and their mounts late.

use std::thread;
use std::time::{Duration, Instant};

use super::{HostSnapshot, Left, Scope};
use crate::host::Host;

/// Between two looks, growing.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(50);

/// What is left in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Nothing, at once.
    Nothing,
    /// Nothing, but only after this time. Whoever launches again at once finds what was there until then.
    Late(Duration),
    /// This, after all the time.
    Left(Vec<Left>),
}

/// Looks until nothing is left, for at most `within`.
#[must_use]
pub fn settle(scope: &Scope, host: &Host, before: &HostSnapshot, within: Duration) -> Settled {
    let start = Instant::now();
    let mut pause = SHORTEST;
    let mut late = false;
    loop {
        let since = start.elapsed();
        let left = before.diff(&HostSnapshot::take(scope, host));
        match (left.is_empty(), late) {
            (true, false) => return Settled::Nothing,
            (true, true) => return Settled::Late(since),
            (false, _) if since >= within => return Settled::Left(left),
            (false, _) => late = true,
        }
        thread::sleep(pause.min(within.saturating_sub(since)));
        pause = (pause * 2).min(LONGEST);
    }
}
