//! The stage: mount, network, uts and ipc namespaces of isolab's own, in which checks launch.
//!
//! What a launcher without a protection would do to its host, it does to these, and they end with the run. Mounts are
//! shared below them, as systemd leaves a host's: a launcher that forgets to make its own mounts private is seen.
//! Namespaces are a thread's own (`unshare(2)`), and threads and processes inherit them from those that start them, so the
//! checks run in a thread of their own and everybody else stays where he is.

use std::io;
use std::os::fd::AsFd;
use std::thread;

use isolab_core::host::Host;
use isolab_core::sys::{self, Errno, fs, link, mount, namespace};

/// `linux/sched.h`.
const CLONE_NEWNS: u64 = 0x0002_0000;
const CLONE_NEWUTS: u64 = 0x0400_0000;
const CLONE_NEWIPC: u64 = 0x0800_0000;
const CLONE_NEWNET: u64 = 0x4000_0000;
/// `linux/mount.h`.
const MS_REC: u64 = 0x4000;
const MS_SLAVE: u64 = 1 << 19;
const MS_SHARED: u64 = 1 << 20;

/// Runs `work` on a stage, or where it is called for a user who may not have one.
///
/// # Errors
/// When the namespaces are refused.
pub(crate) fn on_stage<T: Send>(host: &Host, work: impl FnOnce(bool) -> T + Send) -> io::Result<T> {
    if host.uid != 0 {
        return Ok(work(false));
    }
    let outcome = thread::scope(|scope| {
        let staged = scope.spawn(|| {
            enter().map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()))?;
            Ok(work(true))
        });
        staged.join()
    });
    match outcome {
        Ok(done) => done.map_err(|error: io::Error| {
            io::Error::new(error.kind(), format!("unshare mount, network, uts and ipc namespaces: {error}"))
        }),
        // As if the work had been done here.
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The number of this thread, whose namespaces may be its own.
pub(crate) fn own_thread() -> i32 {
    let link = std::fs::read_link("/proc/thread-self").ok();
    let number = link.as_ref().and_then(|link| link.file_name()?.to_str()?.parse().ok());
    number.unwrap_or_else(|| std::process::id().cast_signed())
}

fn enter() -> Result<(), Errno> {
    namespace::unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)?;
    // Nothing reaches the host any more, while its own mounts still come.
    mount::change(c"/", MS_REC | MS_SLAVE)?;
    mount::change(c"/", MS_REC | MS_SHARED)?;
    own_null()?;
    link::loopback_up()
}

/// A null device of the stage's own: some launchers give their standard streams to the container's user, and would give
/// away the host's. It is made in a file system that covers the temporary directory for that moment, since before Linux 6.15
/// nothing can be bound from one that is nowhere.
fn own_null() -> Result<(), Errno> {
    const CHARACTER: u32 = 0o020_666;
    const NULL: u64 = 1 << 8 | 3;
    let context = mount::fsopen(c"tmpfs")?;
    mount::fsconfig_create(context.as_fd())?;
    let directory = mount::fsmount(context.as_fd(), 0)?;
    fs::mknodat(directory.as_fd(), c"null", CHARACTER, NULL)?;
    fs::chmod_at(directory.as_fd(), c"null", 0o666)?;
    let path = std::env::temp_dir();
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| Errno::EINVAL)?;
    let covered = fs::openat(sys::here(), &path, libc::O_PATH | libc::O_DIRECTORY, 0)?;
    mount::attach(directory.as_fd(), covered.as_fd())?;
    let bound = mount::clone_tree(directory.as_fd(), c"null", false).and_then(|node| {
        let place = fs::openat(sys::here(), c"/dev/null", libc::O_PATH, 0)?;
        mount::attach(node.as_fd(), place.as_fd())
    });
    mount::detach(&path)?;
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str) -> String {
        let link = std::fs::read_link(format!("/proc/thread-self/ns/{kind}")).unwrap();
        link.display().to_string()
    }

    #[test]
    fn the_stage_is_a_threads_own() {
        let host = Host::probe();
        let kinds = ["mnt", "net", "uts", "ipc"];
        let before = kinds.map(of);
        let null = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata("/dev/null").unwrap());
        let outside = null();
        let on = on_stage(&host, |staged| (staged, kinds.map(of), null())).unwrap();
        assert_eq!(on.2 == outside, !on.0);
        assert_eq!(kinds.map(of), before);
        assert_eq!(on.0, host.uid == 0);
        assert!(!on.0 || on.1.iter().zip(&before).all(|(on, before)| on != before));
    }
}
