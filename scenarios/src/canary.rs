//! Things planted on the host for a run, which no container may reach: presence makes absence mean something.
//!
//! A process, listeners on an abstract socket and on one with a path, a System V shared memory segment, a POSIX message queue,
//! and a descriptor that is left open across exec on purpose, as a sloppy caller does. All of it is gone when the value is dropped.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use isolab_core::sys::trial::{self, Argument, Trial, trial};
use isolab_core::sys::{Errno, fs as sys_fs};
use serde_json::{Value, json};

use crate::progress::say;
use crate::scratch::Scratch;

/// shmget(2), shmctl(2).
const IPC_CREAT: u64 = 0o1000;
const IPC_EXCL: u64 = 0o2000;
const IPC_RMID: u64 = 0;

/// Where the keys of segments begin; those of a process are `FIRST_KEY + pid * TRIES` and what follows.
const FIRST_KEY: u64 = 0x1501_0000;
/// Keys that are tried; several runs in one process have a canary each.
const TRIES: u64 = 16;
/// Above all pids (proc_sys_kernel(5), `pid_max`).
const PIDS: u64 = 1 << 22;

/// What was planted.
#[derive(Debug)]
pub(crate) struct Canary {
    process: Child,
    name: String,
    listener: UnixListener,
    path: UnixListener,
    segment: Option<Segment>,
    queue: Option<Queue>,
    leaked: File,
}

/// A POSIX message queue, by its name as the system call has it, without the slash (mq_open(3)).
#[derive(Debug)]
struct Queue(String);

/// A System V shared memory segment of one page.
#[derive(Debug)]
struct Segment {
    key: u64,
    id: u64,
}

impl Canary {
    /// Plants everything. `program` is the `isolab` binary.
    ///
    /// # Errors
    /// When the process or the listener cannot be started. A kernel without System V memory is fine.
    pub(crate) fn plant(scratch: &Scratch, program: &Path) -> io::Result<Canary> {
        let name = format!("{}-canary", scratch.name());
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        listener.set_nonblocking(true)?;
        let file = scratch.path().join("canary");
        std::fs::write(&file, "canary")?;
        let leaked = File::open(&file)?;
        // The name on the command line is what the probe looks for in its `/proc`.
        let process = Command::new(program)
            .args(["inside", "probe", "{}"])
            .arg0(&name)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let path = UnixListener::bind(scratch.path().join("canary.socket"))?;
        let (segment, queue) = (Segment::new(), Queue::new(&name));
        let canary = Canary { process, name, listener, path, segment, queue, leaked };
        let descriptor = canary.leaked.as_fd();
        sys_fs::copy_to(descriptor, descriptor.as_raw_fd()).map_err(io_error)?;
        canary.check()?;
        Ok(canary)
    }

    /// The socket must be reachable from here, or its unreachability elsewhere would mean nothing.
    fn check(&self) -> io::Result<()> {
        UnixStream::connect_addr(&SocketAddr::from_abstract_name(&self.name)?)?;
        self.listener.accept().map(drop)
    }

    /// What scenario files refer to as `{canary.…}`.
    #[must_use]
    pub(crate) fn facts(&self) -> Value {
        json!({
            "pid": self.process.id(),
            "name": self.name,
            "socket": self.path.local_addr().ok().and_then(|address| Some(address.as_pathname()?.to_owned())),
            "queue": self.queue.as_ref().map(|queue| &queue.0),
            "shm_key": self.segment.as_ref().map(|segment| segment.key),
            "descriptor": self.leaked.as_raw_fd(),
        })
    }

    /// What became of it: `alive`, `accepts` since the last time.
    ///
    /// # Errors
    /// When the process cannot be asked for.
    pub(crate) fn state(&mut self) -> io::Result<Value> {
        let mut accepts = 0u64;
        while self.listener.accept().is_ok() {
            accepts += 1;
        }
        Ok(json!({"alive": self.process.try_wait()?.is_none(), "accepts": accepts}))
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            say(&format!("isolab: cannot end the canary process {}: {error}", self.process.id()));
        }
    }
}

