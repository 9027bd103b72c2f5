//! Unpacking of kernel packages.
//!
//! Until Debian 13, and from the kernel's own `make bindeb-pkg`: `boot/vmlinuz-R`, `boot/config-R`, `lib/modules/R`. Since
//! Debian 14 everything lies in `usr/lib/modules/R`, the image and the configuration as `vmlinuz` and `config`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Error;
use crate::cancel::Cancel;
use crate::lab::tool;
use crate::scratch::remove_tree;

const REMEDY: &str = "apt-get install dpkg, which unpacks kernel packages";

/// Unpacks the packages of one kernel, to `vmlinuz`, `config` and `modules` in `folder`; what they lack is not there, but an
/// image must be.
pub(super) fn unpack(packages: &[PathBuf], folder: &Path, cancel: &Cancel) -> Result<(), Error> {
    let tree = folder.join("tree");
    for package in packages {
        let mut dpkg = tool::command("dpkg-deb");
        dpkg.arg("--extract").arg(package).arg(&tree);
        tool::run(dpkg, REMEDY, cancel)?;
    }
    let boot = entries(&tree.join("boot"))?;
    let mut releases = entries(&tree.join("usr/lib/modules"))?;
    releases.extend(entries(&tree.join("lib/modules"))?);
    let modules = releases.iter().find(|path| path.join("kernel").is_dir());
    for (name, is_needed) in [("vmlinuz", true), ("config", false)] {
        let in_boot = boot.iter().find(|path| is_named(path, &format!("{name}-")));
        let beside_modules = releases.iter().map(|release| release.join(name)).find(|path| path.is_file());
        match in_boot.cloned().or(beside_modules) {
            Some(path) => rename(&path, &folder.join(name))?,
            None if is_needed => {
                let package = packages.first().map_or(folder, PathBuf::as_path);
                return Err(Error::file(package, "holds no kernel image"));
            }
            None => {}
        }
    }
    if let Some(modules) = modules {
        rename(modules, &folder.join("modules"))?;
    }
    remove_tree(&tree).map_err(Error::io("remove", &tree))
}

/// A field of a package, such as its version.
pub(super) fn field(package: &Path, field: &str, cancel: &Cancel) -> Result<String, Error> {
    let mut dpkg = tool::command("dpkg-deb");
    dpkg.arg("--field").arg(package).arg(field);
    Ok(tool::run(dpkg, REMEDY, cancel)?.trim().to_owned())
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        list => list.map_err(Error::io("read directory", directory))?,
    };
    let mut paths = Vec::new();
    for entry in list {
        paths.push(entry.map_err(Error::io("read directory", directory))?.path());
    }
    // Whatever the file system's order: equal packages give equal kernels.
    paths.sort();
    Ok(paths)
}

fn is_named(path: &Path, start: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io("move", from))
}
