//! A profile, calls near what it compares with, and a spoilt copy of its program, drawn from bytes.
//!
//! Most profiles are valid: what is refused is drawn seldom. Where bytes run out, the plainest choice is made.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};
use isolab_core::seccomp::{Arch, Call};
use oci_spec::runtime::LinuxSeccomp;

use super::spoil::Spoilt;
use super::{calls, profile};

/// See above.
pub struct Input {
    /// What it is compiled for.
    pub arch: Arch,
    /// The profile.
    pub profile: LinuxSeccomp,
    /// What is asked about.
    pub calls: Vec<Call>,
    /// Changes to the compiled program.
    pub spoilt: Vec<Spoilt>,
    /// Which of the slow oracles are asked too.
    pub asked: Asked,
}

/// The slow oracles: each is asked about few inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// None of them.
    Neither,
    /// libseccomp; of its two ways through a filter the tree.
    Library {
        /// A binary tree, instead of a chain.
        tree: bool,
    },
    /// The kernel.
    Kernel,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let asked = asked(u.peek_bytes(u.len()).unwrap_or_default());
        let arch = if u.int_in_range(0..=3)? == 3 { Arch::Aarch64 } else { Arch::X86_64 };
        let profile = profile::draw(u, profile::FAVOURITES)?;
        let count = u.int_in_range(8..=24)?;
        let calls = (0..count).map(|_| calls::draw(u, &profile, arch)).collect::<Result<_>>()?;
        let count = u.int_in_range(0..=6u8)?.saturating_sub(3);
        let spoilt = (0..count).map(|_| Spoilt::arbitrary(u)).collect::<Result<_>>()?;
        Ok(Input { arch, profile, calls, spoilt, asked })
    }
}

/// By a hash of all bytes and not by one of them, which a fuzzer would keep as it is once it has led to something new: then most
/// inputs would be slow ones.
fn asked(bytes: &[u8]) -> Asked {
    // FNV-1a, of which the upper bits are the better ones.
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    match bytes.iter().fold(0xcbf2_9ce4_8422_2325, hash) >> 32 & 127 {
        0 => Asked::Kernel,
        1..=3 => Asked::Library { tree: false },
        4 => Asked::Library { tree: true },
        _ => Asked::Neither,
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = serde_json::to_string(&self.profile).map_err(|_| fmt::Error)?;
        writeln!(f, "{:?}, {:?}: {profile}", self.arch, self.asked)?;
        for call in &self.calls {
            writeln!(f, "arch {:#x} nr {:#x} args {:x?}", call.arch, call.nr, call.args)?;
        }
        writeln!(f, "{:?}", self.spoilt)
    }
}