impl Queue {
    /// `None` where the kernel has none.
    fn new(name: &str) -> Option<Queue> {
        /// `O_RDWR | O_CREAT | O_EXCL`.
        const FLAGS: u64 = 0o2 | 0o100 | 0o200;
        let text = std::ffi::CString::new(name).ok()?;
        let given =
            [Argument::Text(&text), Argument::Number(FLAGS), Argument::Number(0o600), Argument::Number(0)];
        let opened = trial(trial::number("mq_open")?, &given);
        matches!(opened, Ok(Trial::Returned(_))).then(|| Queue(name.to_owned()))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let text = std::ffi::CString::new(self.0.as_str()).unwrap_or_default();
        let number = trial::number("mq_unlink").unwrap_or_default();
        if !matches!(trial(number, &[Argument::Text(&text)]), Ok(Trial::Returned(_))) {
            say(&format!("isolab: cannot remove the message queue {}", self.0));
        }
    }
}

impl Segment {
    /// `None` where the kernel has no System V memory, or all keys are taken.
    fn new() -> Option<Segment> {
        let first = FIRST_KEY + u64::from(std::process::id()) * TRIES;
        let flags = IPC_CREAT | IPC_EXCL | 0o600;
        let one = |key| try_call("shmget", [key, 4096, flags]).ok().map(|id| Segment { key, id });
        (first..first + TRIES).find_map(one)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Err(errno) = remove_segment(self.id) {
            say(&format!("isolab: cannot remove the shared memory segment {}: {errno}", self.id));
        }
    }
}

/// The segments that canaries of a user's runs have planted and that still exist: `(id, pid of the run)`.
pub(crate) fn segments(user: u32) -> Vec<(u64, u32)> {
    let table = std::fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    table.lines().filter_map(|line| segment(line, user)).collect()
}

/// A line of `/proc/sysvipc/shm` (proc_sysvipc(5)), if it is that of a canary's segment.
fn segment(line: &str, user: u32) -> Option<(u64, u32)> {
    let words: Vec<&str> = line.split_whitespace().take(8).collect();
    let &[key, id, "600", "4096", _creator, _last, "0", owner] = words.as_slice() else { return None };
    let pid = key.parse::<u64>().ok()?.checked_sub(FIRST_KEY)? / TRIES;
    let ours = pid < PIDS && owner.parse() == Ok(user);
    ours.then_some((id.parse().ok()?, u32::try_from(pid).ok()?))
}

/// Removes a segment.
///
/// # Errors
/// When it is another user's.
pub(crate) fn remove_segment(id: u64) -> io::Result<()> {
    try_call("shmctl", [id, IPC_RMID, 0]).map(drop).map_err(io_error)
}

/// A call from a forked child: what it makes outlives the child.
fn try_call(name: &str, args: [u64; 3]) -> Result<u64, Errno> {
    let number = trial::number(name).ok_or(Errno::ENOSYS)?;
    match trial(number, &args.map(Argument::Number))? {
        Trial::Returned(value) => Ok(value.cast_unsigned()),
        Trial::Failed(errno) => Err(errno),
        Trial::Exited(_) | Trial::Killed(_) => Err(Errno::EINTR),
    }
}

fn io_error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_told_from_those_of_others() {
        let key = FIRST_KEY + 77 * TRIES + 3;
        let line = |key: u64, rest: &str| format!("{key:>10} 5 {rest} 0 0 0 0 1 1 1 0 0");
        assert_eq!(segment(&line(key, "600 4096 80 80 0 1001"), 1001), Some((5, 77)));
        for other in ["600 4096 80 80 1 1001", "644 4096 80 80 0 1001", "600 8192 80 80 0 1001"] {
            assert_eq!(segment(&line(key, other), 1001), None);
        }
        assert_eq!(segment(&line(key, "600 4096 80 80 0 0"), 1001), None);
        assert_eq!(segment(&line(FIRST_KEY - 1, "600 4096 80 80 0 1001"), 1001), None);
    }
}
