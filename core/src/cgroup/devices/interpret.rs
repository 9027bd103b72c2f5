//! Runs a device program without a kernel: to answer questions about it, and to test the compiler. It knows the
//! instructions that the compiler makes, not all of eBPF.

use super::program::{AND, COPY, EXIT, IF_ANY_BIT, Instruction, JUMP, LOAD, SET, SHIFT, UNLESS_EQUAL};

/// What the kernel asks a program: `struct bpf_cgroup_dev_ctx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// `BPF_DEVCG_DEV_*`: 1 for a block device, 2 for a character device.
    pub kind: u16,
    /// `BPF_DEVCG_ACC_*` together: 1 to make the node, 2 to read, 4 to write.
    pub access: u16,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
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
        code: u8,
    },
    /// It reads what is not there: a register never set, or a word outside the context.
    #[error("BPF instruction {at}: reads what is not set")]
    Unset {
        /// The instruction's index.
        at: usize,
    },
    /// It jumps back, or out of the program.
    #[error("BPF program: no instruction {at}")]
    End {
        /// Where it went.
        at: usize,
    },
}

/// Runs a program: whether the request is allowed. It ends, since jumps only go forward.
///
/// # Errors
/// If the program comes to an instruction that cannot be run.
pub fn interpret(program: &[Instruction], request: &Request) -> Result<bool, Malformed> {
    let context = [u32::from(request.access) << 16 | u32::from(request.kind), request.major, request.minor];
    let mut registers = [None::<u32>; 16];
    let mut at = 0usize;
    loop {
        let Some(&Instruction { code, registers: pair, offset, operand }) = program.get(at) else {
            return Err(Malformed::End { at });
        };
        let (destination, source) = (usize::from(pair & 15), usize::from(pair >> 4));
        let operand = operand.cast_unsigned();
        let own = registers[destination].ok_or(Malformed::Unset { at });
        let mut skip = false;
        match code {
            // Register 1 is the context, and the only pointer.
            LOAD if source == 1 && offset >= 0 && offset % 4 == 0 => {
                let word = context.get(offset.unsigned_abs() as usize / 4);
                registers[destination] = Some(*word.ok_or(Malformed::Unset { at })?);
            }
            COPY => registers[destination] = Some(registers[source].ok_or(Malformed::Unset { at })?),
            SET => registers[destination] = Some(operand),
            AND => registers[destination] = Some(own? & operand),
            SHIFT => registers[destination] = Some(own? >> (operand & 31)),
            UNLESS_EQUAL => skip = own? != operand,
            IF_ANY_BIT => skip = own? & operand != 0,
            JUMP => skip = true,
            EXIT => return registers[0].map(|answer| answer == 1).ok_or(Malformed::Unset { at }),
            _ => return Err(Malformed::Operation { at, code }),
        }
        at += 1;
        if skip {
            at += usize::try_from(offset).map_err(|_| Malformed::End { at })?;
        }
    }
}
