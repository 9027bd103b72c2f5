//! Operations on control groups: what the core makes, changes, freezes, kills and removes is what the kernel's documentation says,
//! and in the end nothing is left.

mod check;
mod host;
mod input;
mod kernel;
mod live;
mod model;
mod process;

pub use input::Input;

use std::sync::{Mutex, PoisonError};

use crate::target::{Target, draw, drawn};
use live::Live;

/// See above.
pub const TARGET: Target = Target { name: "cgroup_ops", holds: cgroup_ops, show: drawn::<Input>, live: true };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn cgroup_ops(bytes: &[u8]) {
    if let Some(input) = draw::<Input>(bytes) {
        holds(&input);
    }
}

/// How many operations there were that made sense, and how many of them succeeded; nothing where nothing can be tried.
///
/// # Panics
/// When the property does not hold.
pub fn holds(input: &Input) -> Option<(usize, usize)> {
    // The groups are this process's, so one thread at a time.
    static TURN: Mutex<()> = Mutex::new(());
    let known = host::known()?;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut live = Live::new(known, input);
    let (mut tried, mut succeeded) = (0, 0);
    for op in &input.ops {
        if let Some(done) = live.perform(op) {
            tried += 1;
            succeeded += usize::from(done);
            live.check(op);
        }
    }
    live.finish();
    Some((tried, succeeded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use input::{Limits, Op};

    /// It is in the first group's v1 hierarchy still, and no longer in the v2 group that is killed as a whole.
    #[test]
    fn what_has_left_the_v2_group_alone_is_killed_too() {
        let limits = Limits { pids: Some(100), ..Limits::default() };
        let ops = vec![
            Op::Make { name: 0, limits, everywhere: false },
            Op::Make { name: 1, limits: Limits::default(), everywhere: false },
            Op::Join(0),
            Op::Join(1),
            Op::Kill { name: 0, v1: false },
        ];
        let done = holds(&Input { ops });
        assert!(done.is_none_or(|done| done == (5, 5)), "{done:?}");
    }

    /// The kernel gives a group that is not idle any more the default weight, not the one it had.
    #[test]
    fn an_update_that_is_refused_gives_the_weight_back() {
        let first = Limits { pids: Some(100), shares: Some(3), ..Limits::default() };
        let second = Limits { pids: Some(4_194_305), idle: Some(1), ..Limits::default() };
        let ops = vec![Op::Make { name: 0, limits: first, everywhere: false }, Op::Update(0, second)];
        let done = holds(&Input { ops });
        assert!(done.is_none_or(|done| done == (2, 1)), "{done:?}");
    }
}
