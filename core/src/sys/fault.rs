//! System calls that fail when they are told to: what a launch does then can be seen for each of them, at a hundred a second
//! and more.
//!
//! [`record`] notes each call of this module's siblings that a piece of work makes, in this process and in those that it
//! starts; [`inject`] does the work again and lets one of them fail, or its process die at it. A call is known by the place
//! in the source that makes it and by its number among those of that place.
//!
//! Limits: one piece of work at a time in a process, since all calls of all its threads count. Calls that the standard
//! library makes are not seen, nor are `exit` and `exit_group`, which cannot fail, nor what other programs do.

use std::fmt;
use std::panic::Location;
use std::str::FromStr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::shared::Words;
use super::{Errno, Result, Sysno, process};

/// A place in the source that makes a system call: `fs.rs:16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(&'static Location<'static>);

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.0.file().rsplit('/').next().unwrap_or_default();
        write!(f, "{file}:{}", self.0.line())
    }
}

/// One call of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Where it is made.
    pub site: Site,
    /// Which of those made there, from 1.
    pub nth: u32,
    /// What is called.
    pub call: Sysno,
    /// Whether the process that did the work makes it, and not one that it started.
    pub own: bool,
}

/// What is to happen at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The call is not made, and fails.
    Fail(Errno),
    /// Its process is gone before it.
    Die,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Fail(errno) => write!(f, "{}", errno.name().unwrap_or("?")),
            Act::Die => f.write_str("SIGKILL"),
        }
    }
}

impl FromStr for Act {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Act, String> {
        if text == "SIGKILL" {
            return Ok(Act::Die);
        }
        let named = (1..LAST_ERRNO).map(Errno::new).find(|errno| errno.name() == Some(text));
        named.map(Act::Fail).ok_or_else(|| format!("{text} is no name of an errno"))
    }
}

/// Numbers that all processes of the work see. Before the first use there are none, so a process that was forked earlier
/// takes no part.
static TABLE: OnceLock<Table> = OnceLock::new();
static TURN: Mutex<()> = Mutex::new(());

/// How many calls are noted; a launch makes some hundreds.
const MOST: usize = 16384;
/// Above every errno of Linux (`errno(3)`).
const LAST_ERRNO: i32 = 134;
/// Words before the notes.
const HEAD: usize = 6;

struct Table {
    words: Words,
}

/// What the table is used for at the moment.
const IDLE: u64 = 0;
const RECORDING: u64 = 1;
const ARMED: u64 = 2;
/// For [`Act::Die`], where an errno stands otherwise.
const DIE: u64 = u64::MAX;

/// What the words are.
#[derive(Clone, Copy)]
enum Word {
    Mode,
    Site,
    Nth,
    Act,
    /// How many calls were noted, or were made at the site.
    Count,
    Reached,
}

impl Table {
    fn word(&self, word: Word) -> &std::sync::atomic::AtomicU64 {
        &self.words.get()[word as usize]
    }

    fn get(&self, word: Word) -> u64 {
        self.word(word).load(Acquire)
    }

    fn set(&self, word: Word, value: u64) {
        self.word(word).store(value, Release);
    }

    fn note(&self, site: u64, number: Sysno) {
        let at = HEAD + 2 * usize::try_from(self.word(Word::Count).fetch_add(1, Relaxed)).unwrap_or(MOST);
        if let Some([place, what]) = self.words.get().get(at..at + 2) {
            place.store(site, Relaxed);
            what.store((u64::from(process::raw_id()) << 32) | number as u64, Relaxed);
        }
    }

    /// Whether this is the call that something is to happen at.
    fn is_it(&self, site: u64) -> bool {
        self.get(Word::Site) == site
            && self.word(Word::Count).fetch_add(1, Relaxed) + 1 == self.get(Word::Nth)
    }

