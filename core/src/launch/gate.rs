//! Where a child waits for its parent: a socket pair, one byte a word.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::sys::{self, Errno, process, socket};

/// What a child says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// The next steps are its parent's.
    YourTurn,
    /// It waits to be started.
    Ready,
    /// It is about to load a filter, and offers its listener then.
    Listener,
}

/// The words as they are sent.
const WORDS: [(u8, Word); 3] = [(b't', Word::YourTurn), (b'r', Word::Ready), (b'l', Word::Listener)];

const GO_ON: u8 = b'g';

/// The parent's end.
pub(super) struct Gate(OwnedFd);

/// The child's end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door<'a>(BorrowedFd<'a>);

impl Door<'_> {
    /// Says a word, and waits for nothing.
    pub(crate) fn say(&self, word: Word) -> sys::Result<()> {
        let (byte, _) = WORDS.iter().find(|(_, known)| *known == word).ok_or(Errno::EINVAL)?;
        socket::send(self.0, *byte)
    }

    /// Says a word, and waits for the parent's answer. The launch's time limit bounds it; a parent that is gone ends it.
    pub(crate) fn pass(&self, word: Word) -> sys::Result<()> {
        self.say(word)?;
        match socket::receive(self.0)? {
            Some(_) => Ok(()),
            None => Err(Errno::ECANCELED),
        }
    }
}

/// The gate, and the child's end of it. Once every copy of that is closed, by the child's exec or its death, no more
/// words come.
pub(super) fn pair() -> sys::Result<(Gate, OwnedFd)> {
    let [parent, child] = socket::pair()?;
    Ok((Gate(parent), child))
}

impl<'a> Door<'a> {
    pub(super) fn new(end: BorrowedFd<'a>) -> Door<'a> {
        Door(end)
    }

    pub(super) fn end(&self) -> BorrowedFd<'a> {
        self.0
    }
}

impl Gate {
    /// What the child says next; `None` when it will say nothing any more. `ETIME` after the timeout.
    pub(super) fn word(&self, timeout: Option<Duration>) -> sys::Result<Option<Word>> {
        if process::poll(&[self.0.as_fd()], timeout)?.is_none() {
            return Err(Errno::ETIME);
        }
        let byte = socket::receive(self.0.as_fd())?;
        Ok(byte.and_then(|byte| WORDS.iter().find(|(known, _)| *known == byte).map(|(_, word)| *word)))
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Lets the child go on.
    pub(super) fn open(&self) -> sys::Result<()> {
        socket::send(self.0.as_fd(), GO_ON)
    }

    /// Ends the waiting for a word, whoever else has a copy of the child's end.
    pub(super) fn end(&self) {
        // ENOTCONN: the child's end is closed already.
        sys::no_matter(socket::shut_down(self.0.as_fd()));
    }
}
