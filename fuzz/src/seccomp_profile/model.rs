//! What a profile means, said once more and without the compiler: the runtime-spec's section on seccomp, seccomp(2) and
//! seccomp_rule_add(3), and where they leave something open, the choices that the docs of `isolab_core::seccomp` name.
//!
//! Slow and plain: each call is decided by going through all entries.

use isolab_core::seccomp::{Arch, Call};
use oci_spec::runtime::{
    Arch as Listed, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg,
    LinuxSeccompOperator as Operator, LinuxSyscall,
};

use super::names::{Abi, Numbers, X32_BIT, numbers};

/// `SECCOMP_RET_KILL_PROCESS`.
pub const KILL_PROCESS: u32 = 0x8000_0000;
/// `SECCOMP_RET_KILL_THREAD`.
pub const KILL_THREAD: u32 = 0;
/// `SECCOMP_RET_TRAP`.
pub const TRAP: u32 = 0x0003_0000;
/// `SECCOMP_RET_ERRNO`, without an errno.
pub const ERRNO: u32 = 0x0005_0000;
/// `SECCOMP_RET_USER_NOTIF`.
pub const NOTIFY: u32 = 0x7fc0_0000;
/// `SECCOMP_RET_TRACE`, without a message.
pub const TRACE: u32 = 0x7ff0_0000;
/// `SECCOMP_RET_LOG`.
pub const LOG: u32 = 0x7ffc_0000;
/// `SECCOMP_RET_ALLOW`.
pub const ALLOW: u32 = 0x7fff_0000;
/// That a call is not there.
pub const ENOSYS: u32 = ERRNO | 38;

/// ARM's private calls start here (`__ARM_NR_BASE`): they are older than most, for all their numbers.
const ARM_PRIVATE: u32 = 0x000f_0000;

/// A profile with the numbers of its names looked up.
pub struct Model<'a> {
    arch: Arch,
    profile: &'a LinuxSeccomp,
    entries: Vec<Entry<'a>>,
    default: u32,
    governed: Vec<Abi>,
    /// For each ABI the highest number that the profile names, itself or by what is behind it.
    newest: [Option<u32>; 5],
}

struct Entry<'a> {
    written: &'a LinuxSyscall,
    numbers: Vec<Numbers>,
    word: u32,
}

/// Conditions that must all be met.
type Conditions<'a> = &'a [LinuxSeccompArg];

impl<'a> Model<'a> {
    /// Looks up the names.
    #[must_use]
    pub fn new(profile: &'a LinuxSeccomp, arch: Arch) -> Model<'a> {
        let entry = |written: &'a LinuxSyscall| Entry {
            written,
            numbers: written.names().iter().map(|name| numbers(name)).collect(),
            word: word(written.action(), written.errno_ret()),
        };
        let entries: Vec<_> = profile.syscalls().iter().flatten().map(entry).collect();
        let default = word(profile.default_action(), profile.default_errno_ret());
        let newest = Abi::ALL.map(|abi| newest(&entries, abi));
        Model { arch, profile, entries, default, governed: governed(profile, arch), newest }
    }

    /// The ABI of a call and its number there; nothing where the profile governs no such ABI.
    #[must_use]
    pub fn place(&self, call: &Call) -> Option<(Abi, u32)> {
        let abis = &self.governed;
        // -1 is what a tracer writes to have a call left out.
        let is_x32 = (X32_BIT..u32::MAX).contains(&call.nr);
        let abi = match self.arch {
            Arch::X86_64 if call.arch == Abi::X86_64.audit() && is_x32 => Abi::X32,
            _ => abis.iter().copied().find(|abi| abi.audit() == call.arch)?,
        };
        let number = if abi == Abi::X32 { call.nr - X32_BIT } else { call.nr };
        abis.contains(&abi).then_some((abi, number))
    }

    /// The word that the kernel gets.
    #[must_use]
    pub fn decide(&self, call: &Call) -> u32 {
        let Some((abi, number)) = self.place(call) else { return KILL_PROCESS };
        let named =
            |entry: &Entry<'_>| entry.numbers.iter().any(|numbers| numbers[abi as usize] == Some(number));
        if let Some(word) = self.answer(self.rules(named), &call.args, abi) {
            return word;
        }
        if let Some(word) = self.multiplexed(abi, number, call.args[0]) {
            return word;
        }
        match self.newest[abi as usize] {
            Some(newest) if self.hides_newer() && number > newest && !self.entries.iter().any(named) => {
                ENOSYS
            }
            _ => self.default,
        }
    }

