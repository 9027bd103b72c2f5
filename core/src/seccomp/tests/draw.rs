//! Draws profiles and calls, the same ones every time: values on and next to boundaries, and next to what the profile
//! compares with.

use super::names::NAMES;
use super::{AARCH64, ARM, Arch, Call, X86, X86_64, call};
use oci_spec::runtime::{
    Arch as Listed, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompArgBuilder,
    LinuxSeccompBuilder, LinuxSeccompOperator as Operator, LinuxSyscall, LinuxSyscallBuilder,
};

/// xorshift64*.
pub(super) struct Draw(pub(super) u64);

const VALUES: [u64; 16] = [
    0,
    1,
    2,
    5,
    18,
    0x7e02_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x8000_0000_0000_0000,
    0xffff_ffff_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_ffff_fffe,
    u64::MAX,
];
const OPERATORS: [Operator; 7] = [
    Operator::ScmpCmpNe,
    Operator::ScmpCmpLt,
    Operator::ScmpCmpLe,
    Operator::ScmpCmpEq,
    Operator::ScmpCmpGe,
    Operator::ScmpCmpGt,
    Operator::ScmpCmpMaskedEq,
];
const ACTIONS: [Action; 8] = [
    Action::ScmpActKill,
    Action::ScmpActKillThread,
    Action::ScmpActKillProcess,
    Action::ScmpActTrap,
    Action::ScmpActErrno,
    Action::ScmpActTrace,
    Action::ScmpActLog,
    Action::ScmpActAllow,
];

impl Draw {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn value(&mut self) -> u64 {
        if self.chance(10) { self.next() } else { self.pick(&VALUES) }
    }

    fn action(&mut self) -> (Action, Option<u32>) {
        let action = if self.chance(50) {
            self.pick(&[Action::ScmpActErrno, Action::ScmpActAllow])
        } else {
            self.pick(&ACTIONS)
        };
        let errno = match action {
            Action::ScmpActErrno => [None, Some(0), Some(1), Some(38), Some(4095)],
            Action::ScmpActTrace => [None, Some(0), Some(1), Some(0xffff), None],
            _ => [None; 5],
        };
        (action, self.pick(&errno))
    }

    fn argument(&mut self, index: usize) -> LinuxSeccompArg {
        let mut argument =
            LinuxSeccompArgBuilder::default().index(index).value(self.value()).op(self.pick(&OPERATORS));
        if self.chance(70) {
            argument = argument.value_two(self.value());
        }
        argument.build().unwrap()
    }

    fn entry(&mut self) -> LinuxSyscall {
        let mut names: Vec<String> = (0..=self.below(4)).map(|_| self.pick(&NAMES).0.to_owned()).collect();
        if self.chance(10) {
            names.push("no_such_call".to_owned());
        }
        let (mut action, mut errno) = self.action();
        if self.chance(10) && !names.iter().any(|name| name == "write") {
            (action, errno) = (Action::ScmpActNotify, None);
        }
        let mut entry = LinuxSyscallBuilder::default().names(names).action(action);
        if let Some(errno) = errno {
            entry = entry.errno_ret(errno);
        }
        if self.chance(80) {
            // Often on the same few arguments, so that entries overlap and arguments repeat.
            let count = self.below(3).max(1);
            let arguments: Vec<_> = (0..count)
                .map(|_| {
                    let index = self.below(6).min(self.below(6));
                    self.argument(index)
                })
                .collect();
            entry = entry.args(arguments);
        }
        entry.build().unwrap()
    }

    pub(super) fn profile(&mut self) -> LinuxSeccomp {
        let (action, errno) = self.action();
        let entries: Vec<_> = (0..self.below(12)).map(|_| self.entry()).collect();
        let mut profile =
            LinuxSeccompBuilder::default().default_action(action).syscalls(entries).listener_path("/agent");
        if let Some(errno) = errno {
            profile = profile.default_errno_ret(errno);
        }
        if self.chance(80) {
            let all = [
                Listed::ScmpArchNative,
                Listed::ScmpArchX86_64,
                Listed::ScmpArchX86,
                Listed::ScmpArchX32,
                Listed::ScmpArchAarch64,
                Listed::ScmpArchArm,
                Listed::ScmpArchMips,
            ];
            profile = profile.architectures(all.into_iter().filter(|_| self.chance(50)).collect::<Vec<_>>());
        }
        profile.build().unwrap()
    }

    /// A call that the profile has something to say about, more often than not.
    pub(super) fn call(&mut self, profile: &LinuxSeccomp, arch: Arch) -> Call {
        let (native, others) = match arch {
            Arch::X86_64 => (X86_64, [X86, X86_64, AARCH64]),
            Arch::Aarch64 => (AARCH64, [ARM, ARM, X86_64]),
        };
        let audit = if self.chance(50) {
            native
        } else if self.chance(90) {
            self.pick(&others)
        } else {
            self.next() as u32
        };
        let entries = profile.syscalls().as_deref().unwrap_or_default();
        let entry = if entries.is_empty() { None } else { Some(&entries[self.below(entries.len())]) };
        let name = entry.map(|entry| entry.names()[self.below(entry.names().len())].as_str());
        let nr = self.nr(name, audit);
        let mut args = [0; 6];
        args.iter_mut().for_each(|value| *value = self.value());
        for argument in entry.iter().flat_map(|entry| entry.args().iter().flatten()) {
            let compared = argument.value_two().filter(|_| argument.op() == Operator::ScmpCmpMaskedEq);
            args[argument.index()] = self.near(compared.unwrap_or(argument.value()));
        }
        call(audit, nr, args)
    }

    fn nr(&mut self, name: Option<&str>, audit: u32) -> u32 {
        let (_, numbers) = match NAMES.iter().find(|(known, _)| Some(*known) == name) {
            Some(known) if self.chance(80) => *known,
            _ => self.pick(&NAMES),
        };
        let column = match audit {
            X86 => 2,
            AARCH64 => 3,
            ARM => 4,
            _ => usize::from(self.chance(25)),
        };
        let number = match numbers[column] {
            // i386 may have it behind socketcall or ipc.
            -1 if column == 2 => self.pick(&[102, 117]),
            -1 => self.below(600) as u32,
            number => number as u32,
        };
        let bit = if column == 1 { 0x4000_0000 } else { 0 };
        match self.below(20) {
            0 => number + bit + 1,
            1 => (number + bit).wrapping_sub(1),
            2 => number ^ 0x4000_0000,
            3 => self.pick(&[
                470,
                600,
                0x3fff_ffff,
                0x4000_0000,
                0x7fff_ffff,
                0x8000_0000,
                0xffff_fffe,
                u32::MAX,
                102,
                117,
            ]),
            _ => number + bit,
        }
    }

    /// The value, one beside it, or one that differs from it in one half or in what a mask may hide.
    fn near(&mut self, value: u64) -> u64 {
        match self.below(20) {
            0 => value.wrapping_add(1),
            1 => value.wrapping_sub(1),
            2 => value ^ 0x1_0000_0000,
            3 => value.wrapping_add(0x1_0000_0000),
            4 => value.wrapping_sub(0x1_0000_0000),
            5 => value & 0xffff_ffff,
            6 => value ^ (1 << self.below(64)),
            7 => self.value(),
            _ => value,
        }
    }
}
