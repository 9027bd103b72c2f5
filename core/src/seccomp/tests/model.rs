//! What a profile means, read straight from the profile for each call, sharing no code with the compiler. Slow, and
//! in the order of the words of the module's documentation.

use super::names::{NAMES, NONE};
use super::{AARCH64, ARM, Arch, Call, ENOSYS, KILL_PROCESS, X86, X86_64};
use oci_spec::runtime::{
    Arch as Listed, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg,
    LinuxSeccompOperator as Operator, LinuxSyscall,
};

const SOCKET: [&str; 20] = [
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "getsockname",
    "getpeername",
    "socketpair",
    "send",
    "recv",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "accept4",
    "recvmmsg",
    "sendmmsg",
];
const IPC: [(u64, &str); 12] = [
    (1, "semop"),
    (2, "semget"),
    (3, "semctl"),
    (4, "semtimedop"),
    (11, "msgsnd"),
    (12, "msgrcv"),
    (13, "msgget"),
    (14, "msgctl"),
    (21, "shmat"),
    (22, "shmdt"),
    (23, "shmget"),
    (24, "shmctl"),
];

/// The column of [`NAMES`] and the number within it; `None` for a call of no governed ABI.
fn place(profile: &LinuxSeccomp, arch: Arch, call: &Call) -> Option<(usize, u32)> {
    let listed = |abi| profile.architectures().as_ref().is_some_and(|all| all.contains(&abi));
    match (arch, call.arch) {
        (Arch::X86_64, X86_64) if call.nr == u32::MAX || call.nr < 0x4000_0000 => Some((0, call.nr)),
        (Arch::X86_64, X86_64) if listed(Listed::ScmpArchX32) => Some((1, call.nr - 0x4000_0000)),
        (Arch::X86_64, X86) if listed(Listed::ScmpArchX86) => Some((2, call.nr)),
        (Arch::Aarch64, AARCH64) => Some((3, call.nr)),
        (Arch::Aarch64, ARM) if listed(Listed::ScmpArchArm) => Some((4, call.nr)),
        _ => None,
    }
}

pub(super) fn decide(profile: &LinuxSeccomp, arch: Arch, call: &Call) -> u32 {
    let Some((column, number)) = place(profile, arch, call) else { return KILL_PROCESS };
    let default = word(profile.default_action(), profile.default_errno_ret());
    let is_32_bit = column == 2 || column == 4;
    let numbered = |name: &String| {
        let (_, numbers) = NAMES.iter().find(|(known, _)| known == name)?;
        u32::try_from(numbers[column]).ok()
    };
    let entries = || profile.syscalls().iter().flatten();
    let of = |wanted: &dyn Fn(&String) -> bool| {
        let named = entries().filter(|entry| entry.names().iter().any(wanted));
        named.filter(|entry| word(entry.action(), entry.errno_ret()) != default).collect::<Vec<_>>()
    };
    let own = of(&|name| numbered(name) == Some(number));
    if let Some(decided) = answer(&own, &call.args, is_32_bit) {
        return decided;
    }
    let inner = if column == 2 { multiplexed(number, call.args[0]) } else { None };
    let rules = inner.map(|inner| of(&|name| name == inner)).unwrap_or_default();
    if let Some(always) = rules.iter().find(|entry| unconditional(entry)) {
        return word(always.action(), always.errno_ret());
    }
    if !rules.is_empty() {
        let words = rules.iter().map(|entry| word(entry.action(), entry.errno_ret()));
        return words.chain([default]).min_by_key(|word| severity(*word)).unwrap();
    }
    let names = || entries().flat_map(LinuxSyscall::names);
    let behind = |name: &String| match name.as_str() {
        name if column == 2 && SOCKET.contains(&name) => Some(102),
        name if column == 2 && IPC.iter().any(|(_, known)| *known == name) => Some(117),
        _ => None,
    };
    let named: Vec<u32> = names().filter_map(numbered).chain(names().filter_map(behind)).collect();
    let known = named.iter().filter(|number| **number < 0xf_0000);
    let passes =
        matches!(profile.default_action(), Action::ScmpActAllow | Action::ScmpActLog | Action::ScmpActTrace);
    match known.max() {
        Some(newest) if !passes && number > *newest && !named.contains(&number) => ENOSYS,
        _ => default,
    }
}

