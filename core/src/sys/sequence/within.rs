//! The inner side of the sandbox: the keeper, the first process, and the children that make calls.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};

use super::{
    BACK, BACK_EACH, BEGUN, CALLS, ENDED, FAILED, FLAGS, GIVEN, GIVEN_EACH, INSTRUCTIONS, LONGEST, MOST,
    PROGRAM, RETURNED, SIGNALLED, TRAPPED, get, put, unpacked,
};
use crate::seccomp::Instruction;
use crate::sys::clone::{self, Request};
use crate::sys::process::{Change, Exit};
use crate::sys::shared::Words;
use crate::sys::trial::{self, Entry};
use crate::sys::{Result, Sysno, args, call, credential, fs, mount, namespace, process, signal, socket};

/// Nobody, as most systems call it; it needs no name.
const NOBODY: u32 = 65534;

/// The keeper: an empty root, and nothing of its caller's; then it waits for the first process within.
pub(super) fn keep(shared: &Words, socket: BorrowedFd<'_>) -> Result<()> {
    fs::close_except(0, [socket])?;
    process::setsid()?;
    signal::unblock_all()?;
    signal::reset_dispositions()?;
    namespace::unshare(libc::CLONE_NEWNS as u64)?;
    mount::change(c"/", libc::MS_REC | libc::MS_PRIVATE)?;
    let quiet = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    mount::mount(c"none", c"/proc", c"tmpfs", quiet, c"size=4k,nr_inodes=2,mode=555")?;
    fs::chdir(c"/proc")?;
    mount::pivot_root(c".", c".")?;
    mount::detach(c".")?;
    fs::chdir(c"/")?;
    mount::change(c"/", libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | quiet)?;
    credential::set_groups(&[])?;
    credential::set_gid(NOBODY)?;
    credential::set_uid(NOBODY)?;
    let namespaces = libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    let pid = AtomicI32::new(0);
    let request = Request { namespaces: namespaces as u64, cgroup: None, pid: &pid };
    let child = clone::with_copy(&request, first, &Within { shared, socket })?;
    process::wait(child.pidfd.as_fd(), true)?;
    Ok(())
}

struct Within<'a> {
    shared: &'a Words,
    socket: BorrowedFd<'a>,
}

/// The first process of the sandbox.
fn first(within: &Within<'_>) -> ! {
    let served = confine().and_then(|()| serve(within));
    if let Err(errno) = served {
        put(within.shared, FAILED, errno.into_raw() as u64);
    }
    process::exit(0)
}

fn confine() -> Result<()> {
    process::die_with_parent()?;
    process::setsid()?;
    credential::capset(0, 0, 0)?;
    credential::set_no_new_privs()?;
    // Also for what is killed to leave no core file.
    credential::set_dumpable(0)?;
    for none in [libc::RLIMIT_CORE, libc::RLIMIT_FSIZE, libc::RLIMIT_MEMLOCK, libc::RLIMIT_MSGQUEUE] {
        process::set_rlimit(none, 0, 0)?;
    }
    process::set_rlimit(libc::RLIMIT_NOFILE, 16, 16)?;
    fs::umask(0o022)
}

/// A sequence for each byte, until nobody asks any more.
fn serve(within: &Within<'_>) -> Result<()> {
    let &Within { shared, socket } = within;
    // For the handler, which is told nothing.
    BACK_AT.store(std::ptr::from_ref(shared.get()).cast::<AtomicU64>() as usize, Ordering::Release);
    let mut program = [unpacked(0); LONGEST];
    socket::send(socket, 0)?;
    while socket::receive(socket)?.is_some() {
        let length = (get(shared, INSTRUCTIONS) as usize).min(LONGEST);
        for (index, instruction) in program[..length].iter_mut().enumerate() {
            *instruction = unpacked(get(shared, PROGRAM + index));
        }
        let pid = AtomicI32::new(0);
        let request = Request { namespaces: 0, cgroup: None, pid: &pid };
        let child = clone::with_child(&request, live, &Life { shared, program: &program[..length] })?;
        if let Some(Change::Ended(exit)) = process::wait(child.pidfd.as_fd(), true)? {
            let ended = match exit {
                Exit::Code(code) => code,
                Exit::Signal(signal) => SIGNALLED + signal,
            };
            put(shared, ENDED, ended as u64);
        }
        socket::send(socket, 0)?;
    }
    Ok(())
}

