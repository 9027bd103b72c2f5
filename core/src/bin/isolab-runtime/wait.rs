//! Waiting for a workload in the foreground: signals are passed on, a terminal is served.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use isolab_core::launch::Container;
use isolab_core::sys::{process, signal};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Signals that are passed on to the workload.
const PASSED_ON: [i32; 9] = [
    signal::HANGUP,
    signal::INTERRUPT,
    signal::QUIT,
    signal::TERMINATE,
    signal::USER_1,
    signal::USER_2,
    signal::CONTINUE,
    signal::ALARM,
    signal::WINDOW,
];

/// The signals that this process is sent, kept for the workload.
pub(crate) struct Signals(OwnedFd);

impl Signals {
    /// Keeps them from now on.
    pub(crate) fn block() -> Result<Signals, Failure> {
        let system = |errno| Failure::context("signals", errno);
        signal::block(&PASSED_ON).map_err(system)?;
        signal::descriptor(&PASSED_ON).map(Signals).map_err(system)
    }

    /// Waits for the workload's end. Returns the exit status that says how it ended.
    pub(crate) fn wait(&self, container: &mut Container, terminal: &Terminal) -> Result<u8, Failure> {
        let exit = loop {
            // The workload first: what it has written before its end is read below.
            let mut sources: Vec<BorrowedFd<'_>> = vec![container.pidfd(), self.0.as_fd()];
            sources.extend(terminal.sources());
            let ready = process::poll(&sources, None).map_err(|errno| Failure::context("poll", errno))?;
            match ready {
                Some(1) => self.pass_on(container, terminal)?,
                Some(nth) if nth >= 2 => terminal.serve(nth - 2)?,
                _ => {
                    if let Some(exit) = container.wait(None)? {
                        break exit;
                    }
                }
            }
        };
        terminal.drain()?;
        Ok(u8::try_from(exit.status()).unwrap_or(u8::MAX))
    }

    fn pass_on(&self, container: &Container, terminal: &Terminal) -> Result<(), Failure> {
        let number = signal::next(&self.0).map_err(|errno| Failure::context("signals", errno))?;
        match number {
            // The kernel tells the workload itself, once its terminal has another size.
            signal::WINDOW if terminal.is_ours() => terminal.resize(),
            _ => Ok(container.signal(number)?),
        }
    }
}
