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
}
