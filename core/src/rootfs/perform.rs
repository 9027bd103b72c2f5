//! The root file system, performed.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use super::overlay::{LONGEST_DATA, Layer};
use super::{Data, Op, Overlay};
use crate::launch::child::Child;
use crate::mount::attach::{read_only, write_number};
use crate::sys::{self, Errno, fs, mount};

const DIRECTORY: i32 = libc::O_PATH | libc::O_DIRECTORY;

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    match op {
        Op::Propagation(flags) => mount::change(c"/", *flags),
        Op::Attach { path, opened } => attach(path, *opened, child),
        Op::AttachOverlay { at, overlay } => {
            attach_overlay(at, overlay)?;
            child.set_root(fs::openat(sys::here(), at, DIRECTORY, 0)?)
        }
        Op::Open(path) => child.set_root(fs::openat(sys::here(), path, DIRECTORY, 0)?),
        Op::ReadOnly => read_only(child.root()?),
        Op::Pivot => {
            fs::fchdir(child.root()?)?;
            // Stacks the old root on the new one at the same place, from where it is detached: no directory for it
            // is needed (pivot_root(2), NOTES).
            mount::pivot_root(c".", c".")?;
            mount::detach(c".")?;
            fs::chdir(c"/")
        }
        Op::Chroot => {
            fs::fchdir(child.root()?)?;
            mount::chroot(c".")?;
            fs::chdir(c"/")
        }
        Op::Share(flags) => mount::change(c"/", *flags),
    }
}

/// The path is resolved once, and what it leads to is the root.
fn attach(path: &CStr, opened: Option<usize>, child: &Child<'_>) -> sys::Result<()> {
    match (fs::openat(sys::here(), path, DIRECTORY, 0), opened) {
        (Ok(place), _) => {
            let copy = mount::clone_tree(place.as_fd(), c"", true)?;
            mount::attach(copy.as_fd(), place.as_fd())?;
            child.set_root(copy)
        }
        (Err(Errno::EACCES), Some(nth)) => {
            // This user may not go there, and so may attach nothing there either: the launcher's own root is as good a
            // place, and is detached in the end.
            let copy = fs::duplicate(child.source(nth)?, 3)?;
            let place = fs::openat(sys::here(), c"/", DIRECTORY, 0)?;
            mount::attach(copy.as_fd(), place.as_fd())?;
            child.set_root(copy)
        }
        (Err(errno), _) => Err(errno),
    }
}

/// Attaches an overlay on a directory. The working directory is `/` then, where the overlay has its layers as
/// [`Data::Directories`].
///
/// # Errors
/// As in `mount(2)`, and in `openat(2)` for a layer; `E2BIG` for more than the kernel takes.
pub fn attach_overlay(at: &CStr, overlay: &Overlay) -> sys::Result<()> {
    match &overlay.data {
        Data::Text(data) => mount::mount(c"overlay", at, c"overlay", overlay.flags, data),
        Data::Directories { lower, upper, rest } => {
            let mut text = Text { bytes: [0; LONGEST_DATA + 1], length: 0 };
            // Open until the mount is made. As many as there can be.
            let mut open = Opened([const { None }; 512], 0);
            text.push(b"lowerdir=")?;
            for (nth, Layer { path, data_only }) in lower.iter().enumerate() {
                text.push(match (nth, data_only) {
                    (0, _) => b"",
                    (_, false) => b":",
                    (_, true) => b"::",
                })?;
                text.push_number(open.add(path)?)?;
            }
            for (name, path) in upper {
                text.push(b",")?;
                text.push(name.to_bytes())?;
                text.push(b"=")?;
                text.push_number(open.add(path)?)?;
            }
            text.push(rest.to_bytes())?;
            // The numbers are paths from there.
            fs::chdir(c"/proc/self/fd")?;
            let data = CStr::from_bytes_until_nul(&text.bytes).map_err(|_| Errno::EINVAL)?;
            mount::mount(c"overlay", at, c"overlay", overlay.flags, data)?;
            fs::chdir(c"/")
        }
    }
}

/// Open layers.
struct Opened([Option<OwnedFd>; 512], usize);

impl Opened {
    fn add(&mut self, path: &CStr) -> sys::Result<u32> {
        let open = fs::openat(sys::here(), path, DIRECTORY, 0)?;
        let number = open.as_raw_fd().unsigned_abs();
        *self.0.get_mut(self.1).ok_or(Errno::E2BIG)? = Some(open);
        self.1 += 1;
        Ok(number)
    }
}

/// Mount data on the stack; its last byte stays NUL.
struct Text {
    bytes: [u8; LONGEST_DATA + 1],
    length: usize,
}

impl Text {
    fn push(&mut self, part: &[u8]) -> sys::Result<()> {
        let end = self.length + part.len();
        let room =
            self.bytes.get_mut(self.length..end).filter(|_| end <= LONGEST_DATA).ok_or(Errno::E2BIG)?;
        room.copy_from_slice(part);
        self.length = end;
        Ok(())
    }

    fn push_number(&mut self, number: u32) -> sys::Result<()> {
        let mut digits = [0; 10];
        let count = write_number(number, &mut digits);
        self.push(digits.get(..count).unwrap_or_default())
    }
}
