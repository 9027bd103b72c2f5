//! Sequences of system calls under a filter, thousands a second, in processes that can do nothing to the host: for comparing
//! the kernel's decisions with those that were expected.
//!
//! A keeper, forked from this process, makes an empty root that is read-only, becomes nobody, and starts the first process of
//! new user, pid, mount, network, IPC, UTS and cgroup namespaces, without capabilities, terminal or descriptors. That one
//! waits for sequences and starts a child for each. The child shares its memory until it ends, so that it costs the same
//! however large this process is; and it can neither fork nor map anything.
//!
//! Whatever the calls do to memory they do to the sandbox's copy. They come back through shared numbers, which any value fits.

mod within;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::shared::Words;
use super::trial::Entry;
use super::{Errno, Result, fork, process, socket};
use crate::seccomp::{Instruction, Program};

/// The most calls of a sequence.
pub const MOST: usize = 16;
/// The longest program (`BPF_MAXINSNS`).
const LONGEST: usize = 4096;
/// How long a sequence may take; a child that hangs ends sooner.
const PATIENCE: Duration = Duration::from_secs(20);

/// A call to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// By which way it enters the kernel.
    pub entry: Entry,
    /// Its number there.
    pub number: u32,
    /// Its arguments; 32 bits of them through i386's way.
    pub args: [u64; 6],
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It returned this: a negative errno where it failed.
    Returned(i64),
    /// The kernel sent `SIGSYS` for it (`SECCOMP_RET_TRAP`) instead, with this number and `AUDIT_ARCH_*`. The sequence ends.
    Trapped {
        /// The call's number.
        number: u32,
        /// The ABI.
        arch: u32,
    },
    /// This signal killed the process within the call; `SIGALRM` means that it hung.
    Killed(i32),
    /// The sequence had ended before.
    NotMade,
}

/// Where sequences run.
#[derive(Debug)]
pub struct Sandbox {
    shared: Words,
    socket: Option<OwnedFd>,
    keeper: OwnedFd,
}

// What the shared numbers are.
const INSTRUCTIONS: usize = 0;
const FLAGS: usize = 1;
const CALLS: usize = 2;
/// Why the filter was not loaded, or the sandbox not made.
const FAILED: usize = 3;
/// How many calls were begun.
const BEGUN: usize = 4;
/// How the child ended: 256 and a signal, or a status.
const ENDED: usize = 5;
const GIVEN: usize = 8;
const GIVEN_EACH: usize = 8;
const BACK: usize = GIVEN + MOST * GIVEN_EACH;
const BACK_EACH: usize = 2;
const PROGRAM: usize = BACK + MOST * BACK_EACH;

/// `SECCOMP_FILTER_FLAG_TSYNC` and `SECCOMP_FILTER_FLAG_SPEC_ALLOW`.
const KEPT: u32 = 0b101;

const RETURNED: u64 = 1;
const TRAPPED: u64 = 2;

impl Sandbox {
    /// Makes it.
    ///
    /// # Errors
    /// Of the first call that failed on the way; all of it needs root.
    pub fn new() -> Result<Sandbox> {
        let shared = Words::new(PROGRAM + LONGEST, 0)?;
        let [own, other] = socket::pair()?;
        let pid = fork::fork(libc::SIGCHLD, || {
            let Err(errno) = within::keep(&shared, other.as_fd()) else { return 0 };
            put(&shared, FAILED, errno.into_raw() as u64);
            1
        })?;
        drop(other);
        let sandbox = Sandbox { shared, socket: Some(own), keeper: process::pidfd_open(pid)? };
        match sandbox.answered() {
            Err(Errno::EPIPE) if get(&sandbox.shared, FAILED) != 0 => {
                Err(Errno::new(get(&sandbox.shared, FAILED) as i32))
            }
            answered => answered.map(|()| sandbox),
        }
    }

    /// Makes these calls one after another in a process of its own, after loading the filter where one is given: without a
    /// listener, and without a line in the kernel's log for each call.
    ///
    /// # Errors
    /// `EINVAL` for more than [`MOST`] calls, or for a filter that the kernel refuses; `ETIMEDOUT` when nothing comes back;
    /// `EPIPE` when the sandbox has come to its end.
    pub fn run(&self, filter: Option<&Program>, calls: &[Made]) -> Result<Vec<Became>> {
        let program = filter.map_or(&[][..], |filter| &filter.instructions);
        if calls.len() > MOST || program.len() > LONGEST {
            return Err(Errno::EINVAL);
        }
        let shared = &self.shared;
        put(shared, INSTRUCTIONS, program.len() as u64);
        put(shared, FLAGS, filter.map_or(0, |filter| u64::from(filter.flags & KEPT)));
        put(shared, CALLS, calls.len() as u64);
        for index in [FAILED, BEGUN, ENDED].into_iter().chain(BACK..PROGRAM) {
            put(shared, index, 0);
        }
        for (index, instruction) in program.iter().enumerate() {
            put(shared, PROGRAM + index, packed(instruction));
        }
        for (made, at) in calls.iter().zip((GIVEN..).step_by(GIVEN_EACH)) {
            put(shared, at, u64::from(made.entry == Entry::I386));
            put(shared, at + 1, made.number.into());
            (0..).zip(made.args).for_each(|(index, arg)| put(shared, at + 2 + index, arg));
        }
        let socket = self.socket.as_ref().ok_or(Errno::EPIPE)?;
        socket::send(socket.as_fd(), 0)?;
        self.answered()?;
        match get(shared, FAILED) {
            0 => Ok((0..calls.len()).map(|index| self.became(index)).collect()),
            errno => Err(Errno::new(errno as i32)),
        }
    }