    /// The rules of some entries in their order. Two conditions on one argument make rules of their own of all; what repeats the
    /// default says nothing.
    fn rules(&self, of: impl Fn(&Entry<'_>) -> bool) -> Vec<(Conditions<'a>, u32)> {
        let mut rules = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.word != self.default && of(entry)) {
            let conditions = entry.written.args().as_deref().unwrap_or_default();
            if repeats(conditions) {
                rules
                    .extend(conditions.iter().map(|condition| (std::slice::from_ref(condition), entry.word)));
            } else {
                rules.push((conditions, entry.word));
            }
        }
        rules
    }

    /// The first rule that always holds, else the first that holds.
    fn answer(&self, rules: Vec<(Conditions<'_>, u32)>, args: &[u64; 6], abi: Abi) -> Option<u32> {
        let holds =
            |conditions: Conditions<'_>| conditions.iter().all(|condition| meets(condition, args, abi));
        let first = rules.iter().find(|(conditions, _)| always(conditions));
        first.or_else(|| rules.iter().find(|(conditions, _)| holds(conditions))).map(|(_, word)| *word)
    }

    /// What a call gets through socketcall(2) or ipc(2), where its arguments cannot be seen.
    fn multiplexed(&self, abi: Abi, number: u32, selector: u64) -> Option<u32> {
        if abi != Abi::X86 || ![SOCKETCALL, IPC].contains(&number) {
            return None;
        }
        let wanted = |name: &String| {
            behind(abi, name).is_some_and(|(multiplexer, value)| {
                let seen = if multiplexer == IPC { selector & 0xffff } else { selector };
                multiplexer == number && value == seen
            })
        };
        let rules = self.rules(|entry| entry.written.names().iter().any(wanted));
        if let Some((_, word)) = rules.iter().find(|(conditions, _)| always(conditions)) {
            return Some(*word);
        }
        let words = rules.iter().map(|(_, word)| *word).chain([self.default]);
        if rules.is_empty() { None } else { words.min_by_key(|word| severity(*word)) }
    }

    /// Who lets calls pass, or has a tracer decide, does so for newer ones too.
    fn hides_newer(&self) -> bool {
        !matches!(
            self.profile.default_action(),
            Action::ScmpActAllow | Action::ScmpActLog | Action::ScmpActTrace
        )
    }

    /// Names that no governed ABI has, each once.
    #[must_use]
    pub fn skipped(&self) -> Vec<&'a str> {
        let known = |name: &str| {
            let own = |abi: &Abi| numbers(name)[*abi as usize].is_some() || behind(*abi, name).is_some();
            self.governed.iter().any(own)
        };
        let mut skipped: Vec<&str> = Vec::new();
        for name in self.entries.iter().flat_map(|entry| entry.written.names()) {
            if !known(name) && !skipped.contains(&name.as_str()) {
                skipped.push(name);
            }
        }
        skipped
    }

    /// How many conditions can be looked at for a call.
    #[must_use]
    pub fn conditions(&self, call: &Call) -> usize {
        let Some((abi, number)) = self.place(call) else { return 0 };
        let behind = if abi == Abi::X86 { SOCKET_CALLS.len() + IPC_CALLS.len() } else { 0 };
        let multiplexer = if number == SOCKETCALL || number == IPC { behind } else { 0 };
        let named =
            |entry: &&Entry<'_>| entry.numbers.iter().any(|numbers| numbers[abi as usize] == Some(number));
        let own = self.entries.iter().filter(named);
        own.map(|entry| entry.written.args().as_ref().map_or(0, Vec::len)).sum::<usize>() + multiplexer
    }

    /// Whether the program is surely short enough for the kernel: more than this no condition and no name can take.
    #[must_use]
    pub fn is_short(&self) -> bool {
        let conditions = |entry: &Entry<'_>| entry.written.args().as_ref().map_or(0, Vec::len);
        let cost = |entry: &Entry<'_>| entry.numbers.len() * (8 + 12 * conditions(entry));
        self.governed.len() * (64 + self.entries.iter().map(cost).sum::<usize>()) <= 4096
    }
}

