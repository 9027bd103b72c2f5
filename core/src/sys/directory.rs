//! What is in a directory.

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;

use super::{Result, Sysno, args, call, raw};

/// Names of the directories in an open directory, without `.` and `..`. Allocates.
///
/// # Errors
/// As in `getdents64(2)`.
pub fn directories(directory: BorrowedFd<'_>) -> Result<Vec<CString>> {
    let mut names = Vec::new();
    let mut buffer = [0u8; 8192];
    loop {
        let given = args![raw(directory), buffer.as_mut_ptr(), buffer.len()];
        // SAFETY: the buffer is writable for its length.
        let length = unsafe { call(Sysno::getdents64, given) }?;
        let mut entries = &buffer[..length.min(buffer.len())];
        if entries.is_empty() {
            return Ok(names);
        }
        // Each a `struct linux_dirent64`: inode and offset of 8 bytes, length of 2, type of 1, name.
        while let Some((&[low, high], kind)) =
            entries.get(16..18).and_then(|length| length.first_chunk()).zip(entries.get(18))
        {
            let length = usize::from(u16::from_ne_bytes([low, high]));
            let name = entries.get(19..length).and_then(|name| CStr::from_bytes_until_nul(name).ok());
            let wanted = |name: &&CStr| *kind == libc::DT_DIR && ![c".", c".."].contains(name);
            names.extend(name.filter(wanted).map(CStr::to_owned));
            entries = entries.get(length.max(19)..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn directories_are_named_and_nothing_else() {
        let place = std::env::temp_dir().join(format!("isolab-directory-{}", std::process::id()));
        for name in ["a", "bb", "bb/inner"] {
            std::fs::create_dir_all(place.join(name)).unwrap();
        }
        std::fs::write(place.join("file"), "").unwrap();
        std::os::unix::fs::symlink("bb", place.join("link")).unwrap();
        let mut found = directories(std::fs::File::open(&place).unwrap().as_fd()).unwrap();
        found.sort();
        std::fs::remove_dir_all(&place).unwrap();
        assert_eq!(found, [c"a".to_owned(), c"bb".to_owned()]);
    }
}
