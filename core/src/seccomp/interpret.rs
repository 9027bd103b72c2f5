//! Runs a filter without a kernel: to answer questions about it, and to test the compiler. It knows the instructions
//! that filters are made of (those of this compiler, and of libseccomp's), not all of classic BPF.

use super::program::{
    AND, ARCH, ARGUMENTS, IF_ANY_BIT, IF_AT_LEAST, IF_EQUAL, IF_GREATER, Instruction, JUMP, LOAD,
    MAX_INSTRUCTIONS, NUMBER, RETURN,
};

/// A system call as a filter sees it: `struct seccomp_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// `AUDIT_ARCH_*`.
    pub arch: u32,
    /// The system call's number.
    pub nr: u32,
    /// The instruction pointer.
    pub ip: u64,
    /// The arguments, as they stand in registers.
    pub args: [u64; 6],
}

impl Call {
    /// The word at `offset`, on a little-endian machine; `None` where a filter may not read.
    fn word(&self, offset: u32) -> Option<u32> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        let half = |value: u64| if offset.is_multiple_of(8) { value as u32 } else { (value >> 32) as u32 };
        match offset {
            NUMBER => Some(self.nr),
            ARCH => Some(self.arch),
            8..ARGUMENTS => Some(half(self.ip)),
            _ => self.args.get(((offset - ARGUMENTS) / 8) as usize).map(|argument| half(*argument)),
        }
    }
}

/// What a filter decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The word returned to the kernel; see [`action`](super::action).
    pub action: u32,
    /// How many instructions it took, the return included.
    pub executed: usize,
}

/// A program that cannot be run; the kernel would not load it either, or it is beyond this interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// An operation that is not known here.
    #[error("BPF instruction {at}: unknown operation {code:#x}")]
    Operation {
        /// The instruction's index.
        at: usize,
        /// Its operation.
        code: u16,
    },
    /// A load from outside `struct seccomp_data`, or not of an aligned word.
    #[error("BPF instruction {at}: no word at offset {offset} of struct seccomp_data")]
    Offset {
        /// The instruction's index.
        at: usize,
        /// What it loads from.
        offset: u32,
    },
    /// It is empty, or longer than the kernel takes.
    #[error("BPF program of {length} instructions, but the kernel takes 1 to {MAX_INSTRUCTIONS}")]
    Length {
        /// Its length.
        length: usize,
    },
    /// A jump leads out of the program.
    #[error("BPF instruction {at}: jumps out of the program")]
    Jump {
        /// The instruction's index.
        at: usize,
    },
    /// The program runs past its last instruction.
    #[error("BPF program of {length} instructions ends without a return")]
    End {
        /// Its length.
        length: usize,
    },
}

/// Checks a program as the kernel does before it takes it (`bpf_check_classic` and `seccomp_check_filter`): every
/// instruction, also those that no call comes to. Only the operations differ, of which the kernel knows more.
///
/// # Errors
/// The first instruction that is wrong.
pub fn verify(program: &[Instruction]) -> Result<(), Malformed> {
    let length = program.len();
    if !(1..=MAX_INSTRUCTIONS).contains(&length) {
        return Err(Malformed::Length { length });
    }
    for (at, &Instruction { code, jt, jf, k }) in program.iter().enumerate() {
        let farthest = match code {
            LOAD if k.is_multiple_of(4) && k < DATA => 0,
            LOAD => return Err(Malformed::Offset { at, offset: k }),
            RETURN | AND => 0,
            JUMP => k as usize,
            IF_EQUAL | IF_GREATER | IF_AT_LEAST | IF_ANY_BIT => jt.max(jf).into(),
            _ => return Err(Malformed::Operation { at, code }),
        };
        let jumps = !matches!(code, LOAD | RETURN | AND);
        if jumps && farthest >= length - at - 1 {
            return Err(Malformed::Jump { at });
        }
    }
    match program.last() {
        Some(last) if last.code == RETURN => Ok(()),
        _ => Err(Malformed::End { length }),
    }
}

/// The size of `struct seccomp_data`.
const DATA: u32 = ARGUMENTS + 6 * 8;

/// Runs `program` on `call`. It ends, since jumps only go forward.
///
/// # Errors
/// If the program comes to an instruction that cannot be run.
pub fn interpret(program: &[Instruction], call: &Call) -> Result<Decision, Malformed> {
    let mut accumulator = 0;
    let mut at = 0;
    let mut executed = 0;
    while let Some(&Instruction { code, jt, jf, k }) = program.get(at) {
        executed += 1;
        let branch = |holds: bool| usize::from(if holds { jt } else { jf });
        let skip = match code {
            RETURN => return Ok(Decision { action: k, executed }),
            LOAD => {
                accumulator = call.word(k).ok_or(Malformed::Offset { at, offset: k })?;
                0
            }
            AND => {
                accumulator &= k;
                0
            }
            JUMP => k as usize,
            IF_EQUAL => branch(accumulator == k),
            IF_GREATER => branch(accumulator > k),
            IF_AT_LEAST => branch(accumulator >= k),
            IF_ANY_BIT => branch(accumulator & k != 0),
            _ => return Err(Malformed::Operation { at, code }),
        };
        at = at.saturating_add(1 + skip);
    }
    Err(Malformed::End { length: program.len() })
}
