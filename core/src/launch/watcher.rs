//! The watcher: one small process beside a launcher, for what the launcher cannot do itself.
//!
//! When the launcher dies, the watcher kills its containers. It waits on the launcher's process descriptor and then
//! kills every process whose number stands in a table that both share. The kernel itself writes the number there at
//! the clone (`CLONE_PARENT_SETTID`), before the child runs, so there is no moment at which a launcher can die and leave
//! a container behind. `PR_SET_PDEATHSIG` could not promise that: it fires when the launching thread ends, and a change
//! of credentials clears it.
//!
//! It removes the groups that they were in ([`Noted`]), so that a killed launcher leaves nothing.
//!
//! And it ends launches that take too long: the launching thread is suspended until its child's exec.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use std::time::Duration;

use super::Error;
use super::noted::Noted;
use crate::sys::fork::{SharedNumbers, fork};
use crate::sys::{self, Errno, clock, fs, process, signal};

/// How many containers one launcher can have at a time.
const SLOTS: usize = 8192;
/// A slot that is taken but has no process yet. No process has this number.
const TAKEN: i32 = -1;
/// A launch that was ended because it took too long.
const EXPIRED: i32 = -1;
/// Room for the groups of one container: a dozen hierarchies, and paths of some three hundred bytes.
const ROOM: usize = 4096;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(500);

/// A container's place in the table.
#[derive(Debug)]
pub(crate) struct Slot {
    pid: &'static AtomicI32,
    /// While its launch is under way: when it must be over, see [`now`]. 0 otherwise.
    deadline: &'static AtomicI32,
    /// The groups that were made for it.
    groups: Noted<'static>,
}

/// What a launcher and its watcher share.
struct Table {
    watcher: i32,
    numbers: SharedNumbers<AtomicI32>,
    notes: SharedNumbers<AtomicU8>,
}

/// Starts the watcher of containers that die with this process, which a launch does otherwise: the less memory there is to
/// copy the sooner it is done. Returns the watcher's number.
///
/// # Errors
/// Of `fork(2)`.
pub fn start_watcher() -> Result<i32, Error> {
    started(true)
}

/// The same for containers that outlive this process: only launches that are under way are watched.
///
/// # Errors
/// Of `fork(2)`.
pub fn start_watcher_of_launches() -> Result<i32, Error> {
    started(false)
}

fn started(watched: bool) -> Result<i32, Error> {
    let table = of(watched).get_or_init(|| start(watched)).as_ref();
    table
        .map(|table| table.watcher)
        .map_err(|errno| Error::system("fork a process that ends containers with this one", *errno))
}

static WATCHED: OnceLock<sys::Result<Table>> = OnceLock::new();
static UNWATCHED: OnceLock<sys::Result<Table>> = OnceLock::new();

fn of(watched: bool) -> &'static OnceLock<sys::Result<Table>> {
    if watched { &WATCHED } else { &UNWATCHED }
}

impl Slot {
    /// Takes a free slot for a launch that may take so long. With `watched`, the process in it dies with this one.
    pub(crate) fn take(watched: bool, timeout: Duration) -> sys::Result<Slot> {
        let table = of(watched).get_or_init(|| start(watched)).as_ref().map_err(|errno| *errno)?;
        let numbers = table.numbers.get();
        let free = |(_, pair): &(usize, &'static [AtomicI32])| {
            pair[0].compare_exchange(0, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let (index, pair) = numbers[1..].chunks_exact(2).enumerate().find(free).ok_or(Errno::EAGAIN)?;
        numbers[0].fetch_max(index as i32 + 1, Ordering::AcqRel);
        let tenths = i32::try_from(timeout.as_millis().div_ceil(100)).unwrap_or(i32::MAX);
        pair[1].store(now().saturating_add(tenths), Ordering::Release);
        Ok(Slot { pid: &pair[0], deadline: &pair[1], groups: table.groups(index) })
    }

    /// Where the kernel is to write the process's number.
    pub(crate) fn pid(&self) -> &AtomicI32 {
        self.pid
    }

    /// Groups that go when this process is killed.
    pub(super) fn groups(&self) -> Noted<'static> {
        self.groups
    }

    /// The launch is over. Returns whether it was ended because it took too long.
    pub(crate) fn launched(&self) -> bool {
        self.deadline.swap(0, Ordering::AcqRel) == EXPIRED
    }

    /// The process is dead, and about to be reaped: its number may be another's from then on.
    pub(crate) fn clear(&self) {
        self.pid.store(TAKEN, Ordering::Release);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.groups.forget();
        self.deadline.store(0, Ordering::Release);
        self.pid.store(0, Ordering::Release);
    }
}

/// Tenths of seconds of `CLOCK_MONOTONIC`, from 1: they fit for six years of uptime.
fn now() -> i32 {
    i32::try_from(clock::monotonic() / 100_000_000 + 1).unwrap_or(i32::MAX)
}

impl Table {
    fn groups(&self, slot: usize) -> Noted<'static> {
        Noted(&self.notes.get()[slot * ROOM..(slot + 1) * ROOM])
    }
}

