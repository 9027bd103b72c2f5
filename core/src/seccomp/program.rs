//! The compiled filter as the kernel takes it: classic BPF (`linux/filter.h`, `linux/bpf_common.h`).

use super::action;
use super::interpret::{Call, Decision, interpret};
use super::profile::NEW_LISTENER;

/// One instruction, laid out as the kernel's `struct sock_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// The operation.
    pub code: u16,
    /// Instructions to leave out if a test holds.
    pub jt: u8,
    /// Instructions to leave out if it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// A program for seccomp(2), `SECCOMP_SET_MODE_FILTER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// At most 4096.
    pub instructions: Vec<Instruction>,
    /// `SECCOMP_FILTER_FLAG_*`.
    pub flags: u32,
}

impl Program {
    /// Whether loading it returns a listener, to be handed to [`Filter::listener`](super::Filter::listener).
    pub fn has_listener(&self) -> bool {
        self.flags & NEW_LISTENER != 0
    }

    /// What this program decides on a call. One that no interpreter can run (none that is compiled here) kills.
    pub fn decide(&self, call: &Call) -> Decision {
        let kill = Decision { action: action::KILL_PROCESS, executed: 0 };
        interpret(&self.instructions, call).unwrap_or(kill)
    }
}

/// The longest program that the kernel takes (`BPF_MAXINSNS`).
pub(super) const MAX_INSTRUCTIONS: usize = 4096;

// Operations, out of the few that seccomp allows.
/// `BPF_LD | BPF_W | BPF_ABS`: A = the word at offset k of `struct seccomp_data`.
pub(super) const LOAD: u16 = 0x20;
/// `BPF_ALU | BPF_AND | BPF_K`: A &= k.
pub(super) const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JA`: leave out k instructions.
pub(super) const JUMP: u16 = 0x05;
/// `BPF_JMP | BPF_JEQ | BPF_K`: A == k.
pub(super) const IF_EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGT | BPF_K`: A > k, unsigned.
pub(super) const IF_GREATER: u16 = 0x25;
/// `BPF_JMP | BPF_JGE | BPF_K`: A >= k, unsigned.
pub(super) const IF_AT_LEAST: u16 = 0x35;
/// `BPF_JMP | BPF_JSET | BPF_K`: A & k != 0.
pub(super) const IF_ANY_BIT: u16 = 0x45;
/// `BPF_RET | BPF_K`: the decision is k.
pub(super) const RETURN: u16 = 0x06;

// Offsets in `struct seccomp_data` of `linux/seccomp.h`.
pub(super) const NUMBER: u32 = 0;
pub(super) const ARCH: u32 = 4;
pub(super) const ARGUMENTS: u32 = 16;
