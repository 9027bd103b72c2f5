//! What the live fuzz targets launch, and `isolab run --from-fuzz` launches again.
//!
//! An [`Input`] is drawn from a fuzzer's bytes: a config that is harmless to launch, and what its workload does. The workload
//! is a [`puppet`], a program of a few instructions that makes the system calls that it is told to: so one launch can be asked
//! many things from inside, and ends in a way that is known before. All of it happens on a [`Ground`] of its own.

pub mod acts;
mod ground;
mod input;
mod janitor;
mod look;
pub mod model;
mod outside;
pub mod puppet;
mod replay;
mod rules;

pub use ground::{Ground, Held, ID};
pub use input::{Act, Call, End, Input, MOST};
pub use look::{Found, look};
pub use outside::Outside;
pub use replay::{Error, Replay, Times, replay};
pub use rules::{Decision, decided};

use isolab_core::host::Host;

/// Runs `work` on a thread with mount, network, uts and ipc namespaces of its own: what a launch lets out reaches those and
/// not the host. Says whether it does so, which takes root.
///
/// # Errors
/// When the namespaces are refused.
pub fn staged<T: Send>(host: &Host, work: impl FnOnce(bool) -> T + Send) -> std::io::Result<T> {
    crate::stage::on_stage(host, work)
}

/// The number of this thread, whose namespaces are those that a container's differ from.
#[must_use]
pub fn own_thread() -> i32 {
    crate::stage::own_thread()
}