fn start(watched: bool) -> sys::Result<Table> {
    let (numbers, notes) = (SharedNumbers::new(1 + 2 * SLOTS)?, SharedNumbers::new(SLOTS * ROOM)?);
    let mut table = Table { watcher: 0, numbers, notes };
    let launcher = process::pidfd_open(std::process::id() as i32)?;
    // Blocked from its first instruction: a Ctrl-C must not end it before it has left the terminal's session.
    let mask = signal::block_all()?;
    let watcher = fork(0, || watch(&launcher, &table, watched));
    signal::restore(mask)?;
    table.watcher = watcher?;
    Ok(table)
}

/// The watcher's life. Raw calls only: it is a fork of a process that may have threads.
fn watch(launcher: &OwnedFd, table: &Table, watched: bool) -> i32 {
    let numbers = table.numbers.get();
    // Out of the terminal's reach, and holding nothing of the launcher's: no pipe, no directory.
    let ready = process::setsid()
        .and_then(|()| fs::copy_to(launcher.as_fd(), 0))
        .and_then(|()| fs::close_from(1))
        .and_then(|()| fs::chdir(c"/"));
    if ready.is_err() {
        return 1;
    }
    loop {
        match process::poll(&[sys::input()], Some(TICK)) {
            Ok(None) => end_expired(used(numbers)),
            Ok(Some(_)) => break,
            Err(_) => return 1,
        }
    }
    // A launch under way has lost the thread that it needs; a launched container may be meant to live on.
    let lost = |pair: &[AtomicI32]| watched || pair[1].load(Ordering::Acquire) > 0;
    for pair in used(numbers).filter(|pair| lost(pair)) {
        kill(&pair[0]);
    }
    for (index, _) in used(numbers).enumerate().filter(|(_, pair)| lost(pair)) {
        table.groups(index).visit(remove);
    }
    0
}

/// Removes a group, once the last of its processes is gone.
fn remove(group: &CStr) {
    let mut pause = Duration::from_micros(100);
    // Together some seconds.
    for _ in 0..16 {
        match fs::rmdir(group) {
            Err(Errno::EBUSY) => clock::sleep_until(clock::monotonic() + u64::from(pause.subsec_nanos())),
            // Removed, never made, or in use by others.
            _ => return,
        }
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// The slots that were ever taken. Their number comes first: the others need not be looked at, which would make their pages.
fn used(numbers: &[AtomicI32]) -> std::slice::ChunksExact<'_, AtomicI32> {
    let most = numbers.len() / 2;
    let count = usize::try_from(numbers[0].load(Ordering::Acquire)).unwrap_or(most).min(most);
    numbers[1..=2 * count].chunks_exact(2)
}

fn end_expired<'n>(pairs: impl Iterator<Item = &'n [AtomicI32]>) {
    let now = now();
    for pair in pairs {
        let deadline = pair[1].load(Ordering::Acquire);
        let expired = deadline > 0 && deadline < now;
        if expired && pair[1].compare_exchange(deadline, EXPIRED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            kill(&pair[0]);
        }
    }
}

fn kill(number: &AtomicI32) {
    let pid = number.load(Ordering::Acquire);
    if pid > 0 {
        // ESRCH: it had ended by itself.
        sys::no_matter(process::kill(pid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_taken_too_long_is_ended() {
        let mut late = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut early = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = |child: &std::process::Child| AtomicI32::new(child.id() as i32);
        let numbers = [pid(&late), AtomicI32::new(1), pid(&early), AtomicI32::new(i32::MAX)];
        end_expired(numbers.chunks_exact(2));
        assert_eq!(numbers[1].load(Ordering::Relaxed), EXPIRED);
        assert!(!late.wait().unwrap().success());
        assert_eq!(numbers[3].load(Ordering::Relaxed), i32::MAX);
        assert!(early.try_wait().unwrap().is_none());
        early.kill().unwrap();
        early.wait().unwrap();
    }
}
