//! The machine that a guest runs on: QEMU, its command line, its process.

mod boot;
mod choice;
mod qemu;
mod starved;

pub use boot::{Alive, Boot, Booted, Watch};
pub use choice::{Choice, choose};
pub use qemu::{Accelerator, Qemu, become_qemu};

/// Memory of a guest, in MiB, where nothing else is said.
pub const MEMORY: u32 = 1024;
