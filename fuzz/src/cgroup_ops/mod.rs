//! Operations on control groups: what the core makes, changes, freezes, kills and removes is what the kernel's documentation says,
//! and in the end nothing is left.

mod host;
mod input;
mod kernel;
mod live;
mod model;
mod process;

pub use input::Input;

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
    let mut live = Live::new(host::known()?, input);
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
