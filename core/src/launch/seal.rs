//! Keeping the launcher's own program out of reach of what it launches.
//!
//! Until its exec, and for good if it executes `/proc/self/exe`, a child runs the launcher's program, and what is inside
//! the container can open that file by `/proc/PID/exe` and write to it once nobody runs it (CVE-2019-5736). So the launcher
//! executes itself again from a detached, read-only mount of its file, or where it cannot make one (without privilege, or
//! before Linux 5.12), from a sealed copy in memory.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use super::Error;
use crate::sys::mount::Attributes;
use crate::sys::process::StringArray;
use crate::sys::{self, Errno, fs, mount, process};

const OWN: &std::ffi::CStr = c"/proc/self/exe";
/// Set in the environment of the second execution, so that there is no third.
const MARK: &str = "_ISOLAB_SEALED";

/// Executes this program again, with the same arguments, from where nothing can write to it. Returns when it runs from
/// there already. To be called first of all, by a process of one thread.
///
/// # Errors
/// When neither a mount nor a copy can be made.
pub fn seal() -> Result<(), Error> {
    let failed = |errno| Error::system("seal the launcher's own program, /proc/self/exe", errno);
    if is_sealed().map_err(failed)? {
        return Ok(());
    }
    if std::env::var_os(MARK).is_some() {
        return Err(failed(Errno::ELOOP));
    }
    let program = read_only_mount().or_else(|_| sealed_copy()).map_err(failed)?;
    let text = |text: OsString| CString::new(text.into_vec()).unwrap_or_default();
    let argv = std::env::args_os().map(text).collect();
    let variable = |(mut name, value): (OsString, OsString)| {
        name.push("=");
        name.push(value);
        text(name)
    };
    let mark = (OsString::from(MARK), OsString::from("1"));
    let env = std::env::vars_os().chain([mark]).map(variable).collect();
    Err(failed(process::execute(program.as_fd(), &StringArray::new(argv), &StringArray::new(env))))
}

/// Whether nobody can write to the file that this process executes: it is on a read-only mount, or sealed.
fn is_sealed() -> sys::Result<bool> {
    let own = fs::openat(sys::here(), OWN, libc::O_RDONLY, 0)?;
    let read_only = mount::mount_flags(own.as_fd())? & libc::ST_RDONLY != 0;
    Ok(read_only || fs::is_write_sealed(own.as_fd()))
}

fn read_only_mount() -> sys::Result<OwnedFd> {
    let copy = mount::clone_tree(sys::here(), OWN, false)?;
    let read_only = Attributes { set: libc::MOUNT_ATTR_RDONLY, ..Attributes::default() };
    mount::mount_setattr(copy.as_fd(), false, &read_only)?;
    Ok(copy)
}

fn sealed_copy() -> sys::Result<OwnedFd> {
    let mut own = File::from(fs::openat(sys::here(), OWN, libc::O_RDONLY, 0)?);
    let mut copy = File::from(fs::sealable_file(c"isolab")?);
    std::io::copy(&mut own, &mut copy)
        .map_err(|error| Errno::new(error.raw_os_error().unwrap_or(libc::EIO)))?;
    fs::seal(copy.as_fd())?;
    Ok(copy.into())
}
