//! Operations, done.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Result, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::Path;

use isolab_core::sys::{self, Errno, here, tree};

use super::input::{How, Op};
use super::model::Said;

/// Does an operation below a root; an errno when it is refused.
pub(crate) fn perform(root: &Path, op: &Op) -> std::result::Result<Said, i32> {
    done(root, op).map_err(|error| error.raw_os_error().unwrap_or_else(|| panic!("{op:?}: {error}")))
}

fn done(root: &Path, op: &Op) -> Result<Said> {
    let writing = || {
        let mut options = OpenOptions::new();
        options.write(true);
        options
    };
    match op {
        Op::Create(path, byte) => writing().create_new(true).open(root.join(path))?.write_all(&[*byte; 3])?,
        Op::Put(path, byte) => {
            writing().create(true).truncate(true).open(root.join(path))?.write_all(&[*byte; 3])?;
        }
        Op::Overwrite(path, byte) => writing().open(root.join(path))?.write_all(&[*byte; 2])?,
        Op::Append(path, byte) => {
            OpenOptions::new().append(true).open(root.join(path))?.write_all(&[*byte; 2])?;
        }
        Op::Truncate(path, length) => writing().open(root.join(path))?.set_len(*length)?,
        Op::Empty(path) => writing().truncate(true).open(root.join(path)).map(drop)?,
        Op::Mkdir(path, mode) => fs::DirBuilder::new().mode(*mode).create(root.join(path))?,
        Op::Rmdir(path) => fs::remove_dir(root.join(path))?,
        Op::Unlink(path) => fs::remove_file(root.join(path))?,
        Op::Rename(from, to, how) => rename(&root.join(from), &root.join(to), *how)?,
        Op::Link(from, to) => fs::hard_link(root.join(from), root.join(to))?,
        Op::Symlink(path, to) => symlink(to, root.join(path))?,
        Op::Chmod(path, mode) => fs::set_permissions(root.join(path), PermissionsExt::from_mode(*mode))?,
        Op::Attribute(path, name, value) => {
            let file = File::open(root.join(path))?;
            tree::set_xattr(file.as_fd(), &CString::new(*name)?, &[*value]).map_err(system)?;
        }
        Op::Read(path) => return fs::read(root.join(path)).map(Said::Data),
        Op::ReadDirectory(path) => {
            let entries = fs::read_dir(root.join(path))?.collect::<Result<Vec<_>>>()?;
            // An overlay lists the whiteouts of directories that it need not merge; they cannot be found.
            let there = entries.iter().filter(|entry| entry.path().symlink_metadata().is_ok());
            let mut names: Vec<String> =
                there.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            return Ok(Said::Names(names));
        }
        Op::ReadLink(path) => {
            return Ok(Said::Data(fs::read_link(root.join(path))?.as_os_str().as_bytes().to_vec()));
        }
    }
    Ok(Said::Nothing)
}

fn rename(from: &Path, to: &Path, how: How) -> Result<()> {
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes());
    match how {
        How::Replace => fs::rename(from, to),
        How::NoReplace => tree::rename_at(here(), &text(from)?, here(), &text(to)?).map_err(system),
        How::Exchange => sys::fs::exchange(&text(from)?, &text(to)?).map_err(system),
    }
}

fn system(errno: Errno) -> std::io::Error {
    std::io::Error::from_raw_os_error(errno.into_raw())
}