    fn points(&self) -> Vec<Point> {
        let count = usize::try_from(self.get(Word::Count)).unwrap_or(MOST).min(MOST);
        let mut points: Vec<Point> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        for pair in self.words.get()[HEAD..HEAD + 2 * count].chunks_exact(2) {
            let [place, what] = [&pair[0], &pair[1]].map(|word| word.load(Relaxed));
            // SAFETY: the address of a `Location` that `next` was called with, which lives as long as the program.
            let site = Site(unsafe { &*(place as usize as *const Location<'static>) });
            let nth = seen.entry(site).and_modify(|nth| *nth += 1).or_insert(1_u32);
            let Some(call) = Sysno::new(what as u32 as usize) else { continue };
            points.push(Point { site, nth: *nth, call, own: (what >> 32) as u32 == std::process::id() });
        }
        points
    }
}

/// Whether calls were ever told to fail here.
#[inline]
pub(super) fn is_on() -> bool {
    TABLE.get().is_some()
}

/// What becomes of a call: an errno instead of it, or nothing out of the ordinary.
#[cold]
pub(super) fn next(number: Sysno, site: &'static Location<'static>) -> Option<Errno> {
    let table = TABLE.get()?;
    let mode = table.get(Word::Mode);
    if mode == IDLE || matches!(number, Sysno::exit | Sysno::exit_group) {
        return None;
    }
    let place = std::ptr::from_ref(site) as u64;
    if mode == RECORDING {
        table.note(place, number);
        return None;
    }
    if !table.is_it(place) {
        return None;
    }
    table.set(Word::Reached, 1);
    match table.get(Word::Act) {
        DIE => process::die(),
        errno => Some(Errno::new(errno as i32)),
    }
}

/// Does the work and returns the calls that it made, in their order.
///
/// # Errors
/// When there is no memory to share.
pub fn record<T>(work: impl FnOnce() -> T) -> Result<(T, Vec<Point>)> {
    let (table, _turn) = begin()?;
    table.set(Word::Count, 0);
    table.set(Word::Mode, RECORDING);
    let done = work();
    table.set(Word::Mode, IDLE);
    Ok((done, table.points()))
}

/// Does the work while something happens at one of its calls; whether that call was made is the second of the result.
///
/// # Errors
/// When there is no memory to share.
pub fn inject<T>(site: Site, nth: u32, act: Act, work: impl FnOnce() -> T) -> Result<(T, bool)> {
    let (table, _turn) = begin()?;
    table.set(Word::Site, std::ptr::from_ref(site.0) as u64);
    table.set(Word::Nth, nth.into());
    table.set(
        Word::Act,
        match act {
            Act::Fail(errno) => errno.into_raw() as u64,
            Act::Die => DIE,
        },
    );
    table.set(Word::Count, 0);
    table.set(Word::Reached, 0);
    table.set(Word::Mode, ARMED);
    let done = work();
    table.set(Word::Mode, IDLE);
    Ok((done, table.get(Word::Reached) == 1))
}

/// Does what is not part of the work, in the midst of it.
pub fn aside<T>(look: impl FnOnce() -> T) -> T {
    let Some(table) = TABLE.get() else { return look() };
    let mode = table.word(Word::Mode).swap(IDLE, Release);
    let done = look();
    table.set(Word::Mode, mode);
    done
}

fn begin() -> Result<(&'static Table, MutexGuard<'static, ()>)> {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if TABLE.get().is_none() {
        let words = Words::new(HEAD + 2 * MOST, 0)?;
        // The turn is ours, so nobody else has set it meanwhile.
        TABLE.get_or_init(|| Table { words });
    }
    TABLE.get().map(|table| (table, turn)).ok_or(Errno::ENOMEM)
}

#[cfg(test)]
mod tests {
    use super::*;

    // What happens to calls is tested in a process of its own: `tests/fault.rs`.
    #[test]
    fn what_happens_can_be_written_and_read() {
        for act in [Act::Die, Act::Fail(Errno::ENOSPC)] {
            assert_eq!(act.to_string().parse(), Ok(act));
        }
        assert!("EWHAT".parse::<Act>().is_err());
    }
}
