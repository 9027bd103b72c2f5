//! The directory of all containers.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Entry, Error, State, Status};
use crate::config::is_plain_id;
use crate::planted::planted;
use crate::sys::{self, Errno, fs as sysfs};

/// The root directory.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What a name stands for, once its lock is held.
#[derive(Debug)]
pub enum Found {
    /// A container, finished or not.
    Container(Entry, Box<State>),
    /// A claimed name, whose creator died before it noted anything.
    Empty(Entry),
}

/// A container, with its state or why that cannot be read.
pub type Listed = (Entry, Result<State, Error>);

/// How often a claim is tried again while others remove what it has just found.
const TRIES: u32 = 1000;
/// How long a command waits for another that changes the same container.
const PATIENCE: Duration = Duration::from_secs(60);

impl Store {
    /// A store in this directory, which is made by the first claim.
    #[must_use]
    pub fn new(root: PathBuf) -> Store {
        Store { root }
    }

    /// Its directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Claims a name. The entry is locked, and nothing is in it.
    ///
    /// What a creator left that died before it was done is removed first.
    ///
    /// # Errors
    /// [`Error::InUse`] when a container has the name, or is being created; when the directory cannot be made.
    pub fn claim(&self, id: &str) -> Result<Entry, Error> {
        check(id)?;
        let root = self.open_root(true)?;
        let name = text(id);
        for _ in 0..TRIES {
            let fresh = match sysfs::mkdirat(root.as_fd(), &name, 0o700) {
                Ok(()) => true,
                Err(Errno::EEXIST) => false,
                Err(errno) => return Err(Error::system("mkdir", &self.root.join(id), errno)),
            };
            match self.take(&root, id, fresh) {
                Ok(Some(entry)) => return Ok(entry),
                // Removed in between.
                Ok(None) => {}
                Err(error) => {
                    if fresh {
                        // Fails where someone else has claimed the name since, whose lock is in it.
                        sys::no_matter(sysfs::rmdir_at(root.as_fd(), &name));
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::Busy(id.to_owned()))
    }

    /// Takes the directory of a name that is to be claimed; `None` when it is gone.
    fn take(&self, root: &OwnedFd, id: &str, fresh: bool) -> Result<Option<Entry>, Error> {
        let Some(mut entry) = self.open(root, id)? else { return Ok(None) };
        // Without waiting for its lock: a creator holds it for as long as it takes.
        if !fresh && entry.read()?.is_some_and(|state| is_taken(&state, &entry)) {
            return Err(Error::InUse(id.to_owned()));
        }
        let locked = match entry.lock(Duration::ZERO) {
            // Its file may be there by now, and is not ours to remove without the lock: so once more.
            Err(Error::System { .. }) => entry.lock(Duration::ZERO),
            locked => locked,
        };
        match locked {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(Error::Busy(_)) => return Err(Error::InUse(id.to_owned())),
            Err(error) => return Err(error),
        }
        let cleaned = match entry.read() {
            Ok(Some(state)) if is_taken(&state, &entry) => return Err(Error::InUse(id.to_owned())),
            Ok(left) => entry.clean(left.as_ref()),
            Err(error) => Err(error),
        };
        match cleaned {
            Ok(()) => Ok(Some(entry)),
            // There is nothing in it yet that would have to be kept.
            Err(error) if fresh => entry.remove().and(Err(error)),
            Err(error) => Err(error),
        }
    }

    /// A container, to be looked at.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when its state cannot be read.
    pub fn find(&self, id: &str) -> Result<(Entry, State), Error> {
        check(id)?;
        let none = || Error::NotFound(id.to_owned());
        let entry = self.open(&self.open_root(false).map_err(|error| absent(error, id))?, id)?;
        let entry = entry.ok_or_else(none)?;
        let state = entry.read()?.ok_or_else(none)?;
        Ok((entry, state))
    }

    /// A container, to be changed: whoever changes it already is waited for.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Busy`] after a minute; when its state cannot be read.
    pub fn lock(&self, id: &str) -> Result<Found, Error> {
        self.lock_within(id, PATIENCE)
    }

    /// As [`lock`](Store::lock), but whoever changes it already is not waited for: [`Error::Busy`].
    ///
    /// # Errors
    /// As there.
    pub fn try_lock(&self, id: &str) -> Result<Found, Error> {
        self.lock_within(id, Duration::ZERO)
    }

    fn lock_within(&self, id: &str, patience: Duration) -> Result<Found, Error> {
        check(id)?;
        let none = || Error::NotFound(id.to_owned());
        let root = self.open_root(false).map_err(|error| absent(error, id))?;
        for _ in 0..TRIES {
            let mut entry = self.open(&root, id)?.ok_or_else(none)?;
            if entry.lock(patience)? {
                return Ok(match entry.read()? {
                    Some(state) => Found::Container(entry, Box::new(state)),
                    None => Found::Empty(entry),
                });
            }
        }
        Err(Error::Busy(id.to_owned()))
    }

    /// All containers by name, each with its state, or why that cannot be read. What comes and goes meanwhile is there
    /// or not.
    ///
    /// # Errors
    /// When the root directory cannot be read; that there is none is an empty list.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let root = match self.open_root(false) {
            Ok(root) => root,
            Err(Error::System { errno: Errno::ENOENT, .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for id in self.names()? {
            // A file or a symbolic link is no container.
            let Ok(Some(entry)) = self.open(&root, &id) else { continue };
            match entry.read() {
                Ok(Some(state)) => found.push((entry, Ok(state))),
                Ok(None) => {}
                Err(error) => found.push((entry, Err(error))),
            }
        }
        Ok(found)
    }

    /// The names that are claimed, in order: of containers, and of what is being created or was left unfinished.
    ///
    /// # Errors
    /// When the root directory cannot be read; that there is none is an empty list.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", &self.root, &error)),
        };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| is_plain_id(name));
        names.sort_unstable();
        Ok(names)
    }

    fn open_root(&self, make: bool) -> Result<OwnedFd, Error> {
        let path = CString::new(self.root.as_os_str().as_bytes())
            .map_err(|_| Error::system("open", &self.root, Errno::EINVAL))?;
        let open = || sysfs::openat(sys::here(), &path, libc::O_PATH | libc::O_DIRECTORY, 0);
        let opened = match open() {
            Err(Errno::ENOENT) if make => {
                let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.root);
                made.map_err(|error| Error::io("mkdir", &self.root, &error))?;
                open()
            }
            other => other,
        };
        opened.map_err(|errno| Error::system("open", &self.root, errno))
    }

