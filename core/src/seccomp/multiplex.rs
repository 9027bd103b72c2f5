//! i386 has two system calls that stand for many: socketcall(2) and ipc(2), whose first argument selects the real one
//! and whose other arguments lie in memory, out of a filter's sight. A rule for `socket` must hold through
//! `socketcall` too, or a 32-bit program walks round it.

use super::arch::Abi;
use super::rule::{Compare, Condition, Rule};
use crate::planted::planted;

/// One call behind a multiplexer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Multiplexed {
    /// The multiplexer's number on i386.
    pub(super) number: u32,
    /// What its first argument selects this call by.
    selector: u32,
}

const SOCKETCALL: u32 = 102;
const IPC: u32 = 117;

/// `SYS_*` of `linux/net.h`.
const SOCKET_CALLS: [(&str, u32); 20] = [
    ("socket", 1),
    ("bind", 2),
    ("connect", 3),
    ("listen", 4),
    ("accept", 5),
    ("getsockname", 6),
    ("getpeername", 7),
    ("socketpair", 8),
    ("send", 9),
    ("recv", 10),
    ("sendto", 11),
    ("recvfrom", 12),
    ("shutdown", 13),
    ("setsockopt", 14),
    ("getsockopt", 15),
    ("sendmsg", 16),
    ("recvmsg", 17),
    ("accept4", 18),
    ("recvmmsg", 19),
    ("sendmmsg", 20),
];

/// `linux/ipc.h`.
const IPC_CALLS: [(&str, u32); 12] = [
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

impl Multiplexed {
    /// The call of this name, if `abi` multiplexes it.
    pub(super) fn find(abi: Abi, name: &str) -> Option<Multiplexed> {
        if abi != Abi::X86 {
            return None;
        }
        let within = |calls: &[(&str, u32)], number| {
            let (_, selector) = *calls.iter().find(|(known, _)| *known == name)?;
            Some(Multiplexed { number, selector })
        };
        within(&SOCKET_CALLS, SOCKETCALL).or_else(|| within(&IPC_CALLS, IPC))
    }

    /// The rule on the multiplexer that gives this call `action`.
    pub(super) fn rule(self, action: u32) -> Rule {
        // ipc(2) takes a version in the selector's upper half, and ignores it for most calls.
        let masked = self.number == IPC && !planted("ipc-version-not-masked");
        let compare = if masked { Compare::MaskedEqual(0xffff) } else { Compare::Equal };
        Rule { conditions: vec![Condition { argument: 0, compare, value: self.selector.into() }], action }
    }
}
