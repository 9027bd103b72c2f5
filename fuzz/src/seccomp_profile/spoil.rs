//! Changes to a compiled program, for what checks programs: a jump that leads elsewhere, a load from elsewhere, another
//! operation, an end that is missing.

use arbitrary::{Arbitrary, Unstructured};
use isolab_core::seccomp::Instruction;

/// One change.
#[derive(Debug, Clone, Copy)]
pub struct Spoilt {
    /// Where, from the end where that is nearer to something.
    at: usize,
    what: What,
    to: u32,
}

#[derive(Debug, Clone, Copy)]
enum What {
    True,
    False,
    Operand,
    Code,
    Cut,
    Removed,
    Longer,
}

const WHATS: [What; 7] =
    [What::True, What::False, What::Operand, What::Code, What::Cut, What::Removed, What::Longer];
/// What filters are made of, and what a socket's filter alone may have (`bpf_check_classic`, `seccomp_check_filter`).
const CODES: [u16; 10] = [0x20, 0x15, 0x25, 0x35, 0x45, 0x05, 0x06, 0x54, 0x28, 0xffff];
const OPERANDS: [u32; 12] = [0, 1, 2, 4, 8, 16, 60, 63, 64, 4096, 0x7fff_0000, u32::MAX];

impl<'a> Arbitrary<'a> for Spoilt {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Spoilt> {
        let at = if u.arbitrary()? { u.int_in_range(0..=8usize)? } else { u.int_in_range(0..=4095usize)? };
        let at = if u.arbitrary()? { !at } else { at };
        let to = if u.arbitrary()? { u.arbitrary()? } else { *u.choose(&OPERANDS)? };
        Ok(Spoilt { at, what: *u.choose(&WHATS)?, to })
    }
}

/// The program with all changes made.
#[must_use]
pub fn spoil(program: &[Instruction], changes: &[Spoilt]) -> Vec<Instruction> {
    let mut spoilt = program.to_vec();
    for &Spoilt { at, what, to } in changes {
        let length = spoilt.len();
        if length == 0 {
            break;
        }
        // Complements count from the end.
        let at = if at > usize::MAX / 2 { length - 1 - !at % length } else { at % length };
        match what {
            What::True => spoilt[at].jt = to as u8,
            What::False => spoilt[at].jf = to as u8,
            What::Operand => spoilt[at].k = to,
            What::Code => spoilt[at].code = CODES[to as usize % CODES.len()],
            What::Cut => spoilt.truncate(at),
            What::Removed => drop(spoilt.remove(at)),
            What::Longer => {
                let more = spoilt[at];
                spoilt.resize(length.max(4090 + to as usize % 10), more);
            }
        }
    }
    spoilt
}
