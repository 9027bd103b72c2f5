//! libseccomp's program of the same profile, fed the way runc feeds it, on the same calls. Where the two differ, the reason is in
//! a table; what 2.5.4 gets wrong is told apart from what is meant.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsFd;

use isolab_core::seccomp::{Arch, Call, Filter, Instruction, Program, verify};
use isolab_core::sys::fs::memory_file;
use libseccomp::error::SeccompError;
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use oci_spec::runtime::{
    Arch as Listed, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg,
    LinuxSeccompOperator as Operator,
};
use std::collections::HashSet;

use super::input::Input;
use super::model::{ENOSYS, KILL_PROCESS, KILL_THREAD, Model, word};
use super::names::Abi;

/// What differs: the profile, what it means, a call, our word, libseccomp's.
struct Differs<'a> {
    profile: &'a LinuxSeccomp,
    model: &'a Model<'a>,
    call: &'a Call,
    ours: u32,
    theirs: u32,
}

impl Differs<'_> {
    fn abi(&self) -> Option<Abi> {
        self.model.place(self.call).map(|(abi, _)| abi)
    }

    fn theirs_is_default(&self) -> bool {
        self.theirs == word(self.profile.default_action(), self.profile.default_errno_ret())
    }

    fn has_wide_values(&self) -> bool {
        let values = |arg: &LinuxSeccompArg| [arg.value(), arg.value_two().unwrap_or_default()];
        arguments(self.profile).flat_map(values).any(|value| value > u64::from(u32::MAX))
    }
}

type Result<T> = std::result::Result<T, SeccompError>;

