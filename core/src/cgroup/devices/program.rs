//! The rules as a program of cgroup v2: eBPF, type `BPF_PROG_TYPE_CGROUP_DEVICE` (`linux/bpf.h`).
//!
//! The kernel runs it at every open and `mknod` of a device node with a `struct bpf_cgroup_dev_ctx`, and takes 1 for
//! allowed. The last rule that matches decides, so it is asked first. Register 3 holds the accesses that are still to be
//! decided: a rule that allows takes its own away, one that denies ends it if any of its own are left.

use super::{DeviceRule, in_force};

/// One instruction, laid out as the kernel's `struct bpf_insn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// The operation.
    pub code: u8,
    /// Destination register in the lower four bits, source in the upper.
    pub registers: u8,
    /// Offset of a load, or instructions to leave out.
    pub offset: i16,
    /// The operand.
    pub operand: i32,
}

/// What decides on devices for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The config's rules, in order.
    pub rules: Vec<DeviceRule>,
    /// As the kernel takes it.
    pub instructions: Vec<Instruction>,
}

/// `BPF_LDX | BPF_W | BPF_MEM`: destination = the word at source + offset.
pub(super) const LOAD: u8 = 0x61;
/// `BPF_ALU | BPF_MOV | BPF_X`: destination = source, the lower half.
pub(super) const COPY: u8 = 0xbc;
/// `BPF_ALU64 | BPF_MOV | BPF_K`: destination = operand.
pub(super) const SET: u8 = 0xb7;
/// `BPF_ALU | BPF_AND | BPF_K`: destination &= operand, the lower half.
pub(super) const AND: u8 = 0x54;
/// `BPF_ALU | BPF_RSH | BPF_K`: destination >>= operand, the lower half.
pub(super) const SHIFT: u8 = 0x74;
/// `BPF_JMP32 | BPF_JNE | BPF_K`: leave out, if the lower half is not the operand.
pub(super) const UNLESS_EQUAL: u8 = 0x56;
/// `BPF_JMP32 | BPF_JSET | BPF_K`: leave out, if the lower half has any bit of the operand.
pub(super) const IF_ANY_BIT: u8 = 0x46;
/// `BPF_JMP | BPF_JA`: leave out.
pub(super) const JUMP: u8 = 0x05;
/// `BPF_JMP | BPF_EXIT`: register 0 is the answer.
pub(super) const EXIT: u8 = 0x95;

// `BPF_DEVCG_DEV_*` and `BPF_DEVCG_ACC_*`.
pub(super) const BLOCK: u32 = 1;
pub(super) const CHARACTER: u32 = 2;
pub(super) const MAKE: u32 = 1;
pub(super) const READ: u32 = 2;
pub(super) const WRITE: u32 = 4;

const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const LEFT: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

impl Program {
    /// Compiles the rules of a config, with those of every container behind them.
    #[must_use]
    pub fn new(rules: &[DeviceRule]) -> Program {
        let mut code = vec![
            // access_type, major, minor: the access in the upper half of the first, the kind in the lower.
            insn(LOAD, KIND, CONTEXT, 0, 0),
            insn(LOAD, MAJOR, CONTEXT, 4, 0),
            insn(LOAD, MINOR, CONTEXT, 8, 0),
            insn(COPY, LEFT, KIND, 0, 0),
            insn(SHIFT, LEFT, 0, 0, 16),
            insn(AND, KIND, 0, 0, 0xffff),
            // Nothing asked, nothing denied.
            insn(UNLESS_EQUAL, LEFT, 0, 2, 0),
        ];
        code.extend(answer(true));
        // The kernel refuses what can never be reached: nothing may follow a rule that always decides.
        let whole = in_force(rules).iter().rev().any(|rule| {
            code.extend(compile(rule));
            rule.is_whole()
        });
        if !whole {
            code.extend(answer(true));
        }
        Program { rules: rules.to_vec(), instructions: code }
    }
}

fn insn(code: u8, destination: u8, source: u8, offset: i16, operand: u32) -> Instruction {
    Instruction { code, registers: source << 4 | destination, offset, operand: operand.cast_signed() }
}

fn answer(allow: bool) -> [Instruction; 2] {
    [insn(SET, ANSWER, 0, 0, u32::from(allow)), insn(EXIT, 0, 0, 0, 0)]
}

fn compile(rule: &DeviceRule) -> Vec<Instruction> {
    let kind = match rule.kind {
        'b' => Some(BLOCK),
        'c' => Some(CHARACTER),
        _ => None,
    };
    let conditions = [(KIND, kind), (MAJOR, rule.major), (MINOR, rule.minor)];
    let conditions: Vec<(u8, u32)> =
        conditions.into_iter().filter_map(|(register, number)| Some((register, number?))).collect();
    let mut body = Vec::new();
    let access = access(&rule.access);
    match (rule.allow, access == READ | WRITE | MAKE) {
        (_, true) => {}
        (true, false) => body.extend([
            insn(AND, LEFT, 0, 0, !access),
            insn(UNLESS_EQUAL, LEFT, 0, 2, 0), // out of this rule
        ]),
        (false, false) => body.extend([insn(IF_ANY_BIT, LEFT, 0, 1, access), insn(JUMP, 0, 0, 2, 0)]),
    }
    body.extend(answer(rule.allow));
    let mut code = Vec::new();
    for (nth, (register, number)) in conditions.iter().enumerate() {
        // At most two conditions and four instructions are left out.
        let rest = conditions.len() - nth - 1 + body.len();
        code.push(insn(UNLESS_EQUAL, *register, 0, rest as i16, *number));
    }
    code.extend(body);
    code
}

fn access(letters: &str) -> u32 {
    let bit = |letter| match letter {
        'r' => READ,
        'w' => WRITE,
        _ => MAKE,
    };
    letters.chars().map(bit).fold(0, |all, bit| all | bit)
}
