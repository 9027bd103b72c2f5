//! From a filter to BPF.
//!
//! ```text
//! load arch
//! native?              no: trampoline to the other architectures
//! load number
//! tree                 one test a level
//! at its leaves        a return, or a trampoline to checks
//! checks               of arguments, each set of them once
//! other architectures  likewise; at the end a return that kills
//! ```
//!
//! *The tree* ([`super::tree`]) finds the span of numbers that a call is in. Neighbours with equal replies are one span,
//! and a number alone among others takes one test instead of two. Whether a number is x32's is no question of its own,
//! which all calls would be asked: x32's numbers are spans like others, at the tree's upper edge.
//!
//! *Distance.* A test jumps over 255 instructions at most. A return is one instruction, so whoever is too far from it
//! gets a copy. Checks are long, so they lie behind the tree and not in it, where they would push its parts apart. So no
//! leaf takes more than one instruction, and the tree of 400 calls that all get something else takes one trampoline on
//! a way at most. Trampolines are shared where they are near.
//!
//! So a call of the native ABI runs 3 instructions up to the tree, at most 10 in it for up to 400 names, trampolines
//! included, and a return or a trampoline to its checks: 14.

use super::assembler::{Assembler, Target};
use super::filter::{Filter, Section};
use super::program::{
    AND, ARCH, ARGUMENTS, IF_AT_LEAST, IF_EQUAL, IF_GREATER, MAX_INSTRUCTIONS, NUMBER, Program,
};
use super::rule::{Compare, Condition, Reply, Rule};
use super::tree::{Shape, Span, Test};
use super::{action, arch};
use crate::config::Violation;
use crate::planted::planted;
use rustc_hash::FxHashMap;

pub(super) fn compile(filter: &Filter) -> Result<Program, Violation> {
    let instructions = Compiler::default().filter(filter);
    if instructions.len() > MAX_INSTRUCTIONS {
        return Err(Violation {
            path: "linux.seccomp.syscalls".to_owned(),
            problem: format!(
                "compiles to {} instructions, but the kernel loads no filter of more than {MAX_INSTRUCTIONS} \
                 (BPF_MAXINSNS)",
                instructions.len()
            ),
        });
    }
    Ok(Program { instructions, flags: filter.flags })
}

/// Calls of no governed ABI.
const FOREIGN: Reply = Reply::Return(action::KILL_PROCESS);

/// All numbers under one value of `seccomp_data.arch`, in spans of equal replies.
fn spans(sections: &[Section]) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    for section in sections {
        let base = section.abi.base();
        put(&mut spans, base, section.unnamed(0));
        for (&number, reply) in &section.calls {
            put(&mut spans, base + number, reply);
            put(&mut spans, base + number + 1, section.unnamed(number + 1));
        }
    }
    let x86_64 = sections.iter().find(|section| section.abi == arch::Abi::X86_64);
    if let Some(native) = x86_64 {
        if sections.len() == 1 {
            put(&mut spans, arch::X32_BIT, &FOREIGN);
        }
        // -1 is no call of x32, for all its bit 30: a tracer writes it to have a call left out.
        put(&mut spans, u32::MAX, native.unnamed(u32::MAX));
        let but_last = spans.split_last_mut().map_or(&mut [][..], |(_, others)| others);
        but_last.iter_mut().for_each(|span| span.is_x32 = span.first >= arch::X32_BIT);
    }
    spans
}

/// Ends the last span at `first`. Equal neighbours become one.
fn put<'a>(spans: &mut Vec<Span<'a>>, first: u32, reply: &'a Reply) {
    if spans.last().is_some_and(|last| last.first == first) {
        spans.pop();
    }
    if spans.last().is_none_or(|last| last.reply != reply) {
        spans.push(Span { first, reply, is_x32: false });
    }
}

#[derive(Default)]
struct Compiler<'a> {
    code: Assembler,
    /// The code of each set of checks, which several calls can share.
    checks: FxHashMap<&'a Reply, Target>,
}

impl<'a> Compiler<'a> {
    fn filter(mut self, filter: &'a Filter) -> Vec<super::Instruction> {
        // The native ABI comes last, and so lies next to its test.
        let mut start = Target::Return(action::KILL_PROCESS);
        for group in filter.sections.chunk_by(|one, next| one.abi.audit() == next.abi.audit()).rev() {
            // Behind the tree, which stays short, so that its tests reach each other.
            for reply in group.iter().flat_map(|section| section.calls.values()) {
                self.reply(reply);
            }
            let spans = spans(group);
            let mut inside = self.tree(&spans, Shape::of(&spans));
            if spans.len() > 1 {
                inside = self.code.load(NUMBER, inside);
            }
            start = self.code.branch(IF_EQUAL, group[0].abi.audit(), inside, start);
        }
        start = self.code.load(ARCH, start);
        self.code.finish(start)
    }

