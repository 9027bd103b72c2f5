//! A directory under construction: nothing stands at its final path before it is complete, and nothing is left of one
//! that is not.
//!
//! It is made beside its final path, so that a rename is all that publishes it. Its maker holds a lock on it; one
//! without is of a maker that was killed, and the next to come removes it.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::error::Problem;
use super::tree::remove_below;
use crate::sys::{Errno, credential, fs, tree};

const PREFIX: &[u8] = b".isolab-image-";
const READ: i32 = libc::O_RDONLY | libc::O_DIRECTORY;

/// A directory that is removed on drop, unless it has been published.
pub(super) struct Staging {
    parent: OwnedFd,
    name: CString,
    dir: OwnedFd,
    target: CString,
    published: bool,
}

impl Staging {
    /// Makes an empty directory beside `target`, which must not exist, open to its owner alone.
    pub(super) fn new(target: &Path) -> Result<Staging, Problem> {
        let name = target
            .file_name()
            .ok_or_else(|| Problem::Choice(format!("{} names no new directory", target.display())))?;
        let name = c_string(name.as_bytes())?;
        let above = target.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let operation = || format!("open the directory {}", above.display());
        let parent = fs::openat(crate::sys::here(), &c_string(above.as_os_str().as_bytes())?, READ, 0)
            .map_err(|errno| Problem::system(operation(), errno))?;
        if tree::stat_at(parent.as_fd(), &name).is_ok() {
            return Err(taken(target));
        }
        sweep(&parent);
        for number in 0.. {
            let text = format!("{}{}-{number}", String::from_utf8_lossy(PREFIX), std::process::id());
            let staged = c_string(text.as_bytes())?;
            match fs::mkdirat(parent.as_fd(), &staged, 0o700) {
                Ok(()) => {}
                Err(Errno::EEXIST) => continue,
                Err(errno) => {
                    return Err(Problem::system(format!("make a directory in {}", above.display()), errno));
                }
            }
            if let Some(dir) = owned(&parent, &staged) {
                return Ok(Staging { parent, name: staged, dir, target: name, published: false });
            }
        }
        Err(Problem::system("number a directory", Errno::EEXIST))
    }

    /// The directory.
    pub(super) fn dir(&self) -> &OwnedFd {
        &self.dir
    }

    /// Gives it its name. `false` when somebody else has made it meanwhile.
    pub(super) fn publish(mut self) -> Result<bool, Problem> {
        match tree::rename_at(self.parent.as_fd(), &self.name, self.parent.as_fd(), &self.target) {
            Ok(()) => {
                self.published = true;
                Ok(true)
            }
            Err(Errno::EEXIST) => Ok(false),
            Err(errno) => Err(Problem::system("rename what was unpacked to its name", errno)),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            // The error that led here is what is reported; what cannot be removed now is swept by the next to come.
            drop(remove_below(self.parent.as_fd(), self.name.as_bytes(), &mut |_| true, &mut |_| {}));
        }
    }
}

pub(super) fn taken(target: &Path) -> Problem {
    Problem::Choice(format!("{} exists already: choose another, or remove it", target.display()))
}

/// Opens and locks a new directory; `None` when a sweeper was faster.
fn owned(parent: &OwnedFd, name: &CString) -> Option<OwnedFd> {
    let dir = fs::openat(parent.as_fd(), name, READ | libc::O_NOFOLLOW, 0).ok()?;
    tree::try_lock(dir.as_fd()).ok()?;
    let (named, open) = (tree::stat_at(parent.as_fd(), name).ok()?, tree::stat_at(dir.as_fd(), c"").ok()?);
    (named.inode == open.inode).then_some(dir)
}

/// Removes what makers that were killed have left of this user's.
fn sweep(parent: &OwnedFd) {
    for name in tree::list(parent.as_fd()).unwrap_or_default() {
        if !name.to_bytes().starts_with(PREFIX) {
            continue;
        }
        let flags = READ | libc::O_NOFOLLOW;
        let Ok(dir) = fs::openat(parent.as_fd(), &name, flags, 0) else { continue };
        let own = tree::stat_at(dir.as_fd(), c"").is_ok_and(|stat| stat.uid == credential::uid());
        if own && tree::try_lock(dir.as_fd()).is_ok() {
            // What cannot be removed is in nobody's way.
            drop(remove_below(parent.as_fd(), name.as_bytes(), &mut |_| true, &mut |_| {}));
        }
    }
}

fn c_string(bytes: &[u8]) -> Result<CString, Problem> {
    CString::new(bytes).map_err(|_| Problem::Choice("a path with a NUL in it".into()))
}
