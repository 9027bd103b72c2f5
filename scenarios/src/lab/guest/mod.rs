//! The guest: what is carried in, and what runs there as its first process.
//!
//! Outside, an [`initramfs`] is written, with a [`Job`] and with what is carried in ([`carry`], [`apparmor`], [`modules`]).
//! Inside, [`init`] does the job, and is heard over a serial port ([`wire`]).

pub mod apparmor;
pub mod carry;
mod cpio;
pub mod disk;
mod error;
pub mod init;
pub mod initramfs;
pub mod job;
mod libraries;
pub mod modules;
pub mod wire;

pub use carry::Carried;
pub use error::Error;
pub use job::{CgroupVersion, Command, End, Job, Message};