/// The ABIs that are governed: the architecture's own, and others of its machine that are listed.
fn governed(profile: &LinuxSeccomp, arch: Arch) -> Vec<Abi> {
    let listed = |arch| profile.architectures().iter().flatten().any(|listed| *listed == arch);
    let (own, others) = match arch {
        Arch::X86_64 => {
            (Abi::X86_64, &[(Listed::ScmpArchX32, Abi::X32), (Listed::ScmpArchX86, Abi::X86)][..])
        }
        Arch::Aarch64 => (Abi::Aarch64, &[(Listed::ScmpArchArm, Abi::Arm)][..]),
    };
    let others = others.iter().filter(|(arch, _)| listed(*arch)).map(|(_, abi)| *abi);
    std::iter::once(own).chain(others).collect()
}

fn newest(entries: &[Entry<'_>], abi: Abi) -> Option<u32> {
    let own = entries.iter().flat_map(|entry| entry.numbers.iter().filter_map(move |all| all[abi as usize]));
    let names = entries.iter().flat_map(|entry| entry.written.names());
    let others = names.filter_map(|name| behind(abi, name)).map(|(multiplexer, _)| multiplexer);
    own.chain(others).filter(|number| *number < ARM_PRIVATE).max()
}

/// `SCMP_ACT_*` as the kernel's word. An errno that is not written is EPERM (runtime-spec), the message of a trace likewise.
#[must_use]
pub fn word(action: Action, errno: Option<u32>) -> u32 {
    match action {
        Action::ScmpActKillProcess => KILL_PROCESS,
        Action::ScmpActKill | Action::ScmpActKillThread => KILL_THREAD,
        Action::ScmpActTrap => TRAP,
        Action::ScmpActErrno => ERRNO + errno.unwrap_or(1),
        Action::ScmpActNotify => NOTIFY,
        Action::ScmpActTrace => TRACE + errno.unwrap_or(1),
        Action::ScmpActLog => LOG,
        Action::ScmpActAllow => ALLOW,
    }
}

/// The order of seccomp(2): "the first-seen action value of highest precedence".
fn severity(word: u32) -> usize {
    let order = [KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, NOTIFY, TRACE, LOG, ALLOW];
    order.iter().position(|action| *action == word & 0xffff_0000).unwrap_or(order.len())
}

fn repeats(conditions: Conditions<'_>) -> bool {
    (0..6).any(|index| conditions.iter().filter(|condition| condition.index() == index).count() > 1)
}

/// An empty mask hides everything, and what it is compared with.
fn always(conditions: Conditions<'_>) -> bool {
    conditions.iter().all(|condition| condition.op() == Operator::ScmpCmpMaskedEq && condition.value() == 0)
}

/// seccomp_rule_add(3): unsigned; of a mask, `value` is the mask and `valueTwo` what is compared.
fn meets(condition: &LinuxSeccompArg, args: &[u64; 6], abi: Abi) -> bool {
    let (value, arg) = (condition.value(), args[condition.index()]);
    // Sign-extended from 32 bits, it stands for its lower half.
    let seen = |value: u64| {
        let negative = (i64::from(i32::MIN)..0).contains(&value.cast_signed());
        if negative && abi.is_narrow() { value & 0xffff_ffff } else { value }
    };
    match condition.op() {
        Operator::ScmpCmpNe => arg != seen(value),
        Operator::ScmpCmpLt => arg < seen(value),
        Operator::ScmpCmpLe => arg <= seen(value),
        Operator::ScmpCmpEq => arg == seen(value),
        Operator::ScmpCmpGe => arg >= seen(value),
        Operator::ScmpCmpGt => arg > seen(value),
        Operator::ScmpCmpMaskedEq => arg & value == seen(condition.value_two().unwrap_or(0) & value),
    }
}

const SOCKETCALL: u32 = 102;
const IPC: u32 = 117;

/// `linux/net.h`, from 1 on.
const SOCKET_CALLS: [&str; 20] = [
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
/// `linux/ipc.h`.
const IPC_CALLS: [(&str, u64); 12] = [
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

/// i386's socketcall(2) or ipc(2) and what selects a call behind them.
#[must_use]
pub fn behind(abi: Abi, name: &str) -> Option<(u32, u64)> {
    if abi != Abi::X86 {
        return None;
    }
    if let Some(index) = SOCKET_CALLS.iter().position(|known| *known == name) {
        return Some((SOCKETCALL, index as u64 + 1));
    }
    IPC_CALLS.iter().find(|(known, _)| *known == name).map(|(_, selector)| (IPC, *selector))
}
