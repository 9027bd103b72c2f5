//! Programs and scripts, written so that they can be executed at once.
//!
//! A file that is open for writing anywhere cannot be executed (`execve(2)`, `ETXTBSY`), and it is open in each child that another
//! thread clones meanwhile, until that child's own exec. So it is written by a thread with descriptors of its own.

use std::io;
use std::panic;
use std::thread;

use isolab_core::sys::namespace;

/// Writes by way of such a thread.
///
/// # Errors
/// Those of `write`, or when there is no thread to be had.
pub(crate) fn written<T: Send>(write: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let writer = thread::Builder::new().spawn_scoped(scope, || {
            namespace::unshare_descriptors()
                .map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()))?;
            write()
        })?;
        writer.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn what_is_written_while_another_thread_clones_can_be_executed() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().join("program");
        let script = || {
            fs::write(&path, "#!/bin/sh\n")?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(Command::new("true").status().unwrap().success());
                }
            });
            let failed = (0..300).find_map(|_| {
                written(script).unwrap();
                Command::new(&path).status().err()
            });
            done.store(true, Ordering::Relaxed);
            assert!(failed.is_none(), "{failed:?}");
        });
    }
}
