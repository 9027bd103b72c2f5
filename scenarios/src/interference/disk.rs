//! Where file victims and file aggressors meet: one ext4 image of bounded size, with a directory for each.
//!
//! The image is a sparse file without a name, mounted through a loop device in a mount namespace of isolab's own, so that nothing
//! of it is left when that ends. What is written to it goes through the host's disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use isolab_core::sys::mount;
use serde_json::{Value, json};

use crate::scratch::named;

/// Bytes of the image; it takes as much of the disk as is written to it.
const BYTES: u64 = 2 << 30;
/// Files at most.
const INODES: &str = "100000";

/// A mounted image. Dropping it unmounts it.
pub(super) struct Disk {
    at: PathBuf,
    major: u64,
    minor: u64,
}

impl Disk {
    /// Makes and mounts an image below `scratch`. The mount is seen in the calling thread's mount namespace.
    ///
    /// # Errors
    /// When a tool is missing or fails, in words.
    pub(super) fn new(scratch: &Path) -> io::Result<Disk> {
        let (image, at) = (scratch.join("image"), scratch.join("disk"));
        let file = fs::File::create(&image).map_err(|error| named("make", &image, &error))?;
        file.set_len(BYTES).map_err(|error| named("size", &image, &error))?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-N", INODES]).arg(&image))?;
        fs::create_dir_all(&at).map_err(|error| named("make directory", &at, &error))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&at))?;
        let device = std::os::unix::fs::MetadataExt::dev(&fs::metadata(&at)?);
        let disk = Disk { at, major: libc::major(device).into(), minor: libc::minor(device).into() };
        // The loop device keeps it as long as it is mounted.
        fs::remove_file(&image)?;
        for dir in ["victim/upper", "victim/work", "victim/lower", "aggressor"] {
            fs::create_dir_all(disk.at.join(dir))?;
        }
        Ok(disk)
    }

    /// What scenario files can have filled in: `disk.victim` and `disk.aggressor`, its `disk.major` and `disk.minor`.
    pub(super) fn values(&self) -> Value {
        json!({"victim": self.at.join("victim"), "aggressor": self.at.join("aggressor"),
            "major": self.major, "minor": self.minor})
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let path = std::ffi::CString::new(self.at.as_os_str().as_encoded_bytes());
        // What cannot be unmounted goes with the mount namespace.
        drop(path.map(|path| mount::detach(&path)));
    }
}

/// Runs a tool to its end.
fn run(command: &mut Command) -> io::Result<()> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output =
        command.output().map_err(|error| io::Error::new(error.kind(), format!("{tool}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{tool} ended with {}: {}", output.status, said.trim())))
}
