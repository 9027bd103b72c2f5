//! The files that the operations work on: made in layers, and put right again after a round on a plain directory.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::scratch::remove_tree;
use crate::workload::files::Operation;
use crate::workload::files::operation::Of;

/// Mode of every file, until it is changed.
const MODE: u32 = 0o644;

/// Makes the files of all operations in the given directories, one a layer. Each has every directory, so that a look-up passes
/// all of them, and every how-manieth file.
pub(super) fn populate(layers: &[PathBuf]) -> io::Result<()> {
    Operation::ALL.into_iter().try_for_each(|operation| make(operation, layers))
}

fn make(operation: Operation, layers: &[PathBuf]) -> io::Result<()> {
    let shape = operation.shape();
    let directories: Vec<String> = match shape.of {
        Of::Layers | Of::New => vec![shape.directory.to_owned()],
        Of::Directories(_) => (0..shape.files).map(|nth| format!("{}/{nth}", shape.directory)).collect(),
    };
    let files = match shape.of {
        Of::Layers => shape.files,
        Of::Directories(files) => files,
        Of::New => 0,
    };
    let content = vec![b'i'; shape.bytes];
    for directory in &directories {
        for layer in layers {
            fs::create_dir_all(layer.join(directory))?;
        }
        for (file, layer) in (0..files).zip(layers.iter().cycle()) {
            let path = layer.join(directory).join(file.to_string());
            fs::write(&path, &content)?;
            fs::set_permissions(&path, Permissions::from_mode(MODE))?;
        }
    }
    Ok(())
}

/// Undoes what a round of all operations changed in a directory.
pub(super) fn restore(data: &Path) -> io::Result<()> {
    for operation in Operation::ALL {
        let shape = operation.shape();
        let directory = data.join(shape.directory);
        match operation {
            Operation::Chmod => {
                for file in 0..shape.files {
                    fs::set_permissions(directory.join(file.to_string()), Permissions::from_mode(MODE))?;
                }
            }
            Operation::Unlink | Operation::MoveDirectory => again(operation, data, &directory)?,
            _ if shape.of == Of::New => again(operation, data, &directory)?,
            _ => {}
        }
    }
    Ok(())
}

fn again(operation: Operation, data: &Path, directory: &Path) -> io::Result<()> {
    remove_tree(directory)?;
    make(operation, &[data.to_owned()])
}

/// Gives a tree to another user.
pub(super) fn give(path: &Path, id: u32) -> io::Result<()> {
    chown(path, Some(id), Some(id))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), id)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn count(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn files_are_spread_over_layers_that_have_all_directories() {
        let scratch = Scratch::new().unwrap();
        let layers: Vec<PathBuf> = (0..3).map(|nth| scratch.path().join(format!("l{nth}"))).collect();
        populate(&layers).unwrap();
        let stats: Vec<usize> = layers.iter().map(|layer| count(&layer.join("stat"))).collect();
        assert_eq!(stats, [22, 21, 21]);
        assert!(layers[1].join("stat/1").exists() && !layers[1].join("stat/0").exists());
        let listed: usize = layers.iter().map(|layer| count(&layer.join("readdir/15"))).sum();
        assert_eq!(listed, 32);
        assert!(layers.iter().all(|layer| count(&layer.join("create")) == 0));
    }

    #[test]
    fn a_round_is_undone() {
        let scratch = Scratch::new().unwrap();
        let data = scratch.path().join("data");
        populate(std::slice::from_ref(&data)).unwrap();
        fs::remove_file(data.join("unlink/3")).unwrap();
        fs::rename(data.join("move/1"), data.join("move/1.moved")).unwrap();
        fs::write(data.join("create/0"), "new").unwrap();
        fs::set_permissions(data.join("chmod/0"), Permissions::from_mode(0o600)).unwrap();
        restore(&data).unwrap();
        assert!(data.join("unlink/3").exists() && data.join("move/1/3").exists());
        assert!(!data.join("move/1.moved").exists() && !data.join("create/0").exists());
        assert_eq!(fs::metadata(data.join("chmod/0")).unwrap().permissions().mode() & 0o777, MODE);
    }
}
