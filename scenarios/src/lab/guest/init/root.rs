//! A root that can be pivoted away from.
//!
//! The initramfs's own root cannot, before Linux 7 (`pivot_root(2)`: `EINVAL` on rootfs), so that no container could be
//! launched there. Everything moves to a tmpfs, as `switch_root(8)` does it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use isolab_core::sys::{self, fs as sys_fs, mount};

use super::mounts::{self, Mount};
use crate::scratch::named;

/// The tmpfs's first place.
const NEW: &str = "/mnt";

/// A quarter of the guest's memory stays for the processes.
const TMPFS: Mount<'_> = Mount {
    kind: c"tmpfs",
    at: NEW,
    options: &[(c"source", Some(c"root")), (c"mode", Some(c"0755")), (c"size", Some(c"75%"))],
    attributes: 0,
};

/// Moves everything to a tmpfs, and makes that the root.
pub(super) fn move_to_tmpfs() -> Result<(), String> {
    let root = mounts::mount(&TMPFS).map_err(|problem| problem.to_string())?;
    move_content(Path::new("/"), Path::new(NEW)).map_err(|error| error.to_string())?;
    let old = File::open("/").map_err(|error| format!("cannot open /: {error}"))?;
    switch(root.as_fd(), old.as_fd()).map_err(|errno| format!("cannot make a tmpfs the root: {errno}"))?;
    fs::create_dir(NEW).map_err(|error| format!("cannot make {NEW}: {error}"))
}

fn switch(root: BorrowedFd<'_>, old: BorrowedFd<'_>) -> sys::Result<()> {
    sys_fs::fchdir(root)?;
    mount::attach(root, old)?;
    mount::chroot(c".")?;
    sys_fs::chdir(c"/")?;
    // As systemd leaves it on the hosts that containers usually start from.
    mount::change(c"/", libc::MS_SHARED | libc::MS_REC)
}

/// Moves what is in a directory. Each file is deleted as soon as it is copied, so that only one exists twice.
fn move_content(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from).map_err(|error| named("list", from, &error))? {
        let entry = entry.map_err(|error| named("list", from, &error))?;
        let path = entry.path();
        if path != Path::new(NEW) {
            move_one(&path, &to.join(entry.file_name())).map_err(|error| named("move", &path, &error))?;
        }
    }
    Ok(())
}

fn move_one(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = from.symlink_metadata()?;
    if metadata.is_dir() {
        fs::create_dir(to)?;
        fs::set_permissions(to, PermissionsExt::from_mode(metadata.permissions().mode()))?;
        move_content(from, to)?;
        return fs::remove_dir(from);
    }
    if metadata.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if metadata.is_file() {
        fs::copy(from, to)?;
    }
    // What remains is `/dev/console`, which devtmpfs has.
    fs::remove_file(from)
}
