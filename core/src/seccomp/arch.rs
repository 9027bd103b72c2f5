//! Architectures, and the system-call ABIs that a kernel of each serves. A seccomp filter tells ABIs apart by
//! `AUDIT_ARCH_*`, but for x32, which shares x86_64's value and marks its numbers with bit 30 (seccomp(2)).

use crate::planted::planted;
use oci_spec::runtime::Arch as Listed;

/// An architecture that a container can run on, with little-endian memory and 64-bit registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// x86_64; it also runs i386 and, on kernels built for it, x32.
    X86_64,
    /// aarch64; it also runs 32-bit ARM where the processor does.
    Aarch64,
}

impl Arch {
    /// The architecture that this program was built for.
    #[cfg(target_arch = "x86_64")]
    pub const NATIVE: Arch = Arch::X86_64;
    /// The architecture that this program was built for.
    #[cfg(target_arch = "aarch64")]
    pub const NATIVE: Arch = Arch::Aarch64;

    /// `AUDIT_ARCH_*` of the native ABI, as it stands in `seccomp_data.arch`.
    pub fn audit(self) -> u32 {
        self.abi().audit()
    }

    /// The native ABI.
    pub(super) fn abi(self) -> Abi {
        match self {
            Arch::X86_64 => Abi::X86_64,
            Arch::Aarch64 => Abi::Aarch64,
        }
    }

    /// The ABIs that a profile governs here: the native one always, the others if listed. Listed architectures that
    /// this one never runs make no calls here and are left out. ABIs that share a value of `AUDIT_ARCH_*` are
    /// neighbours.
    pub(super) fn governed(self, listed: &[Listed]) -> Vec<Abi> {
        let others: &[(Listed, Abi)] = match self {
            Arch::X86_64 => &[(Listed::ScmpArchX32, Abi::X32), (Listed::ScmpArchX86, Abi::X86)],
            Arch::Aarch64 => &[(Listed::ScmpArchArm, Abi::Arm)],
        };
        let others = others.iter().filter(|(name, _)| listed.contains(name)).map(|&(_, abi)| abi);
        std::iter::once(self.abi()).chain(others).collect()
    }
}

/// What x32 adds to its numbers (`__X32_SYSCALL_BIT`).
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// A set of system-call numbers with their calling convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abi {
    X86_64,
    X32,
    X86,
    Aarch64,
    Arm,
}

impl Abi {
    /// `AUDIT_ARCH_*` of `linux/audit.h`.
    pub(super) fn audit(self) -> u32 {
        match self {
            Abi::X86_64 | Abi::X32 => 0xc000_003e,
            Abi::X86 => 0x4000_0003,
            Abi::Aarch64 => 0xc000_00b7,
            Abi::Arm => 0x4000_0028,
        }
    }

    /// The number that its call 0 has in `seccomp_data.nr`.
    pub(super) fn base(self) -> u32 {
        if self == Abi::X32 { X32_BIT } else { 0 }
    }

    /// Whether arguments are 32 bits wide, with the upper half of `seccomp_data.args` zero. Not so for x32: its
    /// arguments arrive in 64-bit registers, whose upper halves the caller chooses.
    pub(super) fn has_32_bit_arguments(self) -> bool {
        matches!(self, Abi::X86 | Abi::Arm) || self == Abi::X32 && planted("x32-arguments-narrow")
    }
}