    /// A search over the spans. The lower part comes last, and so lies next to the test.
    fn tree(&mut self, spans: &[Span<'a>], shape: Shape) -> Target {
        match spans {
            [] => Target::Return(action::KILL_PROCESS),
            [span] => self.reply(span.reply),
            [outer, middle, ..] => match shape.first_test(spans) {
                Test::Middle => {
                    let outer = self.reply(outer.reply);
                    let lone = self.reply(middle.reply);
                    self.code.branch(IF_EQUAL, middle.first, lone, outer)
                }
                Test::AtLeast(index) => {
                    let (lower, upper) = spans.split_at(index);
                    let first = upper[0].first;
                    let upper = self.tree(upper, shape);
                    let lower = self.tree(lower, shape);
                    self.code.branch(IF_AT_LEAST, first, upper, lower)
                }
            },
        }
    }

    fn reply(&mut self, reply: &'a Reply) -> Target {
        let (rules, otherwise) = match reply {
            Reply::Return(word) => return Target::Return(*word),
            Reply::Check { rules, otherwise } => (rules, *otherwise),
        };
        if let Some(target) = self.checks.get(reply) {
            return *target;
        }
        let next = Target::Return(otherwise);
        let target = rules.iter().rev().fold(next, |next, rule| self.rule(rule, next));
        self.checks.insert(reply, target);
        target
    }

    /// The rule's action if all its conditions are met, otherwise `next`.
    fn rule(&mut self, rule: &Rule, next: Target) -> Target {
        let met = Target::Return(rule.action);
        rule.conditions.iter().rev().fold(met, |met, condition| self.condition(condition, met, next))
    }

    fn condition(&mut self, condition: &Condition, yes: Target, no: Target) -> Target {
        let &Condition { argument, compare, value } = condition;
        match compare {
            Compare::Equal => self.equal(argument, u64::MAX, value, yes, no),
            Compare::NotEqual => self.equal(argument, u64::MAX, value, no, yes),
            Compare::MaskedEqual(mask) => self.equal(argument, mask, value, yes, no),
            Compare::Greater => self.ordered(argument, IF_GREATER, value, yes, no),
            Compare::LessOrEqual => self.ordered(argument, IF_GREATER, value, no, yes),
            Compare::GreaterOrEqual => self.ordered(argument, IF_AT_LEAST, value, yes, no),
            Compare::Less => self.ordered(argument, IF_AT_LEAST, value, no, yes),
        }
    }

    /// Both words are equal under the mask. BPF has words of 32 bits.
    fn equal(&mut self, argument: u32, mask: u64, value: u64, yes: Target, no: Target) -> Target {
        let low = self.word_equal(low(argument), mask as u32, value as u32, yes, no);
        self.word_equal(high(argument), (mask >> 32) as u32, (value >> 32) as u32, low, no)
    }

    fn word_equal(&mut self, offset: u32, mask: u32, value: u32, yes: Target, no: Target) -> Target {
        if mask == 0 {
            return yes;
        }
        let mut test = self.code.branch(IF_EQUAL, value, yes, no);
        if mask != u32::MAX {
            test = self.code.plain(AND, mask, test);
        }
        self.code.load(offset, test)
    }

    /// The upper word is greater, or it is equal and the lower one passes `code`.
    fn ordered(&mut self, argument: u32, code: u16, value: u64, yes: Target, no: Target) -> Target {
        let test = self.code.branch(code, value as u32, yes, no);
        let low = self.code.load(low(argument), test);
        let upper = (value >> 32) as u32;
        let equal = match planted("smaller-upper-word-passes") {
            true => low,
            false => self.code.branch(IF_EQUAL, upper, low, no),
        };
        let greater = self.code.branch(IF_GREATER, upper, yes, equal);
        self.code.load(high(argument), greater)
    }
}

/// Offset of an argument's lower word; all architectures here are little-endian.
fn low(argument: u32) -> u32 {
    ARGUMENTS + 8 * argument
}

fn high(argument: u32) -> u32 {
    low(argument) + 4
}
