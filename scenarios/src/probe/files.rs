//! What paths show, and what can be done with them.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use serde_json::{Value, json};

use super::{error_name, or_error, outcome};

/// The null device, which stands in for masked files: character 1:3 (null(4)).
const NULL: &str = "1:3";

pub(super) fn stat(path: &str, follow: bool) -> Value {
    let meta = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
    or_error(meta.map(|meta| {
        json!({
            "type": kind(&meta),
            "mode": format!("{:04o}", meta.mode() & 0o7777),
            "rdev": rdev(&meta),
            "dev": meta.dev(),
            "inode": meta.ino(),
            "uid": meta.uid(),
            "gid": meta.gid(),
        })
    }))
}

fn kind(meta: &fs::Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_dir() {
        "directory"
    } else if kind.is_symlink() {
        "link"
    } else if kind.is_char_device() {
        "char"
    } else if kind.is_block_device() {
        "block"
    } else if kind.is_fifo() {
        "fifo"
    } else if kind.is_socket() {
        "socket"
    } else {
        "file"
    }
}

/// `major:minor` of a device node, as makedev(3) packs it.
fn rdev(meta: &fs::Metadata) -> String {
    let device = meta.rdev();
    let major = (device >> 8 & 0xfff) | (device >> 32 & 0xffff_f000);
    let minor = (device & 0xff) | (device >> 12 & 0xffff_ff00);
    format!("{major}:{minor}")
}

pub(super) fn link(path: &str) -> Value {
    or_error(fs::read_link(path).map(|target| json!(target.display().to_string())))
}

pub(super) fn list(path: &str) -> Value {
    or_error(names(Path::new(path)).map(|names| json!(names)))
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

pub(super) fn open(path: &str, write: bool, create: bool) -> Value {
    outcome(OpenOptions::new().read(!write && !create).write(write || create).create_new(create).open(path))
}

pub(super) fn read(path: &str) -> Value {
    or_error(head(path).map(|text| json!(text.strip_suffix('\n').unwrap_or(&text))))
}

fn head(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(4096).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn write(path: &str, bytes: usize, sync: bool) -> Value {
    let file = OpenOptions::new().append(true).create(true).open(path);
    outcome(file.and_then(|mut file| {
        file.write_all(&vec![b'x'; bytes])?;
        if sync { file.sync_all() } else { Ok(()) }
    }))
}

pub(super) fn mkdir(path: &str) -> Value {
    outcome(fs::create_dir(path))
}

pub(super) fn remove(path: &str) -> Value {
    outcome(fs::remove_file(path))
}

pub(super) fn masked(paths: &[String]) -> Value {
    let (mut masked, mut visible, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        match how_visible(path) {
            Ok(None) => masked.push(path.clone()),
            Ok(Some(what)) => visible.push(format!("{path}: {what}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => absent.push(path.clone()),
            Err(error) => visible.push(format!("{path}: {}", error_name(&error))),
        }
    }
    json!({"masked": masked, "visible": visible, "absent": absent})
}

/// `None` when the path is masked: a file is the null device and reads empty (opening it for writing proves nothing),
/// a directory is empty and cannot be filled.
fn how_visible(path: &str) -> io::Result<Option<&'static str>> {
    let meta = fs::symlink_metadata(path)?;
    if meta.is_dir() {
        if !names(Path::new(path))?.is_empty() {
            return Ok(Some("directory with entries"));
        }
        let made = Path::new(path).join("isolab");
        return match fs::create_dir(&made) {
            Ok(()) => fs::remove_dir(made).map(|()| Some("directory that can be filled")),
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(None),
            Err(_) => Ok(Some("empty directory, not read-only")),
        };
    }
    if !meta.file_type().is_char_device() || rdev(&meta) != NULL {
        return Ok(Some("the file itself"));
    }
    Ok(if head(path)?.is_empty() { None } else { Some("device with content") })
}

pub(super) fn devices(path: &str) -> Value {
    let nodes = |dir: &Path| -> io::Result<Value> {
        let mut found = Vec::new();
        for name in names(dir)? {
            let meta = fs::symlink_metadata(dir.join(&name))?;
            match kind(&meta) {
                "char" => found.push(format!("c {} {name}", rdev(&meta))),
                "block" => found.push(format!("b {} {name}", rdev(&meta))),
                _ => {}
            }
        }
        found.sort();
        Ok(json!(found))
    };
    or_error(nodes(Path::new(path)))
}

pub(super) fn writable(path: &str, names: &[String]) -> Value {
    /// A control group tree is not deeper in a container than controllers, our group, one more.
    const DEPTH: usize = 4;
    let mut found = (0u64, Vec::new());
    search(Path::new(path), names, DEPTH, &mut found);
    let (seen, mut writable) = found;
    writable.sort();
    json!({"seen": seen, "writable": writable})
}

fn search(dir: &Path, names: &[String], depth: usize, found: &mut (u64, Vec<String>)) {
    // Directories that cannot be listed hold nothing that could be opened by name from a listing.
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                search(&path, names, depth - 1, found);
            }
        } else if names.iter().any(|name| entry.file_name() == name.as_str()) {
            found.0 += 1;
            if OpenOptions::new().write(true).open(&path).is_ok() {
                found.1.push(path.display().to_string());
            }
        }
    }
}

