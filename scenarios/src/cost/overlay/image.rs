//! A file system of its own in a file, to be mounted with nothing in the caches.
//!
//! Dentries and inodes leave a machine's caches for certain only with their file system (`/proc/sys/vm/drop_caches` is the
//! whole host's). So it is unmounted after each round, and what the page cache then holds of the image's file is dropped
//! (`posix_fadvise(2)`). What a disk or a hypervisor below keeps is out of reach.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::sys::fs::forget;

use super::mounted::io_error;
use crate::scratch::named;

/// Bytes of the file system. The file is sparse.
const SIZE: u64 = 512 << 20;
/// How long the kernel may take to let go of the loop device.
const LIMIT: Duration = Duration::from_secs(5);

/// An ext4 file system in a file, unmounted.
pub(super) struct Image {
    file: PathBuf,
    /// Where it is mounted.
    at: PathBuf,
}

/// It is mounted, until [`MountedImage::unmount`] or the drop.
pub(super) struct MountedImage<'i> {
    image: &'i Image,
    there: bool,
}

impl Image {
    /// Makes the file `NAME.ext4` and the directory `NAME` in `dir`.
    pub(super) fn new(dir: &Path, name: &str) -> io::Result<Image> {
        let (file, at) = (dir.join(format!("{name}.ext4")), dir.join(name));
        File::create(&file)?.set_len(SIZE)?;
        // All of it is written now, and nothing later by a thread of the kernel's.
        let eager = "lazy_itable_init=0,lazy_journal_init=0";
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-E", eager]).arg(&file), "e2fsprogs")?;
        fs::create_dir(&at)?;
        Ok(Image { file, at })
    }

    /// Mounts it.
    pub(super) fn mount(&self) -> io::Result<MountedImage<'_>> {
        run(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(&self.file).arg(&self.at), "mount")?;
        Ok(MountedImage { image: self, there: true })
    }

    /// Whether a loop device still has the file.
    fn is_held(&self) -> io::Result<bool> {
        for device in fs::read_dir("/sys/block")? {
            let backing = device?.path().join("loop/backing_file");
            if fs::read_to_string(backing).is_ok_and(|file| Path::new(file.trim_end()) == self.file) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl MountedImage<'_> {
    /// Unmounts it, and drops what is cached of it.
    pub(super) fn unmount(mut self) -> io::Result<()> {
        self.there = false;
        let Image { file, at } = self.image;
        run(Command::new("umount").arg(at), "mount")?;
        // A mount namespace that has just ended may still have it for a moment.
        let begun = Instant::now();
        while self.image.is_held()? {
            if begun.elapsed() > LIMIT {
                let busy = io::Error::from(io::ErrorKind::ResourceBusy);
                return Err(named("free the loop device of", file, &busy));
            }
            thread::sleep(Duration::from_millis(1));
        }
        let file = File::open(file)?;
        file.sync_all()?;
        forget(file.as_fd()).map_err(io_error)
    }
}

impl Drop for MountedImage<'_> {
    fn drop(&mut self) {
        if self.there {
            // After an error, which is told; the stage ends with the run all the same.
            drop(run(Command::new("umount").arg("-l").arg(&self.image.at), "mount"));
        }
    }
}

/// Runs a program that is to succeed.
fn run(command: &mut Command, package: &str) -> io::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.env("LC_ALL", "C").output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            io::Error::new(error.kind(), format!("{program} is not installed: apt-get install {package}"))
        }
        _ => error,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program}: {}", said.trim_end().lines().last().unwrap_or("failed"))))
}
