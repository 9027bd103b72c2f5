//! What stands around a launch: its standard streams, terminals, a seccomp agent.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use isolab_core::sys::{socket, terminal};
use serde_json::{Value, json};

use super::make::io_error;
use crate::launcher::{LIMIT, Stdio};
use crate::schema::Rig;
use crate::schema::recipe::Output;

/// The streams of a launch: what the container gets, and our ends of it.
pub(super) struct Streams {
    /// For the launcher.
    pub(super) stdio: Stdio,
    /// What the container's input ends with.
    pub(super) input: OwnedFd,
    /// Where its answers come from.
    pub(super) output: Source,
    /// What stands around it, for expectations: `stdout` as `dev:inode`.
    pub(super) facts: Value,
}

/// Where answers come from.
pub(super) enum Source {
    /// A pipe, a socket or a terminal.
    Stream(OwnedFd),
    /// A file that grows.
    File(PathBuf),
}

/// The streams that a rig asks for.
pub(super) fn streams(rig: &Rig, dir: &Path, program: &Path) -> io::Result<Streams> {
    if rig.caller_terminal {
        return caller_terminal(program);
    }
    let (stdin, input) = io::pipe()?;
    let (output, stdout): (Source, OwnedFd) = match rig.stdout {
        Output::Pipe => {
            let (output, stdout) = io::pipe()?;
            (Source::Stream(output.into()), stdout.into())
        }
        Output::Socket => {
            let (output, stdout) = UnixStream::pair()?;
            (Source::Stream(output.into()), stdout.into())
        }
        Output::File => {
            let path = dir.join("stdout");
            let stdout = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&path)?;
            (Source::File(path), stdout.into())
        }
    };
    let facts = json!({"stdin": identity(stdin.as_fd())?, "stdout": identity(stdout.as_fd())?});
    let stdio = Stdio::plain(stdin.into(), stdout);
    Ok(Streams { stdio, input: input.into(), output, facts })
}

/// termios(3), `VEOF`.
pub(super) const END_OF_FILE: u8 = 4;

/// What the controlling side of a terminal has to read: echoes of input, which nobody here has given.
pub(super) fn received(controlling: &OwnedFd) -> io::Result<String> {
    let mut bytes = vec![0; 4096];
    let ready =
        isolab_core::sys::process::poll(&[controlling.as_fd()], Some(Duration::ZERO)).map_err(io_error)?;
    let read = match ready {
        Some(_) => io::Read::read(&mut File::from(controlling.try_clone()?), &mut bytes),
        None => Ok(0),
    };
    // The other side is closed by everybody (ioctl_tty(2)).
    let length =
        read.or_else(|error| if error.raw_os_error() == Some(libc::EIO) { Ok(0) } else { Err(error) })?;
    Ok(String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).into_owned())
}

/// A new terminal that is the launcher's controlling one and its input.
fn caller_terminal(program: &Path) -> io::Result<Streams> {
    let (controlling, own) = pseudo_terminal()?;
    let (output, stdout) = io::pipe()?;
    let facts = json!({"stdin": identity(own.as_fd())?, "stdout": identity(stdout.as_fd())?});
    let stdio = Stdio { stdin: own, stdout: stdout.into(), caller_terminal: Some(program.to_owned()) };
    Ok(Streams { stdio, input: controlling, output: Source::Stream(output.into()), facts })
}

fn pseudo_terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let controlling =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open("/dev/ptmx")?;
    let own = terminal::peer(controlling.as_fd()).map_err(io_error)?;
    Ok((controlling.into(), own))
}

/// `dev:inode`, as a probe tells it of its own descriptors.
fn identity(descriptor: std::os::fd::BorrowedFd<'_>) -> io::Result<Value> {
    use std::os::unix::fs::MetadataExt;
    let meta = File::from(descriptor.try_clone_to_owned()?).metadata()?;
    Ok(json!({"dev": meta.dev(), "inode": meta.ino(), "mode": meta.mode() & 0o7777, "uid": meta.uid()}))
}

/// A socket that is sent the controlling side of a container's terminal.
pub(super) struct Console {
    pub(super) path: PathBuf,
    listener: UnixListener,
}

impl Console {
    pub(super) fn new(dir: &Path) -> io::Result<Console> {
        let path = dir.join("console");
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        Ok(Console { path, listener })
    }

    /// The terminal, once somebody has sent it.
    pub(super) fn receive(&self) -> io::Result<OwnedFd> {
        receive(&self.listener)
    }
}

fn receive(listener: &UnixListener) -> io::Result<OwnedFd> {
    let begun = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return socket::receive_descriptor(stream.as_fd(), &mut [0; 4096]).map_err(io_error);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < LIMIT => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error),
        }
    }
}

/// A seccomp agent that takes the listener of a container and lets it go.
pub(super) struct Agent(Option<JoinHandle<bool>>);

impl Agent {
    /// Listens at `agent` in the directory, if the rig has one.
    pub(super) fn begin(rig: &Rig, dir: &Path) -> io::Result<Agent> {
        if !rig.agent {
            return Ok(Agent(None));
        }
        let listener = UnixListener::bind(dir.join("agent"))?;
        listener.set_nonblocking(true)?;
        Ok(Agent(Some(thread::spawn(move || receive(&listener).is_ok()))))
    }

    /// Whether it was sent a listener; `None` when there is no agent.
    pub(super) fn end(self) -> Option<bool> {
        self.0.map(|agent| agent.join().unwrap_or(false))
    }
}
