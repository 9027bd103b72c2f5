//! A seccomp profile from bytes: refused where it must be, or compiled to a program that decides as the model.

use isolab_core::seccomp::Arch;

use super::{calls, compiled, decides};
use crate::target::{Target, text};

/// See above.
pub const TARGET: Target =
    Target { name: "seccomp_profile_bytes", holds: seccomp_profile_bytes, show: text, live: false };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn seccomp_profile_bytes(bytes: &[u8]) {
    let Ok(profile) = serde_json::from_slice(bytes) else { return };
    for arch in [Arch::X86_64, Arch::Aarch64] {
        if let Some(program) = compiled(&profile, arch) {
            decides(&profile, arch, &program, &calls::about(&profile));
        }
    }
}