    /// The directory of a name; `None` when there is none. A symbolic link is refused: it could lead anywhere.
    fn open(&self, root: &OwnedFd, id: &str) -> Result<Option<Entry>, Error> {
        let path = self.root.join(id);
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
        match sysfs::openat(root.as_fd(), &text(id), flags, 0) {
            Ok(directory) => {
                let root = root.try_clone().map_err(|error| Error::io("open", &self.root, &error))?;
                Ok(Some(Entry::new(root, directory, path, id.to_owned())))
            }
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(Error::system("open", &path, errno)),
        }
    }
}

/// Whether a name with this state may not be claimed.
fn is_taken(state: &State, entry: &Entry) -> bool {
    let kept = state.complete && !planted("stopped-name-claimed-again");
    kept || state.status(entry) != Status::Stopped
}

fn check(id: &str) -> Result<(), Error> {
    if is_plain_id(id) { Ok(()) } else { Err(Error::Name(id.to_owned())) }
}

/// A root directory that is not there has no containers.
fn absent(error: Error, id: &str) -> Error {
    match error {
        Error::System { errno: Errno::ENOENT, .. } => Error::NotFound(id.to_owned()),
        other => other,
    }
}

/// Names are plain: they have no NUL.
pub(super) fn text(id: &str) -> CString {
    CString::new(id).unwrap_or_default()
}