pub(super) fn leak(path: &str) -> Value {
    // Kept open on purpose until the process ends: that is the question.
    outcome(fs::File::open(path).map(std::mem::forget))
}

pub(super) fn escape_chroot(jail: bool) -> Value {
    or_error(
        escape(jail)
            .map(|(root, reached)| json!({"escaped": root != reached, "root": root, "reached": reached})),
    )
}

/// The identities of the root that one starts in and of the directory that one gets to.
///
/// A second chroot leaves the working directory outside the new root, from where `..` climbs past the first one.
/// `pivot_root` leaves nothing above to climb to.
fn escape(jail: bool) -> io::Result<(String, String)> {
    const JAIL: &str = "/tmp/jail";
    const UPS: usize = 64;
    if jail {
        fs::create_dir_all(JAIL)?;
        std::os::unix::fs::chroot(JAIL)?;
        std::env::set_current_dir("/")?;
    }
    let root = identity("/")?;
    // One that is there, so that nothing is left of this.
    let there = ["/tmp", "/proc", "/dev", "/etc"].into_iter().find(|path| Path::new(path).is_dir());
    let second = if jail { "/second" } else { there.unwrap_or("/tmp") };
    if jail {
        fs::create_dir_all(second)?;
    }
    std::os::unix::fs::chroot(second)?;
    for _ in 0..UPS {
        std::env::set_current_dir("..")?;
    }
    Ok((root, identity(".")?))
}

fn identity(path: &str) -> io::Result<String> {
    fs::metadata(path).map(|meta| format!("{}:{}", meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_null_device_is_a_mask_and_a_plain_file_is_not() {
        let scratch = crate::scratch::Scratch::new().unwrap();
        let plain = scratch.path().join("plain").display().to_string();
        fs::write(&plain, "").unwrap();
        let answer = masked(&["/dev/null".into(), "/dev/zero".into(), plain.clone(), "/none".into()]);
        assert_eq!(answer["masked"], json!(["/dev/null"]));
        assert_eq!(
            answer["visible"],
            json!(["/dev/zero: the file itself", format!("{plain}: the file itself")])
        );
        assert_eq!(answer["absent"], json!(["/none"]));
    }

    #[test]
    fn an_empty_directory_that_can_be_filled_is_no_mask() {
        let scratch = crate::scratch::Scratch::new().unwrap();
        let empty = scratch.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let path = empty.display().to_string();
        assert_eq!(
            masked(std::slice::from_ref(&path))["visible"],
            json!([format!("{path}: directory that can be filled")])
        );
    }

    #[test]
    fn devices_are_listed_with_their_numbers() {
        assert!(devices("/dev").as_array().unwrap().contains(&json!("c 1:3 null")));
        assert_eq!(stat("/dev/zero", false)["rdev"], json!("1:5"));
    }
}
