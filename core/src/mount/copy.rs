//! The content of a directory, copied into a new tmpfs (`tmpcopyup`).
//!
//! Done by the child, since only there the directory is what the container will see: the overlay and the earlier mounts
//! are in place. So it allocates nothing: directories are walked with a fixed number of levels. The content is hostile:
//! no link is followed, nothing is opened before it is known to be a plain file or a directory, and sockets are left out.
//! Modes, owners and times are kept; extended attributes are not, and hard links become files of their own.
//! The size of the tmpfs and the time limit of the launch bound it.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::attach::through_proc;
use crate::sys::{self, Errno, fs};

/// Directories below each other.
const LEVELS: usize = 64;
/// Bytes of entries read at a time.
const ENTRIES: usize = 4096;
/// `struct linux_dirent64`: inode, offset, length, type, then the name.
const NAME: usize = 19;
/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// A directory being copied.
struct Level {
    from: OwnedFd,
    to: OwnedFd,
    /// Where the next entry is.
    offset: i64,
}

/// Copies what is in `from` into `to`, and what `from` itself is like.
pub(super) fn tree(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> sys::Result<()> {
    let mut levels = [const { None::<Level> }; LEVELS];
    *levels.first_mut().ok_or(Errno::ENOMEM)? = Some(level(from, to)?);
    let mut depth = 0;
    while let Some(Some(current)) = levels.get_mut(depth) {
        match next(current)? {
            Step::Down(deeper) => {
                depth += 1;
                *levels.get_mut(depth).ok_or(Errno::ENAMETOOLONG)? = Some(deeper);
            }
            Step::Up => {
                // Last, since what is made in a directory changes its times.
                finish(current.to.as_fd(), c".", fs::fstat(current.from.as_fd())?)?;
                if let Some(done) = levels.get_mut(depth) {
                    *done = None;
                }
                let Some(above) = depth.checked_sub(1) else { return Ok(()) };
                depth = above;
            }
        }
    }
    Ok(())
}

enum Step {
    Down(Level),
    Up,
}

/// Both directories opened for use; they may have been opened with `O_PATH`.
fn level(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> sys::Result<Level> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY;
    Ok(Level { from: fs::openat(from, c".", flags, 0)?, to: fs::openat(to, c".", flags, 0)?, offset: 0 })
}

/// Copies entries up to the next directory.
fn next(level: &mut Level) -> sys::Result<Step> {
    let mut buffer = [0; ENTRIES];
    loop {
        fs::seek(level.from.as_fd(), level.offset)?;
        let mut rest = fs::entries(level.from.as_fd(), &mut buffer)?;
        if rest.is_empty() {
            return Ok(Step::Up);
        }
        while let Some((offset, length, name)) = entry(rest) {
            level.offset = offset;
            if name != c"." && name != c".." {
                let deeper = one(level, name)?;
                if let Some(deeper) = deeper {
                    return Ok(Step::Down(deeper));
                }
            }
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

/// The first of some entries: where the next one is in the directory, its length here, its name.
fn entry(bytes: &[u8]) -> Option<(i64, usize, &CStr)> {
    let offset = i64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?);
    let length = usize::from(u16::from_ne_bytes(bytes.get(16..18)?.try_into().ok()?));
    let name = CStr::from_bytes_until_nul(bytes.get(NAME..length)?).ok()?;
    Some((offset, length, name))
}

/// Copies one entry; of a directory only itself, to be filled next.
fn one(within: &Level, name: &CStr) -> sys::Result<Option<Level>> {
    let (from, to) = (within.from.as_fd(), within.to.as_fd());
    let open = match fs::openat(from, name, libc::O_PATH | libc::O_NOFOLLOW, 0) {
        // Gone in between.
        Err(Errno::ENOENT) => return Ok(None),
        open => open?,
    };
    let kind = fs::fstat(open.as_fd())?;
    match kind.of_type() {
        libc::S_IFDIR => {
            fs::mkdirat(to, name, 0o700)?;
            let made = fs::openat(to, name, libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW, 0)?;
            return level(open.as_fd(), made.as_fd()).map(Some);
        }
        libc::S_IFLNK => {
            let mut target = [0; libc::PATH_MAX as usize];
            let room = target.len() - 1;
            // An empty name is the link itself, which is open.
            fs::readlinkat(open.as_fd(), c"", target.get_mut(..room).unwrap_or_default())?;
            let target = CStr::from_bytes_until_nul(&target).map_err(|_| Errno::ENAMETOOLONG)?;
            fs::symlinkat(target, to, name)?;
        }
        libc::S_IFREG => {
            // What was looked at is opened, not what may have come in its place.
            let source = through_proc(open.as_fd(), |path| fs::openat(sys::here(), path, libc::O_RDONLY, 0))?;
            let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL;
            let copy = fs::openat(to, name, flags, 0o600)?;
            while fs::send(source.as_fd(), copy.as_fd(), CHUNK)? > 0 {}
        }
        libc::S_IFCHR | libc::S_IFBLK | libc::S_IFIFO => {
            match fs::mknodat(to, name, kind.of_type() | 0o600, kind.device) {
                // In a user namespace no device can be made.
                Err(Errno::EPERM) => return Ok(None),
                made => made?,
            }
        }
        _ => return Ok(None),
    }
    finish(to, name, kind).map(|()| None)
}

/// Owner before mode, which a change of owner takes bits from, and times last.
fn finish(to: BorrowedFd<'_>, name: &CStr, kind: fs::Kind) -> sys::Result<()> {
    match fs::chown_at(to, name, kind.owner.0, kind.owner.1) {
        // An owner that the user namespace does not map cannot be given.
        Ok(()) | Err(Errno::EINVAL) => {}
        Err(errno) => return Err(errno),
    }
    if kind.of_type() != libc::S_IFLNK {
        fs::chmod_at(to, name, kind.mode & 0o7777)?;
    }
    fs::set_times(to, name, kind.times)
}
