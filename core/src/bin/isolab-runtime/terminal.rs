//! The terminal of a workload: its controlling side goes to an engine's socket, or is served here.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use isolab_core::sys::{self, Errno, fs, process, socket, terminal};

use crate::failure::Failure;
use crate::log::say;

/// Where the controlling side of a terminal goes.
pub(crate) struct Terminal {
    socket: Option<UnixStream>,
    /// The other end of the socket, where it is served here.
    own: Option<UnixStream>,
    served: Option<Served>,
}

/// A terminal that is served from this process's standard streams.
struct Served {
    controlling: OwnedFd,
    /// What this process's own terminal was set to; `None` where its standard input is none.
    saved: Option<terminal::Settings>,
    /// Whether standard input may have more.
    input: Cell<bool>,
    /// Whether the workload's side may have more.
    output: Cell<bool>,
}

/// Connects to an engine's socket, which is there exactly if there is to be a terminal.
pub(crate) fn console(socket: Option<&Path>, wanted: bool) -> Result<Option<UnixStream>, Failure> {
    match (socket, wanted) {
        (None, false) => Ok(None),
        (None, true) => Err(Failure::new(
            "process.terminal: a detached container's terminal needs --console-socket, or set it to false",
        )),
        (Some(_), false) => {
            Err(Failure::new("--console-socket: there is no terminal, process.terminal is false"))
        }
        (Some(path), true) => connect(path).map(Some),
    }
}

fn connect(path: &Path) -> Result<UnixStream, Failure> {
    let failed = |error| Failure::context(&format!("--console-socket {}", path.display()), error);
    UnixStream::connect(path).map_err(failed)
}

impl Terminal {
    /// Prepares for a terminal if one is wanted.
    pub(crate) fn new(socket: Option<&Path>, wanted: bool, detached: bool) -> Result<Terminal, Failure> {
        let none = Terminal { socket: None, own: None, served: None };
        match (socket, wanted) {
            (None, true) if !detached => {
                let (socket, own) =
                    UnixStream::pair().map_err(|error| Failure::context("socketpair", error))?;
                Ok(Terminal { socket: Some(socket), own: Some(own), ..none })
            }
            _ => Ok(Terminal { socket: console(socket, wanted)?, ..none }),
        }
    }

    /// What the controlling side is to be sent to.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// Whether it is served here.
    pub(crate) fn is_ours(&self) -> bool {
        self.served.is_some()
    }

    /// Receives the controlling side, if it is served here, and has this process's own terminal pass everything on.
    pub(crate) fn take_over(&mut self) -> Result<(), Failure> {
        self.socket = None;
        let Some(own) = self.own.take() else { return Ok(()) };
        let controlling = socket::receive_descriptor(own.as_fd(), &mut [0; 64])
            .map_err(|errno| Failure::context("receive the terminal", errno))?;
        let input = std::io::stdin();
        let saved = match terminal::pass_everything(input.as_fd()) {
            Ok(saved) => Some(saved),
            Err(Errno::ENOTTY) => None,
            Err(errno) => return Err(Failure::context("set the terminal", errno)),
        };
        self.served = Some(Served { controlling, saved, input: Cell::new(true), output: Cell::new(true) });
        self.resize()
    }

    /// Gives the workload's terminal the size of this process's own.
    pub(crate) fn resize(&self) -> Result<(), Failure> {
        let Some(served) = &self.served else { return Ok(()) };
        match terminal::copy_size(std::io::stdin().as_fd(), served.controlling.as_fd()) {
            Ok(()) | Err(Errno::ENOTTY) => Ok(()),
            Err(errno) => Err(Failure::context("resize the terminal", errno)),
        }
    }

    /// What there is to wait for, in the order that [`serve`](Terminal::serve) counts.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let served = self.served.as_ref();
        let output = served.filter(|served| served.output.get()).map(|served| served.controlling.as_fd());
        let input = served.filter(|served| served.input.get()).map(|_| sys::input());
        output.into_iter().chain(input)
    }

    /// Passes on what has come from the `nth` source.
    pub(crate) fn serve(&self, nth: usize) -> Result<(), Failure> {
        let Some(served) = &self.served else { return Ok(()) };
        if nth == 0 && served.output.get() { served.pass_output() } else { served.pass_input() }
    }

    /// Passes on what the workload had written before its end.
    pub(crate) fn drain(&self) -> Result<(), Failure> {
        let Some(served) = &self.served else { return Ok(()) };
        // A process that it left in the container may hold the terminal and write on: only what is there already.
        while served.output.get()
            && process::poll(&[served.controlling.as_fd()], Some(Duration::ZERO)) == Ok(Some(0))
        {
            served.pass_output()?;
        }
        Ok(())
    }
}

impl Served {
    fn pass_output(&self) -> Result<(), Failure> {
        let mut buffer = [0; 4096];
        match fs::read(self.controlling.as_fd(), &mut buffer) {
            // EIO: nobody has the other side open any more (pty(7)).
            Ok([]) | Err(Errno::EIO) => self.output.set(false),
            Ok(bytes) => fs::write_all(std::io::stdout().as_fd(), bytes)
                .map_err(|errno| Failure::context("standard output", errno))?,
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(errno) => return Err(Failure::context("read the terminal", errno)),
        }
        Ok(())
    }

    fn pass_input(&self) -> Result<(), Failure> {
        let mut buffer = [0; 4096];
        match fs::read(sys::input(), &mut buffer) {
            Ok([]) | Err(Errno::EIO) => self.input.set(false),
            Ok(bytes) => match fs::write_all(self.controlling.as_fd(), bytes) {
                Ok(()) => {}
                Err(Errno::EIO) => self.input.set(false),
                Err(errno) => return Err(Failure::context("write to the terminal", errno)),
            },
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(errno) => return Err(Failure::context("standard input", errno)),
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved
            && let Err(errno) = terminal::restore(std::io::stdin().as_fd(), saved)
        {
            say(&format!("the terminal could not be put back: {errno}"));
        }
    }
}