struct Life<'a> {
    shared: &'a Words,
    program: &'a [Instruction],
}

/// A child: the filter, and the calls.
fn live(life: &Life<'_>) -> ! {
    let shared = life.shared;
    if let Err(errno) = prepare(life) {
        put(shared, FAILED, errno.into_raw() as u64);
        process::exit(1);
    }
    for index in 0..(get(shared, CALLS) as usize).min(MOST) {
        put(shared, BEGUN, index as u64 + 1);
        let at = GIVEN + index * GIVEN_EACH;
        let entry = if get(shared, at) == 0 { Entry::Native } else { Entry::I386 };
        let given = [2, 3, 4, 5, 6, 7].map(|arg| get(shared, at + arg) as usize);
        // SAFETY: whatever the call does to memory, it does to that of the sandbox, which is a copy.
        let value = unsafe { trial::enter(entry, get(shared, at + 1) as usize, given) };
        put(shared, BACK + index * BACK_EACH + 1, value as u64);
        put(shared, BACK + index * BACK_EACH, RETURNED);
    }
    // The exit is no call of the sequence, whatever the filter says of it.
    put(shared, BEGUN, 0);
    process::exit(0)
}

/// Some seconds to live, no descriptors, no processes and no mappings of its own; then the filter.
fn prepare(life: &Life<'_>) -> Result<()> {
    fs::close_from(0)?;
    handle_traps()?;
    let seconds = [0usize, 0, SECONDS, 0];
    // SAFETY: a `struct itimerval`, which outlives the call.
    unsafe { call(Sysno::setitimer, args![libc::ITIMER_REAL, seconds.as_ptr(), 0]) }?;
    process::set_rlimit(libc::RLIMIT_NPROC, 0, 0)?;
    process::set_rlimit(libc::RLIMIT_AS, 0, 0)?;
    if life.program.is_empty() {
        return Ok(());
    }
    credential::seccomp_load(life.program, get(life.shared, FLAGS) as u32)
}

/// How long a child may hang.
const SECONDS: usize = 3;

/// Where the shared numbers are in the sandbox.
static BACK_AT: AtomicUsize = AtomicUsize::new(0);

/// Has `SIGSYS` noted.
fn handle_traps() -> Result<()> {
    /// Not in the libc crate: there is a function to return by. None returns here, but the kernel wants one.
    const RESTORER: i32 = 0x0400_0000;
    let handler = trapped as extern "C" fn(i32, *const [u32; 8]) as usize;
    // `struct sigaction` of the kernel: handler, flags, restorer, mask.
    let action = [handler, (libc::SA_SIGINFO | RESTORER) as usize, handler, 0];
    let given = args![libc::SIGSYS, action.as_ptr(), 0, size_of::<u64>()];
    // SAFETY: the structure outlives the call; the handler makes calls alone, and never returns.
    unsafe { call(Sysno::rt_sigaction, given) }?;
    Ok(())
}

/// The handler: notes the call, and ends the process, since to return takes a call that the filter may refuse.
extern "C" fn trapped(_signal: i32, information: *const [u32; 8]) {
    // SAFETY: the kernel passes a `siginfo_t` of 128 bytes, aligned for its pointers.
    let information = unsafe { information.read() };
    // Of `SIGSYS`: signal, errno, code, padding, the caller's address in two words, number, `AUDIT_ARCH_*` (sigaction(2)).
    let value = u64::from(information[6]) | u64::from(information[7]) << 32;
    let words = BACK_AT.load(Ordering::Acquire) as *const AtomicU64;
    // SAFETY: the mapping, which the sandbox has for life, is longer; both numbers are atomic.
    let begun = unsafe { &*words.wrapping_add(BEGUN) }.load(Ordering::Acquire) as usize;
    if (1..=MOST).contains(&begun) {
        let at = BACK + (begun - 1) * BACK_EACH;
        // SAFETY: as above.
        unsafe { &*words.wrapping_add(at + 1) }.store(value, Ordering::Release);
        // SAFETY: as above.
        unsafe { &*words.wrapping_add(at) }.store(TRAPPED, Ordering::Release);
    }
    process::exit(0);
}