fn unconditional(entry: &LinuxSyscall) -> bool {
    let args = entry.args().as_deref().unwrap_or_default();
    let empty = |arg: &LinuxSeccompArg| arg.op() == Operator::ScmpCmpMaskedEq && arg.value() == 0;
    args.iter().all(empty) || (repeats(args) && args.iter().any(empty))
}

fn repeats(args: &[LinuxSeccompArg]) -> bool {
    (0..6).any(|index| args.iter().filter(|arg| arg.index() == index).count() > 1)
}

/// What the entries for a call say about it, if anything.
fn answer(entries: &[&LinuxSyscall], values: &[u64; 6], is_32_bit: bool) -> Option<u32> {
    let meets = |arg: &LinuxSeccompArg| meets(arg, values[arg.index()], is_32_bit);
    let applies = |entry: &LinuxSyscall| {
        let args = entry.args().as_deref().unwrap_or_default();
        if repeats(args) { args.iter().any(meets) } else { args.iter().all(meets) }
    };
    let always = entries.iter().find(|entry| unconditional(entry));
    let first = always.or_else(|| entries.iter().find(|entry| applies(entry)))?;
    Some(word(first.action(), first.errno_ret()))
}

fn meets(arg: &LinuxSeccompArg, value: u64, is_32_bit: bool) -> bool {
    // A negative number of 32 bits, written as one of 64.
    let narrow = |written: u64| {
        let negative = i32::try_from(written as i64).is_ok_and(i32::is_negative);
        if is_32_bit && negative { u64::from(written as u32) } else { written }
    };
    let other = narrow(arg.value());
    match arg.op() {
        Operator::ScmpCmpNe => value != other,
        Operator::ScmpCmpLt => value < other,
        Operator::ScmpCmpLe => value <= other,
        Operator::ScmpCmpEq => value == other,
        Operator::ScmpCmpGe => value >= other,
        Operator::ScmpCmpGt => value > other,
        Operator::ScmpCmpMaskedEq => {
            value & arg.value() == narrow(arg.value_two().unwrap_or(0) & arg.value())
        }
    }
}

fn multiplexed(number: u32, selector: u64) -> Option<&'static str> {
    match number {
        102 => SOCKET.get(usize::try_from(selector).ok()?.checked_sub(1)?).copied(),
        117 => IPC.iter().find(|(known, _)| *known == selector & 0xffff).map(|(_, name)| *name),
        _ => None,
    }
}

pub(super) fn word(action: Action, errno: Option<u32>) -> u32 {
    match action {
        Action::ScmpActErrno => 0x0005_0000 + errno.unwrap_or(1),
        Action::ScmpActTrace => 0x7ff0_0000 + errno.unwrap_or(1),
        Action::ScmpActKill | Action::ScmpActKillThread => 0,
        Action::ScmpActKillProcess => KILL_PROCESS,
        Action::ScmpActTrap => 0x0003_0000,
        Action::ScmpActLog => 0x7ffc_0000,
        Action::ScmpActAllow => 0x7fff_0000,
        Action::ScmpActNotify => 0x7fc0_0000,
    }
}

/// Strictest first, from seccomp(2).
fn severity(word: u32) -> usize {
    let order = [0x8000, 0x0000, 0x0003, 0x0005, 0x7fc0, 0x7ff0, 0x7ffc, 0x7fff];
    order.iter().position(|action| *action == word >> 16).expect("an action")
}

#[test]
fn severity_knows_all_and_names_have_gaps() {
    assert!(severity(KILL_PROCESS) < severity(0) && severity(0x0005_0001) < severity(0x7fff_0000));
    assert!(NAMES.iter().any(|(_, numbers)| numbers.contains(&NONE)));
}
