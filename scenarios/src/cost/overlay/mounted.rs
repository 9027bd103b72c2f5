//! Mounts on the stage: a tmpfs, and idmapped layers.

use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use isolab_core::mount::idmapped;
use isolab_core::namespace::{IdMap, IdMaps};
use isolab_core::sys::{self, Errno, fs, mount};

use crate::scratch::named;

/// A mount, detached on drop.
pub(super) struct Mounted(CString);

impl Drop for Mounted {
    fn drop(&mut self) {
        // It is on the stage, which ends with the run all the same.
        mount::detach(&self.0).unwrap_or(());
    }
}

/// A tmpfs on a directory that is there.
pub(super) fn tmpfs(at: &Path) -> io::Result<Mounted> {
    let target = c_path(at)?;
    mount::mount(c"tmpfs", &target, c"tmpfs", 0, c"size=512m,mode=755")
        .map_err(|errno| named("mount a tmpfs on", at, &io_error(errno)))?;
    Ok(Mounted(target))
}

/// A directory again at another place, where files of user and group `owner` are shown as those of root.
pub(super) fn as_root(source: &Path, owner: u32, at: &Path) -> io::Result<Mounted> {
    let (from, target) = (c_path(source)?, c_path(at)?);
    let line = vec![IdMap { inside: owner, outside: 0, length: 1 }];
    let maps = IdMaps { uids: line.clone(), gids: line };
    let attached = idmapped(&from, maps).and_then(|copy| {
        let place = fs::openat(sys::here(), &target, libc::O_PATH | libc::O_DIRECTORY, 0)?;
        mount::attach(copy.as_fd(), place.as_fd())
    });
    attached.map_err(|errno| named("map the ids of", source, &io_error(errno)))?;
    Ok(Mounted(target))
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

pub(super) fn io_error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.into_raw())
}
