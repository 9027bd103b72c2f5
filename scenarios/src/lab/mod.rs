//! The kernel lab: several kernels, each booted several times under QEMU, the same scenarios in each.
//!
//! What is to be booted is found by name or file ([`kernel`]); what each guest does is a [`guest::Job`] in an initramfs; QEMU
//! runs it ([`machine`]); [`plan`] says which boot comes when, and [`run`] does them.

pub mod bisect;
pub mod calibrate;
mod collect;
pub mod command;
pub mod equip;
mod error;
pub mod guest;
pub mod kernel;
mod layout;
pub mod machine;
pub mod plan;
mod pool;
pub mod question;
pub mod run;
pub mod suite;
pub mod testing;
mod tool;

pub use collect::ran_as_meant;
pub use error::Error;
