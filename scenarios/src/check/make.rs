//! Files that a scenario makes in its launch's directory.

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use isolab_core::sys::{self, Errno, fs as sys_fs, mount, tree};

use crate::executable;
use crate::schema::Make;
use crate::scratch::named;

/// stat(2), the type bits of `mknod(2)`.
const CHARACTER: u32 = 0o020_000;
const BLOCK: u32 = 0o060_000;
const FIFO: u32 = 0o010_000;
/// `linux/mount.h`.
const MS_BIND: u64 = 0x1000;
const MS_SHARED: u64 = 1 << 20;

/// What was mounted for a launch; unmounted on drop.
#[derive(Debug, Default)]
pub(crate) struct Mounted(Vec<PathBuf>);

impl Mounted {
    /// Where the first is.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.0.first().map(PathBuf::as_path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // Only on the stage, which ends with the run all the same.
            drop(c_path(path).and_then(|path| mount::detach(&path).map_err(io_error)));
        }
    }
}

/// Makes them in their order. `program` is what a copy of the program is a copy of.
pub(super) fn make(dir: &Path, program: &Path, files: &[&Make], staged: bool) -> io::Result<Mounted> {
    let mut mounted = Mounted::default();
    for file in files {
        match file.count {
            None => one(dir, program, file, &file.path, staged, &mut mounted)?,
            Some(count) => {
                for number in 0..count {
                    let path = file.path.replace("{n}", &number.to_string());
                    one(dir, program, file, &path, staged, &mut mounted)?;
                }
            }
        }
    }
    Ok(mounted)
}

/// Mounts what a file says on a directory that is there.
pub(super) fn on_top(dir: &Path, file: &Make) -> io::Result<Mounted> {
    let path = dir.join(&file.path);
    mount_on(&path, file)?;
    Ok(Mounted(vec![path]))
}

/// Detaches what is mounted below a directory on the stage, so that the directory can be removed.
pub(super) fn detach_below(dir: &Path) {
    let table = fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
    for mount in isolab_core::observe::mountinfo(&table).iter().rev() {
        if Path::new(&mount.target).starts_with(dir) {
            // What is left is told when the directory cannot be removed.
            drop(c_path(Path::new(&mount.target)).and_then(|path| mount::detach(&path).map_err(io_error)));
        }
    }
}

/// An overlay of a directory and what is written above it, on the stage, in `scratch`.
pub(crate) fn overlay(lower: &Path, scratch: &Path) -> io::Result<Mounted> {
    let at = |name: &str| scratch.join(name);
    for name in ["upper", "work", "merged"] {
        fs::create_dir(at(name))?;
    }
    let escaped = |path: &Path| {
        path.display().to_string().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
    };
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        escaped(lower),
        escaped(&at("upper")),
        escaped(&at("work"))
    );
    let (target, options) = (c_path(&at("merged"))?, CString::new(options)?);
    mount::mount(c"overlay", &target, c"overlay", 0, &options).map_err(io_error)?;
    Ok(Mounted(vec![at("merged")]))
}

fn one(
    dir: &Path,
    program: &Path,
    file: &Make,
    relative: &str,
    staged: bool,
    mounted: &mut Mounted,
) -> io::Result<()> {
    let path = dir.join(relative);
    let here = dir.display().to_string();
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let link = file.link.as_ref().map(|link| link.replace("{dir}", &here));
    put(&path, program, &Make { link, ..(*file).clone() }, relative.ends_with('/'))
        .map_err(|error| named("make", &path, &error))?;
    if let Some(owner) = file.owner {
        chown(&path, Some(owner), Some(owner))?;
    }
    if let Some(mode) = &file.mode {
        let mode = u32::from_str_radix(mode, 8).map_err(io::Error::other)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
    }
    for (name, value) in &file.attributes {
        let (name, value) = (CString::new(name.as_str())?, hexadecimal(value)?);
        tree::set_xattr(File::open(&path)?.as_fd(), &name, &value).map_err(io_error)?;
    }
    if file.tmpfs.is_some() || file.shared {
        if !staged {
            return Err(io::Error::other("mounts are made on a stage alone, which takes root"));
        }
        mount_on(&path, file)?;
        mounted.0.push(path);
    }
    Ok(())
}

fn put(path: &Path, program: &Path, file: &Make, directory: bool) -> io::Result<()> {
    if directory {
        return fs::create_dir_all(path);
    }
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir(path)?,
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    if let Some(target) = &file.link {
        return symlink(target, path);
    }
    if let Some(device) = &file.device {
        return node(path, device);
    }
    if file.program {
        return executable::written(|| fs::copy(program, path)).map(drop);
    }
    executable::written(|| fs::write(path, &file.text))
}

fn node(path: &Path, device: &str) -> io::Result<()> {
    let bad = || io::Error::other(format!("`{device}` is no device: `c 1:3`, `b 8:0` or `p`"));
    let (kind, number) = match device.split_once(' ') {
        None if device == "p" => (FIFO, 0),
        Some((kind, numbers)) => {
            let (major, minor) = numbers.split_once(':').ok_or_else(bad)?;
            let (major, minor): (u64, u64) =
                (major.parse().map_err(|_| bad())?, minor.parse().map_err(|_| bad())?);
            let kind = match kind {
                "c" => CHARACTER,
                "b" => BLOCK,
                _ => return Err(bad()),
            };
            // makedev(3), for numbers below 4096 and 256.
            (kind, major << 8 | minor)
        }
        None => return Err(bad()),
    };
    sys_fs::mknodat(sys::here(), &c_path(path)?, kind | 0o666, number).map_err(io_error)
}

fn mount_on(path: &Path, file: &Make) -> io::Result<()> {
    let target = c_path(path)?;
    if let Some(size) = file.tmpfs {
        let options = CString::new(format!("size={size},mode=755"))?;
        mount::mount(c"tmpfs", &target, c"tmpfs", 0, &options).map_err(io_error)?;
    } else {
        mount::mount(&target, &target, c"none", MS_BIND, c"").map_err(io_error)?;
    }
    if file.shared {
        mount::change(&target, MS_SHARED).map_err(io_error)?;
    }
    Ok(())
}

fn hexadecimal(text: &str) -> io::Result<Vec<u8>> {
    let byte = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.ok_or_else(|| io::Error::other(format!("`{text}` is not hexadecimal")))
}

pub(super) fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

pub(super) fn io_error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn files_links_and_copies_are_made_in_place_of_what_was_there() {
        let scratch = Scratch::new().unwrap();
        let program = std::env::current_exe().unwrap();
        let file = |path: &str| Make { path: path.into(), ..Make::default() };
        let files = [
            Make { text: "a".into(), ..file("d/one") },
            Make { link: Some("/tmp".into()), ..file("d/one") },
            Make { text: "b".into(), mode: Some("4755".into()), ..file("d/two") },
            Make { count: Some(3), ..file("many/{n}/") },
            Make { device: Some("p".into()), ..file("fifo") },
        ];
        make(scratch.path(), &program, &files.iter().collect::<Vec<_>>(), false).unwrap();
        let at = |path: &str| scratch.path().join(path);
        assert_eq!(fs::read_link(at("d/one")).unwrap(), Path::new("/tmp"));
        assert_eq!(fs::metadata(at("d/two")).unwrap().permissions().mode() & 0o7777, 0o4755);
        assert!(at("many/2").is_dir() && !at("many/3").exists());
        assert!(node(&at("x"), "z 1:2").is_err() && hexadecimal("0g").is_err());
        assert_eq!(hexadecimal("01ff").unwrap(), [1, 255]);
    }
}
