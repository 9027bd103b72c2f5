//! Classic BPF as the kernel has it for seccomp, once more: which programs are taken (`bpf_check_classic`,
//! `seccomp_check_filter`), and what they return. Only the operations that `isolab_core::seccomp` knows.

use isolab_core::seccomp::{Call, Instruction};

/// `BPF_LD | BPF_W | BPF_ABS`.
const LOAD: u16 = 0x20;
/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;
/// `BPF_ALU | BPF_AND | BPF_K`.
const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JA`.
const JUMP: u16 = 0x05;
/// `BPF_JMP | BPF_K` with `BPF_JEQ`, `BPF_JGT`, `BPF_JGE`, `BPF_JSET`.
const TESTS: [u16; 4] = [0x15, 0x25, 0x35, 0x45];

fn holds(test: u16, word: u32, k: u32) -> bool {
    match test {
        0x15 => word == k,
        0x25 => word > k,
        0x35 => word >= k,
        _ => word & k != 0,
    }
}

/// `BPF_MAXINSNS`.
const LONGEST: usize = 4096;
/// The size of `struct seccomp_data`.
const DATA: usize = 64;

/// Whether the kernel takes it.
#[must_use]
pub fn takes(program: &[Instruction]) -> bool {
    let sound = |(at, instruction): (usize, &Instruction)| {
        let Instruction { code, jt, jf, k } = *instruction;
        // The last instruction is one to jump to.
        let inside = |distance: usize| at + 1 + distance < program.len();
        match code {
            LOAD => k % 4 == 0 && (k as usize) < DATA,
            RETURN | AND => true,
            JUMP => inside(k as usize),
            _ => TESTS.contains(&code) && inside(jt.into()) && inside(jf.into()),
        }
    };
    (1..=LONGEST).contains(&program.len())
        && program.iter().enumerate().all(sound)
        && program.last().is_some_and(|last| last.code == RETURN)
}

/// What a program that is taken returns, and after how many instructions.
///
/// # Panics
/// When it is none that is taken.
#[must_use]
pub fn run(program: &[Instruction], call: &Call) -> (u32, usize) {
    let mut data = [0u8; DATA];
    data[..4].copy_from_slice(&call.nr.to_le_bytes());
    data[4..8].copy_from_slice(&call.arch.to_le_bytes());
    data[8..16].copy_from_slice(&call.ip.to_le_bytes());
    for (arg, room) in call.args.iter().zip(data[16..].chunks_exact_mut(8)) {
        room.copy_from_slice(&arg.to_le_bytes());
    }
    let (mut at, mut word) = (0, 0);
    for steps in 1.. {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        match code {
            RETURN => return (k, steps),
            LOAD => word = u32::from_le_bytes(std::array::from_fn(|byte| data[k as usize + byte])),
            AND => word &= k,
            JUMP => at += k as usize,
            _ => at += usize::from(if holds(code, word, k) { jt } else { jf }),
        }
    }
    unreachable!("jumps go forward alone")
}
