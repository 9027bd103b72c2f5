//! Unpacked kernels, kept for later runs.
//!
//! A folder `packages/RELEASE_VERSION` is one kernel: `vmlinuz`, `config`, `modules/`, and `source`, which says where it came
//! from. `names/` says which one a name meant when apt was asked last. Everything is made under a temporary name and renamed,
//! so what is there is whole; who makes something holds the lock. To free the space, remove the directory.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use super::{Error, Kernel};
use crate::cancel::Cancel;
use crate::scratch::remove_tree;

/// For so long a name means the kernel that it meant before, without asking apt.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// How often one tries to get the lock.
const TICK: Duration = Duration::from_millis(100);

/// The directory of all kernels.
#[derive(Debug)]
pub(super) struct Cache {
    root: PathBuf,
}

/// A kernel that a name meant.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) folder: PathBuf,
    /// Whether apt need not be asked.
    pub(super) fresh: bool,
}

impl Cache {
    /// The user's, or what `ISOLAB_CACHE` says.
    pub(super) fn open() -> Result<Cache, Error> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = set("ISOLAB_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|home| home.join("isolab")))
            .or_else(|| set("HOME").map(|home| home.join(".cache/isolab")));
        Cache::at(&base.ok_or(Error::NoCache)?)
    }

    /// The one below `base`, which need not exist.
    pub(super) fn at(base: &Path) -> Result<Cache, Error> {
        // Apt and dpkg-deb run in other directories.
        let base = std::path::absolute(base).map_err(Error::io("find", base))?;
        let root = base.join("kernels");
        for directory in ["packages", "names", "apt"] {
            let path = root.join(directory);
            fs::create_dir_all(&path).map_err(|error| {
                let remedy = "set ISOLAB_CACHE to a directory that can be written";
                Error::file(&path, format!("cannot be made: {error}; {remedy}"))
            })?;
        }
        Ok(Cache { root })
    }

    /// Where apt works.
    pub(super) fn apt(&self) -> PathBuf {
        self.root.join("apt")
    }

    /// Waits until nobody else makes anything here. The lock ends with the file, or with the process.
    pub(super) fn lock(&self, cancel: &Cancel) -> Result<File, Error> {
        let path = self.root.join("lock");
        let file = File::create(&path).map_err(Error::io("make", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {
                    cancel.check()?;
                    thread::sleep(TICK);
                }
                Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
            }
        }
    }

    /// The kernel that a name meant, if it is still there.
    pub(super) fn known(&self, name: &str) -> Option<Known> {
        let path = self.root.join("names").join(name);
        let folder = self.package(fs::read_to_string(&path).ok()?.trim())?;
        let written = fs::metadata(&path).and_then(|file| file.modified()).ok()?;
        // A clock that was set back makes it old.
        let fresh = SystemTime::now().duration_since(written).is_ok_and(|age| age < FRESH);
        Some(Known { folder, fresh })
    }

    /// Says which kernel a name means. The lock is held.
    pub(super) fn remember(&self, name: &str, key: &str) -> Result<(), Error> {
        let path = self.root.join("names").join(name);
        let temporary = self.root.join("name.tmp");
        fs::write(&temporary, key).map_err(Error::io("write", &temporary))?;
        fs::rename(&temporary, &path).map_err(Error::io("write", &path))
    }

    /// The folder of a kernel that is there.
    pub(super) fn package(&self, key: &str) -> Option<PathBuf> {
        let folder = self.root.join("packages").join(key);
        // A name that lies on a path of its own is none of ours.
        (Path::new(key).file_name().is_some_and(|name| name == key) && folder.is_dir()).then_some(folder)
    }

    /// Makes a kernel's folder: `fill` puts everything into the directory that it is given. The lock is held, so what lies
    /// there under a temporary name was left by a crash.
    pub(super) fn install(
        &self,
        key: &str,
        fill: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        let temporary = self.root.join("package.tmp");
        let clear = || remove_tree(&temporary).map_err(Error::io("remove", &temporary));
        clear()?;
        fs::create_dir(&temporary).map_err(Error::io("make directory", &temporary))?;
        if let Err(error) = fill(&temporary) {
            clear()?;
            return Err(error);
        }
        let folder = self.root.join("packages").join(key);
        fs::rename(&temporary, &folder).map_err(Error::io("make directory", &folder))?;
        Ok(folder)
    }
}

/// The kernel in a folder.
pub(super) fn kernel(name: &str, folder: &Path) -> Result<Kernel, Error> {
    let path = folder.join("source");
    let source = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let there = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    Ok(Kernel {
        name: name.to_owned(),
        source,
        image: folder.join("vmlinuz"),
        modules: there("modules"),
        config: there("config"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn fill(folder: &Path) -> Result<(), Error> {
        fs::write(folder.join("vmlinuz"), "image").map_err(Error::io("write", folder))?;
        fs::write(folder.join("source"), "linux-image 1").map_err(Error::io("write", folder))
    }

    #[test]
    fn a_kernel_is_there_whole_or_not_at_all() {
        let scratch = Scratch::new().unwrap();
        let cache = Cache::at(scratch.path()).unwrap();
        assert!(cache.known("6.1").is_none());
        let failed = cache.install("6.1_1", |folder| fill(folder).and(Err(Error::NoCache)));
        assert!(failed.is_err() && cache.package("6.1_1").is_none());
        // Left by a crash.
        fs::create_dir(scratch.path().join("kernels/package.tmp")).unwrap();
        let folder = cache.install("6.1_1", fill).unwrap();
        assert_eq!(cache.package("6.1_1"), Some(folder.clone()));
        assert_eq!(cache.package("../packages/6.1_1"), None);
        let kernel = kernel("6.1", &folder).unwrap();
        assert_eq!((kernel.name.as_str(), kernel.source.as_str()), ("6.1", "linux-image 1"));
        assert_eq!((kernel.modules, kernel.config), (None, None));
    }

    #[test]
    fn a_name_is_remembered_for_a_day_and_as_long_as_its_kernel() {
        let scratch = Scratch::new().unwrap();
        let cache = Cache::at(scratch.path()).unwrap();
        let folder = cache.install("6.1_1", fill).unwrap();
        cache.remember("6.1", "6.1_1").unwrap();
        assert!(cache.known("6.1").unwrap().fresh);
        let file = File::options().write(true).open(scratch.path().join("kernels/names/6.1")).unwrap();
        file.set_modified(SystemTime::now() - FRESH - FRESH).unwrap();
        assert!(!cache.known("6.1").unwrap().fresh);
        remove_tree(&folder).unwrap();
        assert!(cache.known("6.1").is_none());
    }

    #[test]
    fn one_at_a_time_and_who_waits_can_be_stopped() {
        let scratch = Scratch::new().unwrap();
        let cache = Cache::at(scratch.path()).unwrap();
        let cancel = Cancel::new();
        let held = cache.lock(&cancel).unwrap();
        cancel.cancel();
        assert!(matches!(cache.lock(&cancel), Err(Error::Cancelled)));
        drop(held);
        cache.lock(&cancel).unwrap();
    }
}
