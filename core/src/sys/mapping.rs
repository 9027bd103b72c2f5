//! Memory that is mapped to see what becomes of it.

use std::os::fd::{AsRawFd, BorrowedFd};

use super::{Errno, Result};

/// Bytes that are mapped of a file.
const PAGE: usize = 4096;

/// Writes one byte through a shared mapping of a file's first page, which needs a descriptor for reading and writing.
///
/// # Errors
/// Of `mmap(2)`.
pub fn write_shared(file: BorrowedFd<'_>, byte: u8) -> Result<()> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a fresh mapping at an address of the kernel's choice.
    let start =
        unsafe { libc::mmap(std::ptr::null_mut(), PAGE, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if start == libc::MAP_FAILED {
        return Err(last());
    }
    // SAFETY: the page is mapped for writing.
    unsafe { start.cast::<u8>().write_volatile(byte) };
    unmap(start, PAGE)
}

/// Maps so many bytes of huge pages, touches the first, and gives them back. Where no page is free that was promised, the
/// touch ends the process with `SIGBUS`.
///
/// # Errors
/// `ENOMEM` when there are not as many, or the group may not have them.
pub fn touch_huge(bytes: usize) -> Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a fresh anonymous mapping.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(last());
    }
    // SAFETY: mapped for writing.
    unsafe { start.cast::<u8>().write_volatile(1) };
    unmap(start, bytes)
}

/// A file's first bytes, mapped and shared with whoever else has them mapped or reads the file. Unmapped on drop.
///
/// Where the file is shorter, touching ends the process with `SIGBUS`.
#[derive(Debug)]
pub struct Shared {
    start: *mut libc::c_void,
    bytes: usize,
    writable: bool,
}

impl Shared {
    /// Maps the first `bytes` of a file, for reading, or for writing too.
    ///
    /// # Errors
    /// Of `mmap(2)`; `EACCES` when the descriptor is not open for it.
    pub fn new(file: BorrowedFd<'_>, bytes: usize, writable: bool) -> Result<Shared> {
        let access = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED { Err(last()) } else { Ok(Shared { start, bytes, writable }) }
    }

    /// Reads a byte of each page, and returns their sum.
    #[must_use]
    pub fn read(&self) -> u64 {
        let byte = |at: usize| {
            // SAFETY: inside the mapping.
            let place = unsafe { self.start.cast::<u8>().add(at) };
            // SAFETY: mapped for reading.
            unsafe { place.read_volatile() }
        };
        (0..self.bytes).step_by(PAGE).map(|at| u64::from(byte(at))).sum()
    }

    /// Writes a byte to each page.
    ///
    /// # Errors
    /// `EACCES` when it is mapped for reading only.
    pub fn write(&mut self, byte: u8) -> Result<()> {
        if !self.writable {
            return Err(Errno::EACCES);
        }
        for at in (0..self.bytes).step_by(PAGE) {
            // SAFETY: inside the mapping.
            let place = unsafe { self.start.cast::<u8>().add(at) };
            // SAFETY: mapped for writing.
            unsafe { place.write_volatile(byte) };
        }
        Ok(())
    }

    /// `msync(2)` with `MS_SYNC`: returns when what was written is in the file, on its disk.
    ///
    /// # Errors
    /// Of `msync(2)`.
    pub fn sync(&self) -> Result<()> {
        // SAFETY: a mapping of this value's own.
        if unsafe { libc::msync(self.start, self.bytes, libc::MS_SYNC) } == 0 { Ok(()) } else { Err(last()) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // It is this value's own, so it cannot fail.
        unmap(self.start, self.bytes).unwrap_or(());
    }
}

fn unmap(start: *mut libc::c_void, bytes: usize) -> Result<()> {
    // SAFETY: a mapping of this module's own, which nobody holds a reference to.
    if unsafe { libc::munmap(start, bytes) } == 0 { Ok(()) } else { Err(last()) }
}

fn last() -> Errno {
    Errno::new(std::io::Error::last_os_error().raw_os_error().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_byte_is_written_through_a_mapping() {
        let path = std::env::temp_dir().join(format!("isolab-mapping-{}", std::process::id()));
        std::fs::write(&path, "abc").unwrap();
        let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        write_shared(file.as_fd(), b'x').unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"xbc");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_shared_mapping_is_the_file() {
        let path = std::env::temp_dir().join(format!("isolab-shared-{}", std::process::id()));
        std::fs::write(&path, vec![1; 3 * PAGE]).unwrap();
        let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        let mut mapped = Shared::new(file.as_fd(), 3 * PAGE, true).unwrap();
        assert_eq!(mapped.read(), 3);
        mapped.write(7).unwrap();
        mapped.sync().unwrap();
        let content = std::fs::read(&path).unwrap();
        assert_eq!((content[PAGE], content[PAGE + 1]), (7, 1));
        let mut read_only = Shared::new(file.as_fd(), PAGE, false).unwrap();
        assert_eq!((read_only.read(), read_only.write(8)), (7, Err(Errno::EACCES)));
        std::fs::remove_file(&path).unwrap();
    }
}
