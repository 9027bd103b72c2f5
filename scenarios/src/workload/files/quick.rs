//! The quick look's operations.
//!
//! * `create`: `open(O_CREAT | O_EXCL)`, write, close;
//! * `read`: open, read to the end, close, of a file that the root filesystem came with;
//! * `copy-up`: `open(O_WRONLY)`, close, of a file that the root filesystem came with. On an overlay this first copies the
//!   whole file to the upper directory; on a plain directory it is an open.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::at;
use crate::workload::victim::pace::nanos;
use crate::workload::{Error, Reply, Start};

/// Operations in the order in which they run and are reported.
pub const OPERATIONS: [&str; 3] = ["create", "read", "copy-up"];

/// Parameters of the file workload. The directories hold files named `0`, `1`, … when the workload starts, but for the one
/// to create in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    /// Directory to make with new files.
    pub create_in: PathBuf,
    /// Directory of the files to read.
    pub read_from: PathBuf,
    /// Directory of the files to open for writing.
    pub open_in: PathBuf,
    /// Files to create and to read, each.
    pub files: u32,
    /// Bytes of each file to create and to read.
    pub bytes: usize,
    /// Files to open for writing.
    pub opened: u32,
}

impl Quick {
    pub(super) fn run(&self, start: &mut Start<'_>) -> Result<Vec<Reply>, Error> {
        let content = vec![b'i'; self.bytes];
        let mut buffer = vec![0; self.bytes];
        start()?;
        fs::create_dir(&self.create_in).map_err(at("create directory", &self.create_in))?;
        let create = timed("create", &self.create_in, self.files, &mut |path| {
            OpenOptions::new().write(true).create_new(true).open(path)?.write_all(&content)
        })?;
        let read = timed("read", &self.read_from, self.files, &mut |path| {
            File::open(path)?.read_exact(&mut buffer)
        })?;
        let copy_up = timed("copy-up", &self.open_in, self.opened, &mut |path| {
            OpenOptions::new().write(true).open(path).map(drop)
        })?;
        Ok(vec![create, read, copy_up])
    }
}

/// One sample per file `0`, `1`, … of a directory.
fn timed(
    name: &str,
    dir: &Path,
    files: u32,
    operation: &mut dyn FnMut(&Path) -> std::io::Result<()>,
) -> Result<Reply, Error> {
    let begun = Instant::now();
    let mut reply = Reply { name: name.to_owned(), ..Reply::default() };
    for file in 0..files {
        let path = dir.join(file.to_string());
        let before = Instant::now();
        operation(&path).map_err(at(name, &path))?;
        reply.samples.push(nanos(before.elapsed()));
        reply.work += 1;
    }
    reply.seconds = begun.elapsed().as_secs_f64();
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_dir(name: &str, test: impl FnOnce(&Path)) {
        let dir = std::env::temp_dir().join(format!("isolab-files-{name}-{}", std::process::id()));
        for part in ["read", "open"] {
            fs::create_dir_all(dir.join(part)).unwrap();
            for file in 0..4 {
                fs::write(dir.join(part).join(file.to_string()), [b'x'; 100]).unwrap();
            }
        }
        test(&dir);
        fs::remove_dir_all(&dir).unwrap();
    }

    fn files(dir: &Path) -> Quick {
        Quick {
            create_in: dir.join("new"),
            read_from: dir.join("read"),
            open_in: dir.join("open"),
            files: 4,
            bytes: 100,
            opened: 3,
        }
    }

    #[test]
    fn each_operation_takes_a_sample_per_file() {
        in_dir("samples", |dir| {
            let replies = files(dir).run(&mut || Ok(())).unwrap();
            let names: Vec<&str> = replies.iter().map(|reply| reply.name.as_str()).collect();
            assert_eq!(names, OPERATIONS);
            let counts: Vec<usize> = replies.iter().map(|reply| reply.samples.len()).collect();
            assert_eq!(counts, [4, 4, 3]);
            assert_eq!(fs::read(dir.join("new/3")).unwrap(), [b'i'; 100]);
            assert_eq!(fs::read(dir.join("open/0")).unwrap(), [b'x'; 100], "opened, not changed");
        });
    }

    #[test]
    fn a_missing_file_is_named() {
        in_dir("missing", |dir| {
            fs::remove_file(dir.join("read/2")).unwrap();
            let error = files(dir).run(&mut || Ok(())).unwrap_err().to_string();
            assert!(error.contains("read ") && error.contains("read/2"), "{error}");
        });
    }
}
