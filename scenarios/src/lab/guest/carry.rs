//! What is carried into a guest: programs with their libraries, files, directories, at the paths that they have here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::error::Error;
use super::libraries;
use crate::cancel::Cancel;
use crate::lab::tool;

/// One file, link or directory of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Absolute path in the guest.
    pub path: PathBuf,
    /// What is there.
    pub content: Content,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A directory.
    Directory {
        /// Its permissions.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// Where it leads.
        target: String,
    },
    /// A copy of a file of this host, with its permissions.
    File {
        /// Where it is here.
        from: PathBuf,
    },
    /// A file with these bytes.
    Bytes {
        /// Its permissions.
        mode: u32,
        /// What is in it.
        bytes: Vec<u8>,
    },
}

/// Where a loader looks up libraries that are in none of its own directories.
const LOADER_CACHE: &str = "/etc/ld.so.cache";

/// Everything that these names stand for. A name without a slash is a program in `PATH`, or else a file.
///
/// # Errors
/// When something is not there or cannot be read, or a library is missing, or the run is to stop.
pub fn all(names: &[PathBuf], cancel: &Cancel) -> Result<Vec<Carried>, Error> {
    let mut carried = Vec::new();
    for name in names {
        let bare = name.to_str().filter(|name| !name.contains('/'));
        let path = bare.and_then(tool::find).unwrap_or_else(|| name.clone());
        if bare.is_some() && !path.exists() {
            return Err(Error::carry(
                name,
                "it is neither a program in PATH nor a file here; install it, or give its path",
            ));
        }
        add(&absolute(&path)?, &mut carried, cancel)?;
    }
    Ok(carried)
}

/// Adds what is at a path. A link that was named itself is followed, so that `runc` is a program in the guest, too.
fn add(path: &Path, carried: &mut Vec<Carried>, cancel: &Cancel) -> Result<(), Error> {
    let metadata = path.metadata().map_err(Error::io("find", path))?;
    if metadata.is_file() {
        return file(path, carried, cancel);
    }
    if !metadata.is_dir() {
        return Err(Error::carry(path, "it is neither a file nor a directory"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    carried.push(Carried { path: path.to_owned(), content: Content::Directory { mode } });
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let path = entry.map_err(Error::io("list", path))?.path();
        if path.is_symlink() {
            let target = fs::read_link(&path).map_err(Error::io("read", &path))?;
            let target = target.into_os_string().into_string();
            let target = target.map_err(|_| Error::carry(&path, "it leads to a name that is not UTF-8"))?;
            carried.push(Carried { path, content: Content::Link { target } });
        } else {
            add(&path, carried, cancel)?;
        }
    }
    Ok(())
}

/// Adds a file with the libraries that it needs.
fn file(path: &Path, carried: &mut Vec<Carried>, cancel: &Cancel) -> Result<(), Error> {
    carried.push(copy(path)?);
    let libraries = libraries::of(path, cancel)?;
    for library in &libraries {
        carried.push(copy(&absolute(library)?)?);
    }
    if !libraries.is_empty() && Path::new(LOADER_CACHE).exists() {
        carried.push(copy(Path::new(LOADER_CACHE))?);
    }
    Ok(())
}

/// A copy of a file, known by its one real path, so that two names of one library are no conflict.
fn copy(path: &Path) -> Result<Carried, Error> {
    let from = path.canonicalize().map_err(Error::io("find", path))?;
    Ok(Carried { path: path.to_owned(), content: Content::File { from } })
}

/// The path from the root, without `..`, which in the guest might lead elsewhere.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let path = std::path::absolute(path).map_err(Error::io("find", path))?;
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            other => clean.push(other),
        }
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_directory_comes_with_all_that_is_in_it() {
        let scratch = Scratch::new().unwrap();
        let dir = scratch.path().join("dir");
        fs::create_dir_all(dir.join("sub")).unwrap();
        fs::write(dir.join("sub/file"), "x").unwrap();
        symlink("sub/file", dir.join("link")).unwrap();
        let mut carried = all(&[dir.join("sub/..")], &Cancel::new()).unwrap();
        carried.sort_by(|a, b| a.path.cmp(&b.path));
        let found: Vec<_> = carried.iter().map(|carried| carried.path.strip_prefix(&dir).unwrap()).collect();
        assert_eq!(found, ["", "link", "sub", "sub/file"].map(Path::new));
        assert_eq!(carried[1].content, Content::Link { target: "sub/file".into() });
    }

    #[test]
    fn a_program_comes_with_its_loader_and_libraries() {
        if !isolab_core::need::met(&["ldd", "dash"]) {
            return;
        }
        let carried = all(&["dash".into()], &Cancel::new()).unwrap();
        let has = |end: &str| carried.iter().any(|carried| carried.path.to_string_lossy().contains(end));
        assert!(has("bin/dash") && has("libc.so") && has("ld-linux"), "{carried:?}");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = all(&["isolab-no-such-program".into()], &Cancel::new()).unwrap_err().to_string();
        assert!(
            error.starts_with("isolab-no-such-program cannot be carried") && error.contains("install it"),
            "{error}"
        );
        let error = all(&["/no/such/file".into()], &Cancel::new()).unwrap_err().to_string();
        assert_eq!(error, "cannot find /no/such/file: No such file or directory (os error 2)");
    }
}
