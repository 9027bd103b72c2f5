//! Ways to change a file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use isolab_core::sys::trial::{self, Argument, Trial};
use isolab_core::sys::{Errno, mapping, tree};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{errno_name, outcome};

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Writes over its first byte.
    Write,
    /// Makes it empty.
    Truncate,
    /// Changes its permissions.
    Chmod,
    /// Gives it to somebody else.
    Chown,
    /// Gives it another name.
    Rename,
    /// Removes it.
    Unlink,
    /// Writes through a shared mapping.
    Mmap,
    /// Makes it longer (`fallocate(2)`).
    Fallocate,
    /// Gives it an extended attribute.
    Setxattr,
    /// Gives it a second name.
    Link,
    /// Writes into a pipe that holds its pages, as CVE-2022-0847 did.
    Splice,
}

/// What came of each way, in the order given, each on a file of its own: `path` with the way's name added.
pub(super) fn tamper(path: &str, ways: &[Way]) -> Value {
    let mut answers = Map::new();
    for way in ways {
        let name = json!(way).as_str().unwrap_or_default().to_owned();
        let answer = one(Path::new(&format!("{path}{name}")), *way);
        answers.insert(name, answer);
    }
    Value::Object(answers)
}

fn one(path: &Path, way: Way) -> Value {
    let open = || OpenOptions::new().read(true).write(true).open(path);
    match way {
        Way::Write => outcome(open().and_then(|mut file| file.write_all(b"X"))),
        Way::Truncate => outcome(open().and_then(|file| file.set_len(0))),
        Way::Chmod => outcome(fs::set_permissions(path, Permissions::from_mode(0o600))),
        Way::Chown => outcome(chown(path, Some(1), Some(1))),
        Way::Rename => outcome(fs::rename(path, path.with_extension("renamed"))),
        Way::Unlink => outcome(fs::remove_file(path)),
        Way::Mmap => by_errno(open(), |file| mapping::write_shared(file.as_fd(), b'X')),
        Way::Fallocate => by_errno(open(), fallocate),
        Way::Setxattr => by_errno(open(), |file| tree::set_xattr(file.as_fd(), c"user.isolab", b"x")),
        Way::Link => outcome(fs::hard_link(path, path.with_extension("linked"))),
        Way::Splice => outcome(File::open(path).and_then(|file| splice(&file))),
    }
}

fn by_errno(file: io::Result<File>, work: impl FnOnce(&File) -> Result<(), Errno>) -> Value {
    match file {
        Ok(file) => work(&file).map_or_else(|errno| json!(errno_name(errno)), |()| json!("ok")),
        error => outcome(error),
    }
}

/// Two pages from the beginning, in a process of its own, which shares the descriptor.
fn fallocate(file: &File) -> Result<(), Errno> {
    let descriptor = u64::try_from(file.as_raw_fd()).unwrap_or_default();
    let given = [descriptor, 0, 0, 8192].map(Argument::Number);
    match trial::trial(trial::number("fallocate").ok_or(Errno::ENOSYS)?, &given)? {
        Trial::Returned(_) => Ok(()),
        Trial::Failed(errno) => Err(errno),
        Trial::Exited(_) | Trial::Killed(_) => Err(Errno::EINTR),
    }
}

/// Pages of the file go into a pipe whose slots were filled and emptied before, and a write follows them.
fn splice(mut file: &File) -> io::Result<()> {
    const SLOTS: usize = 16 * 4096;
    let (mut reader, mut writer) = io::pipe()?;
    writer.write_all(&[0; SLOTS])?;
    io::Read::read_exact(&mut reader, &mut vec![0; SLOTS])?;
    // `io::copy` from a file to a pipe is splice(2) or sendfile(2).
    let mut head = io::Read::take(&mut file, 1);
    io::copy(&mut head, &mut writer)?;
    writer.write_all(b"XXXX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_changes_a_file_that_may_be_changed() {
        let scratch = crate::scratch::Scratch::new().unwrap();
        let path = |name: &str| scratch.path().join(name);
        for name in ["write", "truncate", "mmap", "unlink", "rename", "fallocate", "splice"] {
            fs::write(path(&format!("f{name}")), "original").unwrap();
        }
        let ways =
            [Way::Write, Way::Truncate, Way::Mmap, Way::Unlink, Way::Rename, Way::Fallocate, Way::Splice];
        let answers = tamper(path("f").to_str().unwrap(), &ways);
        assert!(answers.as_object().unwrap().values().all(|answer| answer == "ok"), "{answers}");
        assert_eq!(fs::read(path("fwrite")).unwrap(), b"Xriginal");
        assert_eq!(fs::read(path("fmmap")).unwrap(), b"Xriginal");
        assert_eq!(fs::read(path("fsplice")).unwrap(), b"original");
        assert_eq!(fs::read(path("ftruncate")).unwrap(), b"");
        assert!(!path("funlink").exists() && !path("frename").exists());
    }
}
