//! seccomp(2): an OCI profile, compiled to the BPF program that decides on each system call. Pure data and functions;
//! nothing here touches the kernel, and [`Program::decide`] answers without it.
//!
//! ```
//! # use isolab_core::seccomp::{Arch, Call, Filter, action, number};
//! let profile = serde_json::from_str(r#"{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
//!     { "names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133 } ] }"#)?;
//! let program = Filter::new(&profile, Arch::X86_64).unwrap().compile().unwrap();
//! let nr = number(Arch::X86_64, "unshare").unwrap();
//! let call = Call { arch: Arch::X86_64.audit(), nr, ip: 0, args: [0; 6] };
//! assert_eq!(program.decide(&call).action, action::ERRNO | 133);
//! # Ok::<_, serde_json::Error>(())
//! ```
//!
//! # What a profile means
//!
//! The runtime-spec leaves much open; where it does, profiles here mean what they mean to runc and libseccomp, and
//! each difference is named.
//!
//! *Precedence.* The conditions of one entry must all be met; but if two of them are on the same argument, any one
//! suffices (runc, crun). Entries for the same call are alternatives. The first entry without conditions wins over all
//! other entries for that call; among those with conditions the first in the profile that is met (libseccomp has an
//! order of its own where such entries overlap with different actions, and refuses some). An entry whose action is the
//! default action has no effect.
//!
//! *Comparisons* are unsigned, over all 64 bits. On 32-bit ABIs a sign-extended negative value stands for its lower
//! half; other values above 32 bits match as they compare (libseccomp cuts them to 32 bits).
//!
//! *Architectures.* The native ABI is always governed, others of the same machine if they are listed. A call through
//! any other ABI, x32 included, kills the process (libseccomp's default kills the thread, which can leave the others
//! waiting for it for ever). Under x86_64, numbers from `0x4000_0000` on count as x32, save -1.
//!
//! *Calls newer than the profile*, those above the highest number among its names (runc's measure of its age), fail
//! with ENOSYS, as does -1, so that programs fall back; unless the default action is to allow, log or trace. runc
//! does this only for architectures that are listed; here it holds for the native one too.
//!
//! *Multiplexed calls.* On i386 an entry for `socket` or `semget` also governs it through `socketcall` and `ipc`. There
//! a filter cannot see the call's arguments, so if entries have conditions, the strictest of the actions that
//! they could lead to is taken (libseccomp takes the entry's action: a call allowed for some arguments, it allows for
//! all). An entry without conditions for `socketcall` or `ipc` itself wins over this.
//!
//! *Names* that no governed ABI has are left out and listed in [`Filter::skipped`].
//!
//! # What is refused
//!
//! `SCMP_ACT_NOTIFY` without a `listenerPath`, as the default action, or for `write` (the latter two as runc); an errno for an action that takes none, or out of range; an argument
//! index above 5; an entry without names; a program longer than the kernel takes.
//!
//! # What it costs
//!
//! A call runs through a binary search over the spans of numbers that share a reply, so a profile of 400 names takes 14
//! instructions at most for any native call, before arguments are looked at; that of an engine takes 11. A chain of
//! comparisons, libseccomp's default, takes hundreds, and the kernel runs them for every number when it loads them
//! (`seccomp_cache_prepare`).

pub mod action;
mod arch;
mod assembler;
mod compile;
mod filter;
mod interpret;
pub mod listener;
mod multiplex;
mod profile;
mod program;
mod rule;
mod table;
#[cfg(test)]
mod tests;
mod tree;

pub use arch::Arch;
pub use filter::Filter;
pub use interpret::{Call, Decision, Malformed, interpret, verify};
pub use program::{Instruction, Program};
pub use table::number;
