mod draw;
mod faults;
mod libseccomp;
mod meaning;
mod model;
mod names;
mod random;
mod size;
mod violations;

use super::{Arch, Call, Filter, Program};
use oci_spec::runtime::LinuxSeccomp;

/// `AUDIT_ARCH_*`, written out again so that a slip in the compiler's own cannot hide.
const X86_64: u32 = 0xC000_003E;
const X86: u32 = 0x4000_0003;
const AARCH64: u32 = 0xC000_00B7;
const ARM: u32 = 0x4000_0028;

const KILL_PROCESS: u32 = 0x8000_0000;
const ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = 0x0005_0001;
const ENOSYS: u32 = 0x0005_0026;

fn profile(json: &str) -> LinuxSeccomp {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error} in {json}"))
}

fn compiled(profile: &LinuxSeccomp, arch: Arch) -> Program {
    Filter::new(profile, arch).expect("a valid profile").compile().expect("a short program")
}

fn call(arch: u32, nr: u32, args: [u64; 6]) -> Call {
    Call { arch, nr, ip: 0x7f00_1234_5678, args }
}
