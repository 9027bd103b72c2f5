//! Operations on cgroups, performed.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;
use std::path::Path;

use super::devices::Program;
use super::{Op, Without};
use crate::launch::child::Child;
use crate::launch::parent::Parent;
use crate::sys::{self, Errno, bpf, fs};

/// The parent's part.
pub(crate) fn perform(op: &Op, parent: &mut Parent) -> sys::Result<()> {
    match op {
        Op::Create { path, above, fill_cpuset } => create(path, above, *fill_cpuset, parent),
        Op::Enable { file, controllers, must } => enable(file, controllers, *must, parent),
        Op::Write { file, value, without } => write(file, value, without),
        Op::Devices { group, program } => attach(group, program),
        Op::OpenGroup(path) => {
            parent.group = Some(fs::openat(sys::here(), path, libc::O_PATH | libc::O_DIRECTORY, 0)?);
            Ok(())
        }
        Op::OpenJoin(path) => {
            parent.joins.push(fs::openat(sys::here(), path, libc::O_WRONLY, 0)?);
            Ok(())
        }
        Op::Join { .. } => Err(Errno::ENOSYS), // the child's
    }
}

/// Performs the operations of a plan that make a container's groups, without a container. What they made stays, unless one of them
/// fails.
///
/// # Errors
/// The operation that failed, and why.
pub fn make<'o>(ops: impl IntoIterator<Item = &'o Op>) -> Result<(), (Op, Errno)> {
    let mut parent = Parent::default();
    for op in ops {
        perform(op, &mut parent).map_err(|errno| (op.clone(), errno))?;
    }
    parent.keep();
    Ok(())
}

/// The child's part.
pub(crate) fn join(nth: usize, child: &Child<'_>) -> sys::Result<()> {
    let file = child.parent().joins.get(nth).ok_or(Errno::EBADF)?;
    fs::write(file.as_fd(), b"0")
}

/// Makes the group and what is missing above it. Another launch may remove a shared parent in between, so it is made
/// again a few times.
fn create(path: &CStr, above: &[CString], fill_cpuset: bool, parent: &mut Parent) -> sys::Result<()> {
    for _ in 0..16 {
        match parent.make(path) {
            Err(Errno::ENOENT) if !above.is_empty() => make_above(above, fill_cpuset, parent)?,
            Err(errno) => return Err(errno),
            Ok(()) => {
                parent.made_group(path, above);
                return if fill_cpuset { fill(path) } else { Ok(()) };
            }
        }
    }
    Err(Errno::ENOENT)
}

fn make_above(above: &[CString], fill_cpuset: bool, parent: &mut Parent) -> sys::Result<()> {
    for group in above {
        match parent.make(group) {
            Ok(()) => {
                parent.made_above(group);
                if fill_cpuset {
                    fill(group)?;
                }
            }
            Err(Errno::EEXIST | Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// `cgroup.subtree_control` of a group that may have to be made first.
fn enable(file: &CStr, controllers: &CStr, must: bool, parent: &mut Parent) -> sys::Result<()> {
    let directory = Path::new(std::ffi::OsStr::new(file.to_str().map_err(|_| Errno::EINVAL)?)).parent();
    let directory = directory.and_then(Path::to_str).ok_or(Errno::EINVAL)?;
    let directory = CString::new(directory).map_err(|_| Errno::EINVAL)?;
    match parent.make(&directory) {
        Ok(()) => parent.made_above(&directory),
        Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno),
    }
    if must {
        return fs::put(file, controllers.to_bytes());
    }
    for controller in controllers.to_bytes().split(|byte| *byte == b' ') {
        // One that cannot be had, as cpu while there are realtime tasks, is one that nothing was asked of.
        sys::no_matter(fs::put(file, controller));
    }
    Ok(())
}

/// A write fails with ENOENT only for want of the file, not by its value.
fn write(file: &CStr, value: &CStr, without: &Without) -> sys::Result<()> {
    match (fs::put(file, value.to_bytes()), without) {
        (Err(Errno::ENOENT), Without::GoOn) => Ok(()),
        (Err(Errno::ENOENT), Without::Write { file, value }) => fs::put(file, value.to_bytes()),
        (result, _) => result,
    }
}

fn attach(group: &CStr, program: &Program) -> sys::Result<()> {
    let group = fs::openat(sys::here(), group, libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let program = bpf::load_device_program(&program.instructions, c"isolab_devices")?;
    bpf::attach_device_program(group.as_fd(), program.as_fd())
}

/// Gives a new v1 cpuset its parent's CPUs and memory nodes.
fn fill(group: &CStr) -> sys::Result<()> {
    let directory = fs::openat(sys::here(), group, libc::O_PATH | libc::O_DIRECTORY, 0)?;
    for (own, above) in [(c"cpuset.cpus", c"../cpuset.cpus"), (c"cpuset.mems", c"../cpuset.mems")] {
        let source = fs::openat(directory.as_fd(), above, libc::O_RDONLY, 0)?;
        let mut buffer = [0; 4096];
        let list = fs::read(source.as_fd(), &mut buffer)?;
        fs::put_at(directory.as_fd(), own, list)?;
    }
    Ok(())
}
