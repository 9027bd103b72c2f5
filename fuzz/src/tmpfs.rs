//! A file system of this thread's own for what live targets make: a tmpfs of 64 MiB, in a mount namespace of its own, over
//! `/dev/shm`. Nobody else sees it, and it goes with the thread, however that ends.

use std::path::Path;
use std::sync::Once;

use isolab_core::sys::{Result, credential, fs, mount, namespace};

const AT: &str = "/dev/shm";

/// Where it is; nothing, and a word about it, where it cannot be had.
#[must_use]
pub(crate) fn place() -> Option<&'static Path> {
    thread_local!(static MADE: Option<&'static Path> = made());
    MADE.with(|made| *made)
}

fn made() -> Option<&'static Path> {
    static NOTE: Once = Once::new();
    let problem = match credential::uid() {
        0 => make().err().map(|errno| format!("a tmpfs over {AT} in a mount namespace: {errno}")),
        _ => Some("this target needs root".to_owned()),
    };
    let Some(problem) = problem else { return Some(Path::new(AT)) };
    NOTE.call_once(|| eprintln!("nothing is tried: {problem}"));
    None
}

fn make() -> Result<()> {
    namespace::unshare(libc::CLONE_NEWNS as u64)?;
    mount::change(c"/", libc::MS_REC | libc::MS_PRIVATE)?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    mount::mount(c"isolab-fuzz", c"/dev/shm", c"tmpfs", flags, c"size=64m,nr_inodes=64k,mode=700")?;
    // This thread's alone as well, since it has left the others' file system attributes.
    fs::umask(0o022)
}
