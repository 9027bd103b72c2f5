//! A container's directory: `lock`, `state.json`, `config.json`, and `start`, the FIFO that the container waits at.

use std::ffi::CStr;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::store::text;
use super::{Error, State, VERSION, orphan};
use crate::planted::planted;
use crate::sys::{Errno, fs, lock};

const LOCK: &CStr = c"lock";
const STATE: &CStr = c"state.json";
const NEW_STATE: &CStr = c"state.json.new";
const CONFIG: &CStr = c"config.json";
const START: &CStr = c"start";

/// A container's directory, open; perhaps locked. Dropping it unlocks it.
#[derive(Debug)]
pub struct Entry {
    root: OwnedFd,
    directory: OwnedFd,
    path: PathBuf,
    id: String,
    lock: Option<OwnedFd>,
}

impl Entry {
    pub(super) fn new(root: OwnedFd, directory: OwnedFd, path: PathBuf, id: String) -> Entry {
        Entry { root, directory, path, id, lock: None }
    }

    /// The container's name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock, waiting for whoever has it. `false` says that the directory was removed meanwhile.
    pub(super) fn lock(&mut self, patience: Duration) -> Result<bool, Error> {
        let path = self.path.join("lock");
        let failed = |operation, errno| Error::system(operation, &path, errno);
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_NOFOLLOW;
        let file = match fs::openat(self.directory.as_fd(), LOCK, flags, 0o600) {
            Ok(file) => file,
            // Nothing can be made in a directory that is removed.
            Err(Errno::ENOENT) => return Ok(false),
            Err(errno) => return Err(failed("open", errno)),
        };
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(1);
        while !lock::try_lock(file.as_fd()).map_err(|errno| failed("lock", errno))? {
            if Instant::now() >= deadline {
                return Err(Error::Busy(self.id.clone()));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        // Whoever had it may have removed it: then the name is another file's or nobody's, and the lock locks nothing.
        let own = fs::identity(file.as_fd()).map_err(|errno| failed("stat", errno))?;
        if fs::identity_of(self.directory.as_fd(), LOCK) != Ok(own) {
            return Ok(false);
        }
        self.lock = Some(file);
        Ok(true)
    }

    /// Gives the lock back, so that hooks may use commands on the container.
    pub fn unlock(&mut self) {
        self.lock = None;
    }

    /// The container's state; `None` when none was written.
    ///
    /// # Errors
    /// When it cannot be read, or is of another version.
    pub fn read(&self) -> Result<Option<State>, Error> {
        let Some(bytes) = self.content(STATE)? else { return Ok(None) };
        let problem = |problem| Error::Unreadable { path: self.path.join("state.json"), problem };
        let state: State = serde_json::from_slice(&bytes).map_err(|error| problem(error.to_string()))?;
        match state.version {
            VERSION => Ok(Some(state)),
            other => Err(problem(format!("version {other}, not {VERSION}: another isolab-runtime wrote it"))),
        }
    }

    /// Replaces the state at once: whoever reads sees the old one or the new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, state: &State) -> Result<(), Error> {
        let path = self.path.join("state.json");
        let bytes = serde_json::to_vec(state)
            .map_err(|error| Error::Unreadable { path: path.clone(), problem: error.to_string() })?;
        self.put(NEW_STATE, &bytes)?;
        fs::rename_at(self.directory.as_fd(), NEW_STATE, STATE)
            .map_err(|errno| Error::system("replace", &path, errno))
    }

    /// The config that the container was created from, as written. The one in the bundle may have changed since.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn config(&self) -> Result<Vec<u8>, Error> {
        self.content(CONFIG)?
            .ok_or_else(|| Error::system("open", &self.path.join("config.json"), Errno::ENOENT))
    }

