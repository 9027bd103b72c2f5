//! Writes a program from its end to its beginning: jumps go forward only, so whoever jumps knows how far.

use super::program::{Instruction, JUMP, LOAD, RETURN};
use rustc_hash::FxHashMap;

/// Where control can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// To an instruction, counted from the program's end.
    At(usize),
    /// To a return of this word, wherever one is near.
    Return(u32),
}

/// A program in the making.
#[derive(Default)]
pub(super) struct Assembler {
    /// The last instruction first.
    reversed: Vec<Instruction>,
    /// The foremost return of each word.
    returns: FxHashMap<u32, usize>,
    /// The foremost trampoline to each instruction that has one.
    trampolines: FxHashMap<usize, usize>,
}

impl Assembler {
    /// A load of the word at `offset`, then `then`.
    pub(super) fn load(&mut self, offset: u32, then: Target) -> Target {
        self.plain(LOAD, offset, then)
    }

    /// An instruction that does not jump, then `then`.
    pub(super) fn plain(&mut self, code: u16, k: u32, then: Target) -> Target {
        self.fall(then);
        self.put(Instruction { code, jt: 0, jf: 0, k })
    }

    /// A test of the accumulator. A target out of reach of its 8-bit offset gets a trampoline, or a return its copy.
    pub(super) fn branch(&mut self, code: u16, k: u32, mut yes: Target, mut no: Target) -> Target {
        loop {
            match (self.offset(yes), self.offset(no)) {
                (Some(jt), Some(jf)) => return self.put(Instruction { code, jt, jf, k }),
                (None, _) => yes = self.fetch(yes),
                (_, None) => no = self.fetch(no),
            }
        }
    }

    /// The program that begins with `start`.
    pub(super) fn finish(mut self, start: Target) -> Vec<Instruction> {
        self.fall(start);
        self.reversed.reverse();
        self.reversed
    }

    /// Makes `target` what follows the next instruction.
    fn fall(&mut self, target: Target) {
        if self.offset(target) != Some(0) {
            self.fetch(target);
        }
    }

    /// How many instructions lie between the next one and `target`, or a trampoline to it, if a test can leave out as
    /// many.
    fn offset(&self, target: Target) -> Option<u8> {
        let near = |at: usize| u8::try_from(self.reversed.len() - at - 1).ok();
        match target {
            Target::At(at) => near(at).or_else(|| near(*self.trampolines.get(&at)?)),
            Target::Return(word) => near(*self.returns.get(&word)?),
        }
    }

    /// Puts a way to `target` right here.
    fn fetch(&mut self, target: Target) -> Target {
        match target {
            Target::At(at) => {
                let distance = self.reversed.len() - at - 1;
                self.trampolines.insert(at, self.reversed.len());
                // No program that is kept is anywhere near 2^32 instructions long.
                self.put(Instruction { code: JUMP, jt: 0, jf: 0, k: distance as u32 })
            }
            Target::Return(word) => {
                self.returns.insert(word, self.reversed.len());
                self.put(Instruction { code: RETURN, jt: 0, jf: 0, k: word })
            }
        }
    }

    fn put(&mut self, instruction: Instruction) -> Target {
        self.reversed.push(instruction);
        Target::At(self.reversed.len() - 1)
    }
}
