//! A profile about harmless calls, and up to 16 of them with arguments at and next to what it compares with.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};
use isolab_core::seccomp::{Arch, Call};
use isolab_core::sys::sequence::{MOST, Made};
use isolab_core::sys::trial::Entry;
use oci_spec::runtime::LinuxSeccomp;

use super::harmless::{HARMLESS, Harmless, NAMES};
use crate::seccomp_profile::calls::meet;
use crate::seccomp_profile::names::{Abi, numbers};
use crate::seccomp_profile::profile;

/// See above.
pub struct Input {
    /// The profile.
    pub profile: LinuxSeccomp,
    /// What is called.
    pub calls: Vec<Chosen>,
}

/// A harmless call through one of the ways into the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Chosen {
    /// Its place in [`HARMLESS`].
    pub index: usize,
    /// The ABI.
    pub abi: Abi,
    /// The number as a filter sees it.
    pub nr: u32,
    /// The arguments.
    pub args: [u64; 6],
}

/// Numbers of nothing, for the call without a name.
const NOTHING: [u32; 5] = [600, 0x3fff_ffff, 0x000f_0000, u32::MAX, 0x7fff_ffff];

impl Chosen {
    /// A call through an ABI; nothing where that does not have it, or it would not be harmless.
    #[must_use]
    pub fn new(index: usize, abi: Abi, args: [u64; 6]) -> Option<Chosen> {
        let harmless = HARMLESS[index];
        let known = numbers(harmless.name)[abi as usize];
        let nothing = harmless.name.is_empty().then(|| NOTHING[args[0] as usize % NOTHING.len()]);
        let nr = known.map(|number| abi.seen(number)).or(nothing)?;
        let mut fit = harmless.args.into_iter().zip(args).map(|(arg, drawn)| arg.fit(drawn, abi));
        let args = std::array::from_fn(|_| fit.next().unwrap_or_default());
        (harmless.narrow || !abi.is_narrow()).then_some(Chosen { index, abi, nr, args })
    }

    /// What it is.
    #[must_use]
    pub fn harmless(&self) -> &'static Harmless {
        &HARMLESS[self.index]
    }

    /// As a filter sees it.
    #[must_use]
    pub fn call(&self) -> Call {
        Call { arch: self.abi.audit(), nr: self.nr, ip: 0, args: self.args }
    }

    /// As it is made.
    #[must_use]
    pub fn made(&self) -> Made {
        let entry = if self.abi == Abi::X86 { Entry::I386 } else { Entry::Native };
        Made { entry, number: self.nr, args: self.args }
    }
}

/// The ABIs that are called through here, the native one first.
pub const ABIS: &[Abi] = match Arch::NATIVE {
    Arch::X86_64 => &[Abi::X86_64, Abi::X86, Abi::X32],
    Arch::Aarch64 => &[Abi::Aarch64],
};

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let profile = profile::draw(u, NAMES)?;
        let count = u.int_in_range(1..=MOST)?;
        let calls = (0..count).map(|_| chosen(u, &profile)).collect::<Result<_>>()?;
        Ok(Input { profile, calls })
    }
}

/// More often than not a call that the profile names.
fn chosen(u: &mut Unstructured<'_>, profile: &LinuxSeccomp) -> Result<Chosen> {
    let entries = profile.syscalls().as_deref().unwrap_or_default();
    let entry = if entries.is_empty() { None } else { Some(u.choose(entries)?) };
    let mut index = u.int_in_range(0..=HARMLESS.len() - 1)?;
    let names = entry.map(|entry| entry.names().as_slice()).unwrap_or_default();
    if !names.is_empty() && u.int_in_range(0..=3u8)? < 3 {
        let name = u.choose(names)?;
        index = HARMLESS.iter().position(|harmless| harmless.name == name).unwrap_or(index);
    }
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = profile::value(u)?;
    }
    meet(u, &mut args, entry)?;
    let native = ABIS[0];
    let abi = *[native, native, native]
        .iter()
        .chain(ABIS)
        .nth(u.int_in_range(0..=ABIS.len() + 2)?)
        .unwrap_or(&native);
    let fallback = Chosen::new(0, native, args).ok_or(arbitrary::Error::IncorrectFormat);
    Chosen::new(index, abi, args).or_else(|| Chosen::new(index, native, args)).map_or(fallback, Ok)
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = serde_json::to_string(&self.profile).map_err(|_| fmt::Error)?;
        writeln!(f, "{profile}")?;
        for call in &self.calls {
            let Chosen { abi, nr, args, .. } = call;
            writeln!(f, "{} ({abi:?}, {nr:#x}) {args:x?}", call.harmless().name)?;
        }
        Ok(())
    }
}