/// Whether this is what differs.
type Excuse = fn(&Differs<'_>) -> bool;

/// Meant, as the docs of `isolab_core::seccomp` tell, but for the last, which is libseccomp's mistake.
const EXCUSES: [Excuse; 6] = [
    // The process is killed, not the thread, by a call of an ABI that is not governed.
    |it| it.ours == KILL_PROCESS && it.theirs == KILL_THREAD && it.abi().is_none(),
    // Calls newer than the profile are ENOSYS; runc puts a stub before libseccomp's program for it.
    |it| it.ours == ENOSYS && it.theirs_is_default() && it.model.decide(it.call) == ENOSYS,
    // Values above 32 bits are not cut to fit 32-bit arguments.
    |it| matches!(it.abi(), Some(Abi::X86 | Abi::Arm | Abi::X32)) && it.has_wide_values(),
    // What a multiplexed call's arguments decide is decided strictly.
    |it| it.call.arch == Abi::X86.audit() && (it.call.nr == 102 || it.call.nr == 117),
    // x32's arguments come in 64-bit registers, of which libseccomp ignores the upper halves.
    |it| it.abi() == Some(Abi::X32) && it.call.args.iter().any(|arg| *arg > u64::from(u32::MAX)),
    // Of several rules with orders on one argument 2.5.4 forgets some, and takes others for met by calls that meet none.
    |it| it.ours == it.model.decide(it.call) && compares_twice(it.profile),
];

/// The two programs agree on every call, or it is known why not.
///
/// # Panics
/// When they do not.
pub(super) fn agrees(input: &Input, tree: bool) {
    let profile = without_overlaps(&input.profile);
    let Some(ours) = Filter::new(&profile, input.arch).ok().and_then(|filter| filter.compile().ok()) else {
        return;
    };
    let theirs = match export(&profile, input.arch, tree) {
        Ok(instructions) => Program { instructions, flags: 0 },
        Err(error) => {
            assert!(may_refuse(&profile), "libseccomp: {error}");
            return;
        }
    };
    if theirs.instructions.len() > 4096 || forgets_the_number(&theirs) {
        return;
    }
    assert_eq!(verify(&theirs.instructions), Ok(()), "libseccomp's program");
    let model = Model::new(&profile, input.arch);
    for call in &input.calls {
        let narrow = [Abi::X86, Abi::Arm].map(Abi::audit).contains(&call.arch);
        // The kernel shows 32-bit arguments with an upper half of zero.
        let call = &Call { args: call.args.map(|arg| if narrow { arg & 0xffff_ffff } else { arg }), ..*call };
        let (one, other) = (ours.decide(call).action, theirs.decide(call).action);
        let differs = Differs { profile: &profile, model: &model, call, ours: one, theirs: other };
        assert!(
            one == other || EXCUSES.iter().any(|excuse| excuse(&differs)),
            "{one:#x}, libseccomp {other:#x}: {call:x?}"
        );
    }
}

/// Each name in one entry alone: on entries that overlap with different actions libseccomp has an order of its own. And those
/// alone that it knows: 2.5.4 has none of Linux 6.7 and later.
fn without_overlaps(profile: &LinuxSeccomp) -> LinuxSeccomp {
    let mut profile = profile.clone();
    let mut seen = HashSet::new();
    let mut entries = profile.syscalls().clone().unwrap_or_default();
    for entry in &mut entries {
        let known = entry.names().iter().filter(|name| ScmpSyscall::from_name(name).is_ok());
        let names = known.filter(|name| seen.insert((*name).clone())).cloned().collect();
        entry.set_names(names);
    }
    entries.retain(|entry| !entry.names().is_empty());
    profile.set_syscalls(Some(entries));
    profile
}

fn arguments(profile: &LinuxSeccomp) -> impl Iterator<Item = &LinuxSeccompArg> {
    profile.syscalls().iter().flatten().flat_map(|entry| entry.args().iter().flatten())
}

fn repeats(args: &[LinuxSeccompArg]) -> bool {
    args.iter().enumerate().any(|(at, arg)| args[..at].iter().any(|earlier| earlier.index() == arg.index()))
}

fn compares_twice(profile: &LinuxSeccomp) -> bool {
    profile.syscalls().iter().flatten().any(|entry| repeats(entry.args().as_deref().unwrap_or_default()))
}

/// The kernel has errnos up to 4095, libseccomp up to 4094; and it takes no rule twice.
fn may_refuse(profile: &LinuxSeccomp) -> bool {
    let mut entries = profile.syscalls().iter().flatten();
    entries.any(|entry| entry.errno_ret() == Some(4095))
        || profile.default_errno_ret() == Some(4095)
        || compares_twice(profile)
}

/// libseccomp 2.5.4 can leave out the load of the number where a profile has names that an ABI has not: what it tests against
/// numbers then is the architecture.
fn forgets_the_number(program: &Program) -> bool {
    const LOAD: u16 = 0x20;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let code = &program.instructions;
    let is_abi =
        |test: &Instruction| test.code == IF_EQUAL && Abi::ALL.iter().any(|abi| abi.audit() == test.k);
    code.iter().enumerate().filter(|(_, test)| is_abi(test)).any(|(at, test)| {
        let inside = code.get(at + 1 + usize::from(test.jt));
        inside.is_some_and(|first| first.code != RETURN && (first.code, first.k) != (LOAD, 0))
    })
}

/// The calls that runc makes: rules that repeat the default are left out, and conditions on one argument become rules of their
/// own.
fn export(profile: &LinuxSeccomp, arch: Arch, tree: bool) -> Result<Vec<Instruction>> {
    let default = action(profile.default_action(), profile.default_errno_ret());
    let mut filter = ScmpFilterContext::new(default)?;
    if arch == Arch::Aarch64 {
        filter.add_arch(ScmpArch::Aarch64)?.remove_arch(ScmpArch::X8664)?;
    }
    if tree {
        filter.set_ctl_optimize(2)?;
    }
    for listed in profile.architectures().iter().flatten() {
        match (arch, listed) {
            (Arch::X86_64, Listed::ScmpArchX86) => filter.add_arch(ScmpArch::X86)?,
            (Arch::X86_64, Listed::ScmpArchX32) => filter.add_arch(ScmpArch::X32)?,
            (Arch::Aarch64, Listed::ScmpArchArm) => filter.add_arch(ScmpArch::Arm)?,
            _ => &mut filter,
        };
    }
    for entry in profile.syscalls().iter().flatten() {
        let action = action(entry.action(), entry.errno_ret());
        let conditions: Vec<_> = entry.args().iter().flatten().map(condition).collect();
        let parts = if repeats(entry.args().as_deref().unwrap_or_default()) { 1 } else { 6 };
        for name in entry.names().iter().filter(|_| action != default) {
            let call = ScmpSyscall::from_name(name)?;
            if conditions.is_empty() {
                filter.add_rule(action, call)?;
            }
            for rule in conditions.chunks(parts) {
                filter.add_rule_conditional(action, call, rule)?;
            }
        }
    }
    exported(&filter)
}

fn exported(filter: &ScmpFilterContext) -> Result<Vec<Instruction>> {
    let failed = |what: &str, error: &dyn std::fmt::Display| -> ! { panic!("{what} a memory file: {error}") };
    let file = memory_file(c"libseccomp").unwrap_or_else(|error| failed("make", &error));
    filter.export_bpf(file.as_fd())?;
    let mut file = File::from(file);
    let mut bytes = Vec::new();
    if let Err(error) = file.rewind().and_then(|()| file.read_to_end(&mut bytes)) {
        failed("read", &error);
    }
    let instruction = |b: &[u8; 8]| Instruction {
        code: u16::from_ne_bytes([b[0], b[1]]),
        jt: b[2],
        jf: b[3],
        k: u32::from_ne_bytes([b[4], b[5], b[6], b[7]]),
    };
    Ok(bytes.as_chunks::<8>().0.iter().map(instruction).collect())
}

fn condition(arg: &LinuxSeccompArg) -> ScmpArgCompare {
    let (operator, value) = match arg.op() {
        Operator::ScmpCmpNe => (ScmpCompareOp::NotEqual, arg.value()),
        Operator::ScmpCmpLt => (ScmpCompareOp::Less, arg.value()),
        Operator::ScmpCmpLe => (ScmpCompareOp::LessOrEqual, arg.value()),
        Operator::ScmpCmpEq => (ScmpCompareOp::Equal, arg.value()),
        Operator::ScmpCmpGe => (ScmpCompareOp::GreaterEqual, arg.value()),
        Operator::ScmpCmpGt => (ScmpCompareOp::Greater, arg.value()),
        Operator::ScmpCmpMaskedEq => {
            (ScmpCompareOp::MaskedEqual(arg.value()), arg.value_two().unwrap_or_default())
        }
    };
    ScmpArgCompare::new(arg.index() as u32, operator, value)
}

fn action(action: Action, errno: Option<u32>) -> ScmpAction {
    let errno = errno.unwrap_or(1) as u16;
    match action {
        Action::ScmpActErrno => ScmpAction::Errno(errno.into()),
        Action::ScmpActTrace => ScmpAction::Trace(errno),
        Action::ScmpActKill | Action::ScmpActKillThread => ScmpAction::KillThread,
        Action::ScmpActKillProcess => ScmpAction::KillProcess,
        Action::ScmpActTrap => ScmpAction::Trap,
        Action::ScmpActLog => ScmpAction::Log,
        Action::ScmpActAllow => ScmpAction::Allow,
        Action::ScmpActNotify => ScmpAction::Notify,
    }
}
