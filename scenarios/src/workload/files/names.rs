//! Operations that change names and modes.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::clocked;

/// `open(2)` of a file that is not there; the close is not timed.
pub(super) fn create(path: &Path) -> io::Result<u64> {
    Ok(clocked(|| File::options().write(true).create_new(true).open(path))?.0)
}

/// `rename(2)` beside itself.
pub(super) fn rename(path: &Path) -> io::Result<u64> {
    let new = moved(path);
    Ok(clocked(|| fs::rename(path, &new))?.0)
}

/// `unlink(2)`.
pub(super) fn unlink(path: &Path) -> io::Result<u64> {
    Ok(clocked(|| fs::remove_file(path))?.0)
}

/// `chmod(2)`.
pub(super) fn chmod(path: &Path) -> io::Result<u64> {
    Ok(clocked(|| fs::set_permissions(path, Permissions::from_mode(0o600)))?.0)
}

/// A directory gets another name. An overlay without `redirect_dir` refuses that for one of its layers with `EXDEV`
/// (`overlayfs.rst`, "renaming directories"); it is then made anew, and its files are renamed into it.
pub(super) fn move_directory(path: &Path) -> io::Result<u64> {
    let new = moved(path);
    let any_way = || match fs::rename(path, &new) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => one_by_one(path, &new),
        renamed => renamed,
    };
    Ok(clocked(any_way)?.0)
}

fn one_by_one(old: &Path, new: &Path) -> io::Result<()> {
    fs::create_dir(new)?;
    for entry in fs::read_dir(old)? {
        let entry = entry?;
        fs::rename(entry.path(), new.join(entry.file_name()))?;
    }
    fs::remove_dir(old)
}

/// The name that a file or directory gets.
fn moved(path: &Path) -> std::path::PathBuf {
    path.with_extension("moved")
}
