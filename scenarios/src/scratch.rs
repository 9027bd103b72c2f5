//! A directory of a run's own, removed when the run ends, or by a later run when it could not.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::progress::say;

/// File in a scratch directory that holds the start time of its owner, so that a reused pid is not taken for it.
pub(crate) const OWNER: &str = "owner";

/// A directory `isolab-<pid>-<n>` below the temporary directory, removed on drop.
///
/// Others may pass through it but not list it: a workload that is some mapped user must reach its root filesystem.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    name: String,
}

impl Scratch {
    /// Makes a new one.
    ///
    /// # Errors
    /// When the temporary directory cannot be written.
    pub fn new() -> io::Result<Scratch> {
        Scratch::beginning("isolab")
    }

    /// The same of a fuzzer: `isolab-fuzz-<pid>-<n>`.
    ///
    /// # Errors
    /// As [`Scratch::new`].
    pub(crate) fn of_fuzzer() -> io::Result<Scratch> {
        Scratch::beginning("isolab-fuzz")
    }

    fn beginning(with: &str) -> io::Result<Scratch> {
        let pid = std::process::id();
        let base = std::env::temp_dir();
        for number in 0.. {
            let name = format!("{with}-{pid}-{number}");
            let path = base.join(&name);
            match fs::DirBuilder::new().mode(0o711).create(&path) {
                Ok(()) => {
                    let scratch = Scratch { path, name };
                    let started = start_time(pid).unwrap_or_default();
                    fs::write(scratch.path.join(OWNER), started.to_string())?;
                    return Ok(scratch);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(named("make directory", &path, &error)),
            }
        }
        unreachable!("directory numbers do not end")
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, unique on this host while the run lasts: `isolab-<pid>-<n>`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.path) {
            say(&format!("isolab: cannot remove {}: {error}", self.path.display()));
        }
    }
}

/// The pid in a name of the form `isolab-<pid>-<n>` or `isolab-fuzz-<pid>-<n>`.
#[must_use]
pub(crate) fn owner_pid(name: &str) -> Option<u32> {
    let name = name.strip_prefix("isolab-")?;
    let (pid, number) = name.strip_prefix("fuzz-").unwrap_or(name).split_once('-')?;
    number.parse::<u32>().ok()?;
    pid.parse().ok()
}

/// Field 22 of `/proc/<pid>/stat` (proc_pid_stat(5)): clock ticks from boot to the start of the process.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    isolab_core::observe::stat_of(i32::try_from(pid).ok()?).map(|stat| stat.start)
}

/// Removes a tree, directories without permissions too (overlay leaves `work/work` with mode 0).
///
/// # Errors
/// When something in it cannot be removed; nothing to remove is fine.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// An I/O error that says what was done to what.
pub(crate) fn named(operation: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {operation} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_removed_with_everything_in_it() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_owned();
        let locked = path.join("work/work");
        fs::create_dir_all(&locked).unwrap();
        fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn names_of_others_are_not_ours() {
        assert_eq!(owner_pid("isolab-12-3"), Some(12));
        assert_eq!(owner_pid("isolab-fuzz-12-3"), Some(12));
        for other in [
            "isolab",
            "isolab-12",
            "isolab-fuzz-x-1",
            "isolab-fuzz-1",
            "isolab-x-1",
            "isolab-1-x",
            "other-1-1",
        ] {
            assert_eq!(owner_pid(other), None);
        }
    }
}
