//! Hooks on the way to the exec, performed.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use oci_spec::runtime::{ContainerState, State, StateBuilder};

use super::{About, Op, Point, run};
use crate::launch::child::Child;
use crate::launch::parent::Parent;
use crate::sys::clone::{Request, with_child};
use crate::sys::process::{Change, Exit, StringArray};
use crate::sys::{self, Errno, fs, process, signal};

impl About {
    /// The whole state, as JSON.
    pub(crate) fn json(&self, status: ContainerState, pid: i32) -> sys::Result<Vec<u8>> {
        serde_json::to_vec(&self.state(status, pid)?).map_err(|_| Errno::EINVAL)
    }

    /// The whole state.
    pub(crate) fn state(&self, status: ContainerState, pid: i32) -> sys::Result<State> {
        let state = StateBuilder::default()
            .version(self.version.clone())
            .id(self.id.clone())
            .status(status)
            .pid(pid)
            .bundle(self.bundle.clone())
            .annotations(self.annotations.clone().into_iter().collect::<std::collections::HashMap<_, _>>());
        state.build().map_err(|_| Errno::EINVAL)
    }
}

/// The parent's part before the clone.
pub(crate) fn open(op: &Op, parent: &mut Parent) -> sys::Result<()> {
    match op {
        Op::OpenState => {
            parent.states = vec![fs::memory_file(c"creating")?, fs::memory_file(c"created")?];
            Ok(())
        }
        _ => Err(Errno::ENOSYS),
    }
}

/// The parent's part after it: an error is a sentence, or an errno of its own.
pub(crate) fn outside(op: &Op, parent: &Parent, pid: i32) -> Result<(), Problem> {
    match op {
        Op::WriteState(about) => {
            let [creating, created] = parent.states.as_slice() else { return Err(Errno::EBADF.into()) };
            fs::write(creating.as_fd(), &about.json(ContainerState::Creating, pid)?)?;
            fs::write(created.as_fd(), &about.json(ContainerState::Created, pid)?)?;
            Ok(())
        }
        Op::Outside { point, hook, about } => {
            let state = about.json(ContainerState::Creating, pid)?;
            run(*point, hook, &state, &about.bundle).map_err(|error| Problem::Said(error.to_string()))
        }
        _ => Err(Errno::ENOSYS.into()),
    }
}

/// Why a hook outside did not succeed.
pub(crate) enum Problem {
    /// A call failed.
    Errno(Errno),
    /// It ended otherwise than it should.
    Said(String),
}

impl From<Errno> for Problem {
    fn from(errno: Errno) -> Problem {
        Problem::Errno(errno)
    }
}

/// What a hook's process is given. Its memory is that of the child, which waits.
struct Program<'a> {
    path: &'a CStr,
    argv: &'a StringArray,
    env: &'a StringArray,
    state: BorrowedFd<'a>,
    errno: AtomicI32,
}

/// The child's part. `ETIMEDOUT` for a hook that was killed for its timeout, `ECANCELED` for one that failed.
pub(crate) fn inside(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let Op::Inside { point, nth, path, timeout, .. } = op else { return Err(Errno::ENOSYS) };
    let created = usize::from(*point == Point::StartContainer);
    let state = child.parent().states.get(created).ok_or(Errno::EBADF)?;
    let (argv, env) = child.hook(*nth).ok_or(Errno::EBADF)?;
    fs::rewind(state.as_fd())?;
    let program = Program { path, argv, env, state: state.as_fd(), errno: AtomicI32::new(0) };
    let request = Request { namespaces: 0, cgroup: None, pid: &AtomicI32::new(0) };
    let hook = with_child(&request, execute, &program)?;
    match program.errno.load(Ordering::Acquire) {
        0 => {}
        errno => {
            process::wait(hook.pidfd.as_fd(), true)?;
            return Err(Errno::new(errno));
        }
    }
    let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
    let expired = process::poll(&[hook.pidfd.as_fd()], timeout)?.is_none();
    if expired {
        process::signal(&hook.pidfd, libc::SIGKILL)?;
    }
    match process::wait(hook.pidfd.as_fd(), true)? {
        _ if expired => Err(Errno::ETIMEDOUT),
        Some(Change::Ended(Exit::Code(0))) => Ok(()),
        _ => Err(Errno::ECANCELED),
    }
}

/// The hook's process up to its exec. What it says goes to the workload's standard error.
fn execute(program: &Program<'_>) -> ! {
    let ready = fs::copy_to(program.state, 0)
        .and_then(|()| fs::copy_to(sys::error(), 1))
        .and_then(|()| fs::close_from(3))
        .and_then(|()| signal::unblock_all());
    let errno = match ready {
        Ok(()) => process::execve(program.path, program.argv, program.env),
        Err(errno) => errno,
    };
    program.errno.store(errno.into_raw(), Ordering::Release);
    process::exit(127)
}
