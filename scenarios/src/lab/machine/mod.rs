//! The machine that a guest runs on: QEMU, its command line, its process.

mod boot;
mod choice;
mod qemu;
mod starved;

pub use boot::{Boot, Booted};
pub use choice::{Choice, choose};
pub use qemu::{Accelerator, Qemu, become_qemu};

/// Memory of a guest, in MiB.
pub const MEMORY: u32 = 1024;