    fn answered(&self) -> Result<()> {
        let socket = self.socket.as_ref().ok_or(Errno::EPIPE)?.as_fd();
        process::poll(&[socket], Some(PATIENCE))?.ok_or(Errno::ETIMEDOUT)?;
        socket::receive(socket)?.map(drop).ok_or(Errno::EPIPE)
    }

    fn became(&self, index: usize) -> Became {
        let value = get(&self.shared, BACK + index * BACK_EACH + 1);
        match get(&self.shared, BACK + index * BACK_EACH) {
            RETURNED => Became::Returned(value.cast_signed()),
            TRAPPED => Became::Trapped { number: value as u32, arch: (value >> 32) as u32 },
            _ if get(&self.shared, BEGUN) == index as u64 + 1 => {
                Became::Killed(get(&self.shared, ENDED) as i32 - SIGNALLED)
            }
            _ => Became::NotMade,
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // The sandbox ends when nobody can ask any more, or by force.
        self.socket = None;
        if !matches!(process::poll(&[self.keeper.as_fd()], Some(PATIENCE)), Ok(Some(_))) {
            super::no_matter(process::signal(&self.keeper, libc::SIGKILL));
        }
        super::no_matter(process::wait(self.keeper.as_fd(), true));
    }
}

/// Added to a signal's number where a status could stand.
const SIGNALLED: i32 = 256;

fn get(shared: &Words, index: usize) -> u64 {
    shared.get().get(index).map_or(0, |word| word.load(Ordering::Acquire))
}

fn put(shared: &Words, index: usize, value: u64) {
    if let Some(word) = shared.get().get(index) {
        word.store(value, Ordering::Release);
    }
}

fn packed(instruction: &Instruction) -> u64 {
    let Instruction { code, jt, jf, k } = *instruction;
    u64::from(code) | u64::from(jt) << 16 | u64::from(jf) << 24 | u64::from(k) << 32
}

fn unpacked(word: u64) -> Instruction {
    Instruction { code: word as u16, jt: (word >> 16) as u8, jf: (word >> 24) as u8, k: (word >> 32) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::need;
    use crate::seccomp::{Arch, Filter, number};

    fn native(name: &str, args: [u64; 6]) -> Made {
        let number = number(Arch::NATIVE, name).unwrap();
        Made { entry: Entry::Native, number, args }
    }

    #[test]
    fn what_becomes_of_calls_is_told() {
        if !need::met(&["root"]) {
            return;
        }
        let sandbox = Sandbox::new().unwrap();
        let profile = r#"{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            { "names": ["getuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133 },
            { "names": ["getgid"], "action": "SCMP_ACT_TRAP" },
            { "names": ["getegid"], "action": "SCMP_ACT_KILL_THREAD" } ] }"#;
        let profile = serde_json::from_str(profile).unwrap();
        let filter = Filter::new(&profile, Arch::NATIVE).unwrap().compile().unwrap();
        let none = [0; 6];
        let (errno, trap, kill) = (native("getuid", none), native("getgid", none), native("getegid", none));
        for _ in 0..3 {
            let found = sandbox.run(Some(&filter), &[native("getppid", none), errno, trap, errno]).unwrap();
            let trapped = Became::Trapped { number: trap.number, arch: Arch::NATIVE.audit() };
            assert_eq!(found, [Became::Returned(1), Became::Returned(-133), trapped, Became::NotMade]);
            let found = sandbox.run(Some(&filter), &[errno, kill, errno]).unwrap();
            assert_eq!(found, [Became::Returned(-133), Became::Killed(libc::SIGSYS), Became::NotMade]);
        }
        let umask = |mask| native("umask", [mask, 0, 0, 0, 0, 0]);
        let found = sandbox.run(None, &[umask(0o777), umask(0o077)]).unwrap();
        assert_eq!(found, [Became::Returned(0o022), Became::Returned(0o777)], "each begins anew");
        assert_eq!(sandbox.run(None, &[native("pause", none)]), Ok(vec![Became::Killed(libc::SIGALRM)]));
        assert_eq!(sandbox.run(None, &[errno; 17]), Err(Errno::EINVAL));
    }

    /// What the sandbox is for: it has nothing, and can get nothing.
    #[test]
    fn nothing_can_be_done_from_within() {
        if !need::met(&["root"]) {
            return;
        }
        let sandbox = Sandbox::new().unwrap();
        let failed = |errno: Errno| Became::Returned(-i64::from(errno.into_raw()));
        let fork = native("clone", [libc::SIGCHLD as u64, 0, 0, 0, 0, 0]);
        let map = native("mmap", [0, 4096, 3, 0x22, u64::MAX, 0]);
        let write = native("write", [1, 0, 0, 0, 0, 0]);
        let namespace = native("unshare", [libc::CLONE_NEWNET as u64, 0, 0, 0, 0, 0]);
        let found = sandbox.run(None, &[fork, map, write, namespace]).unwrap();
        assert_eq!(found[..3], [Errno::EAGAIN, Errno::ENOMEM, Errno::EBADF].map(failed));
        assert_eq!(found[3], failed(Errno::EPERM));
        let nobody = native("getuid", [0; 6]);
        assert_ne!(sandbox.run(None, &[nobody]).unwrap(), [Became::Returned(0)]);
    }
}