    /// Keeps the config.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, config: &[u8]) -> Result<(), Error> {
        self.put(CONFIG, config)
    }

    /// Makes the FIFO that the container waits at, open for reading and writing, so that reading waits and never ends.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_start(&self) -> Result<OwnedFd, Error> {
        fs::mknodat(self.directory.as_fd(), START, libc::S_IFIFO | 0o600, 0)
            .and_then(|()| self.open_start(libc::O_RDWR))
            .map_err(|errno| Error::system("make", &self.path.join("start"), errno))
    }

    /// Whether a process waits to be started.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        // Opening a FIFO for writing only fails where nobody has it open for reading. There may be one that nobody waits
        // at: of a command that was killed after it had started the container and before it removed the FIFO.
        self.open_start(libc::O_WRONLY | libc::O_NONBLOCK).is_ok()
    }

    /// Tells the container to go on, and returns the FIFO, whose other end is closed at its exec. `None` says that
    /// nobody waits there.
    ///
    /// # Errors
    /// When the FIFO cannot be written to.
    pub fn start(&self) -> Result<Option<OwnedFd>, Error> {
        let failed = |operation, errno| Error::system(operation, &self.path.join("start"), errno);
        let fifo = match self.open_start(libc::O_WRONLY | libc::O_NONBLOCK) {
            Ok(fifo) => fifo,
            Err(Errno::ENXIO | Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(failed("open", errno)),
        };
        fs::write(fifo.as_fd(), b"1").map_err(|errno| failed("write to", errno))?;
        // It counts as started from here on, also while it has yet to read.
        fs::unlink_at(self.directory.as_fd(), START).map_err(|errno| failed("remove", errno))?;
        Ok(Some(fifo))
    }

    /// At what is no FIFO nobody waits, and whoever has it open is none of ours.
    fn open_start(&self, flags: i32) -> Result<OwnedFd, Errno> {
        let opened = fs::openat(self.directory.as_fd(), START, flags | libc::O_NOFOLLOW, 0)?;
        let opened = std::fs::File::from(opened);
        let is_fifo = opened.metadata().is_ok_and(|meta| meta.file_type().is_fifo());
        if is_fifo { Ok(opened.into()) } else { Err(Errno::ENXIO) }
    }

    /// Kills what waits at the FIFO: the process of a creator that died before it could note it.
    ///
    /// # Errors
    /// When such a process does not end.
    pub fn end_orphans(&self) -> Result<(), Error> {
        match self.open_start(libc::O_WRONLY | libc::O_NONBLOCK) {
            // Nobody has it open for reading.
            Err(Errno::ENXIO | Errno::ENOENT) => Ok(()),
            Err(errno) => Err(Error::system("open", &self.path.join("start"), errno)),
            Ok(fifo) => {
                let fifo = fs::identity(fifo.as_fd());
                fifo.and_then(orphan::end)
                    .map_err(|errno| Error::system("end what waits at", &self.path.join("start"), errno))
            }
        }
    }

    /// Removes what a dead creator left in the directory, and of the container; the directory stays, and the lock.
    pub(super) fn clean(&self, state: Option<&State>) -> Result<(), Error> {
        self.end_orphans()?;
        if let Some(state) = state {
            state.remove_own_groups();
        }
        self.remove_files()
    }

    /// The state goes last: whatever is left with a state is a container, to be deleted again.
    fn remove_files(&self) -> Result<(), Error> {
        for name in [START, CONFIG, NEW_STATE, STATE] {
            if name == NEW_STATE && planted("unfinished-state-left") {
                continue;
            }
            match fs::unlink_at(self.directory.as_fd(), name) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => {
                    let path = self.path.join(name.to_string_lossy().as_ref());
                    return Err(Error::system("remove", &path, errno));
                }
            }
        }
        Ok(())
    }

    /// Removes the directory: the name is free then.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        // Nobody else would, so once more when it fails.
        self.try_remove().or_else(|_| self.try_remove())
    }

    fn try_remove(&self) -> Result<(), Error> {
        self.remove_files()?;
        let failed = |errno| Error::system("remove", &self.path, errno);
        match fs::unlink_at(self.directory.as_fd(), LOCK) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
        match fs::rmdir_at(self.root.as_fd(), &text(&self.id)) {
            // Someone has claimed the name since the lock was removed, and has a lock of its own in the directory.
            Ok(()) | Err(Errno::ENOENT | Errno::ENOTEMPTY) => Ok(()),
            Err(errno) => Err(failed(errno)),
        }
    }

    fn content(&self, name: &CStr) -> Result<Option<Vec<u8>>, Error> {
        let path = || self.path.join(name.to_string_lossy().as_ref());
        // A FIFO in its place would keep whoever opens it, and `list` with it.
        let flags = libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let mut file = match fs::openat(self.directory.as_fd(), name, flags, 0) {
            Ok(file) => std::fs::File::from(file),
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(Error::system("open", &path(), errno)),
        };
        if !file.metadata().is_ok_and(|meta| meta.is_file()) {
            return Err(Error::Unreadable { path: path(), problem: "it is no regular file".into() });
        }
        let mut bytes = Vec::new();
        match file.read_to_end(&mut bytes) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) => Err(Error::io("read", &path(), &error)),
        }
    }

    fn put(&self, name: &CStr, bytes: &[u8]) -> Result<(), Error> {
        let path = || self.path.join(name.to_string_lossy().as_ref());
        let cut = if planted("old-content-not-cut") { 0 } else { libc::O_TRUNC };
        let flags = libc::O_WRONLY | libc::O_CREAT | cut | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = fs::openat(self.directory.as_fd(), name, flags, 0o600)
            .map_err(|errno| Error::system("make", &path(), errno))?;
        std::fs::File::from(file).write_all(bytes).map_err(|error| Error::io("write", &path(), &error))
    }
}
