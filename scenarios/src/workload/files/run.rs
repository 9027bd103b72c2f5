//! The workload of all operations.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::data::{Block, PAGE};
use super::operation::Of;
use super::{Operation, at, copy_up, data, look, map, names};
use crate::workload::{Error, Reply, Start};

/// Parameters: where the files are, what to do to them, and in which state of the caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// The directory that holds the directories of all operations.
    pub root: PathBuf,
    /// What to do, in this order.
    pub operations: Vec<Operation>,
    /// Whether everything is looked up and read once before the start, but for what an operation is to see first.
    pub warm: bool,
}

impl Every {
    pub(super) fn run(&self, start: &mut Start<'_>) -> Result<Vec<Reply>, Error> {
        for operation in &self.operations {
            let dir = self.root.join(operation.shape().directory);
            prepare(*operation, &dir).map_err(at("prepare", &dir))?;
            if self.warm && !operation.is_first() {
                visit(&dir).map_err(at("look at all of", &dir))?;
            }
        }
        start()?;
        self.operations.iter().map(|operation| self.samples(*operation)).collect()
    }

    /// One sample a file.
    fn samples(&self, operation: Operation) -> Result<Reply, Error> {
        let shape = operation.shape();
        let dir = self.root.join(shape.directory);
        let begun = Instant::now();
        let mut reply = Reply { name: shape.name.to_owned(), ..Reply::default() };
        for file in 0..shape.files {
            let path = dir.join(file.to_string());
            reply.samples.push(one(operation, &path).map_err(at(shape.name, &path))?);
            reply.work += 1;
        }
        reply.seconds = begun.elapsed().as_secs_f64();
        Ok(reply)
    }
}

/// Makes the new files that an operation works on.
fn prepare(operation: Operation, dir: &Path) -> io::Result<()> {
    let shape = operation.shape();
    if shape.of == Of::New && operation != Operation::Create {
        let content = vec![b'i'; shape.bytes];
        (0..shape.files).try_for_each(|file| fs::write(dir.join(file.to_string()), &content))?;
    }
    Ok(())
}

/// Looks up, lists and reads everything in a directory.
fn visit(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if fs::metadata(&path)?.is_dir() {
            visit(&path)?;
        } else {
            io::copy(&mut File::open(&path)?, &mut io::sink())?;
        }
    }
    Ok(())
}

/// Nanoseconds of one operation on one file. Opening what is worked on is not timed.
fn one(operation: Operation, path: &Path) -> io::Result<u64> {
    let bytes = operation.shape().bytes;
    let writable = || File::options().read(true).write(true).open(path);
    match operation {
        Operation::FirstStat | Operation::Stat => look::stat(path),
        Operation::Open => look::open(path),
        Operation::FirstReaddir | Operation::Readdir => look::list(path),
        Operation::Read => data::read(&File::open(path)?, &mut Block::<PAGE>::new(), 0),
        Operation::Map => map::read(&File::open(path)?, bytes),
        Operation::Create => names::create(path),
        Operation::Write => data::write(&writable()?, &Block::<PAGE>::new(), 0),
        Operation::Fsync => {
            let file = writable()?;
            data::write(&file, &Block::<PAGE>::new(), 0)?;
            data::sync(&file)
        }
        Operation::Msync => map::write(&writable()?, bytes),
        Operation::Rename => names::rename(path),
        Operation::Unlink | Operation::UnlinkNew => names::unlink(path),
        Operation::MoveDirectory => names::move_directory(path),
        Operation::Chmod => names::chmod(path),
        Operation::CopyUp4K | Operation::CopyUp64K | Operation::CopyUp1M | Operation::CopyUp16M => {
            copy_up::open(path)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The files of all operations, as a root filesystem would bring them.
    fn tree(root: &Path) {
        for operation in Operation::ALL {
            let shape = operation.shape();
            let dir = root.join(shape.directory);
            fs::create_dir_all(&dir).unwrap();
            for file in 0..shape.files {
                let path = dir.join(file.to_string());
                match shape.of {
                    Of::Layers => fs::write(path, vec![b'x'; shape.bytes]).unwrap(),
                    Of::Directories(files) => {
                        fs::create_dir(&path).unwrap();
                        (0..files).for_each(|file| fs::write(path.join(file.to_string()), "x").unwrap());
                    }
                    Of::New => {}
                }
            }
        }
    }

    #[test]
    fn every_operation_takes_a_sample_per_file_and_does_what_it_says() {
        let root = std::env::temp_dir().join(format!("isolab-operations-{}", std::process::id()));
        tree(&root);
        let work = Every { root: root.clone(), operations: Operation::ALL.to_vec(), warm: true };
        let replies = work.run(&mut || Ok(())).unwrap();
        for (reply, operation) in replies.iter().zip(Operation::ALL) {
            let shape = operation.shape();
            assert_eq!((reply.name.as_str(), reply.samples.len()), (shape.name, shape.files as usize));
        }
        let there = |path: &str| root.join(path).exists();
        assert!(there("create/63") && there("rename/0.moved") && !there("rename/0"));
        assert!(!there("unlink/0") && !there("unlink-new/0"));
        assert!(there("move/0.moved/3") && !there("move/0"));
        assert_eq!(fs::metadata(root.join("chmod/0")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(root.join("msync/0")).unwrap()[0], b'm');
        assert_eq!(fs::read(root.join("copy-up-4k/0")).unwrap(), [b'x'; 4096], "opened, not changed");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_missing_file_is_named() {
        let root = std::env::temp_dir().join(format!("isolab-operations-missing-{}", std::process::id()));
        fs::create_dir_all(root.join("stat")).unwrap();
        let work = Every { root: root.clone(), operations: vec![Operation::Stat], warm: true };
        let error = work.run(&mut || Ok(())).unwrap_err().to_string();
        assert!(error.contains("stat ") && error.contains("stat/0"), "{error}");
        fs::remove_dir_all(&root).unwrap();
    }
}
