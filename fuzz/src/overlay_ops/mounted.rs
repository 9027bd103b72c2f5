//! Layers on disk, and the overlay of them, composed and mounted as for a container.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use isolab_core::config::Config;
use isolab_core::image::{Layers, Report};
use isolab_core::oci;
use isolab_core::rootfs::{self, Overlay};
use isolab_core::sys::{self, mount};
use serde_json::json;

use super::input::Input;
use super::options::written;
use crate::seen::{self, List};

/// Names with what the option's own syntax has to escape.
const NAMES: [&str; 4] = ["l0", "l:1", "l,2", "l\\3"];

/// Removed on drop.
pub(crate) struct Mounted<'i> {
    input: &'i Input,
    all: PathBuf,
    base: PathBuf,
    attached: bool,
}

impl<'i> Mounted<'i> {
    /// Writes the layers.
    pub(crate) fn new(place: &Path, input: &'i Input) -> Mounted<'i> {
        let all = place.join("overlay");
        let mut base = all.clone();
        if input.options.long {
            base.extend((0..4).map(|_| "x".repeat(250)));
        }
        let mounted = Mounted { input, all, base, attached: false };
        for name in ["merged", "upper", "work"].iter().chain(&NAMES[..input.lower.len()]) {
            let path = mounted.base.join(name);
            fs::create_dir_all(&path).unwrap_or_else(|error| panic!("make {}: {error}", path.display()));
        }
        for (tree, name) in input.lower.iter().zip(NAMES) {
            tree.write(&mounted.base.join(name), input.options.userxattr);
        }
        if let Some(tree) = &input.upper {
            tree.write(&mounted.base.join("upper"), input.options.userxattr);
        }
        mounted
    }

    /// Where it is mounted.
    pub(crate) fn at(&self) -> PathBuf {
        self.base.join("merged")
    }

    pub(crate) fn lower(&self) -> Vec<List> {
        NAMES[..self.input.lower.len()].iter().map(|name| seen::walk(&self.base.join(name))).collect()
    }

    pub(crate) fn show(&self) -> List {
        seen::walk(&self.at())
    }

    /// The overlay that a config with these layers and options has.
    pub(crate) fn compose(&self) -> Overlay {
        let directories = NAMES[..self.input.lower.len()].iter().map(|name| self.base.join(name)).collect();
        let layers =
            Layers { directories, userxattr: self.input.options.userxattr, report: Report::default() };
        let mut options = vec![layers.lowerdir()];
        if self.input.upper.is_some() {
            options.push(format!("upperdir={}", self.base.join("upper").display()));
            options.push(format!("workdir={}", self.base.join("work").display()));
        }
        options.extend(written(&self.input.options));
        let config = json!({
            "ociVersion": "1.0.0",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["/x"], "cwd": "/"},
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/", "type": "overlay", "options": options}],
            "linux": {"namespaces": [{"type": "mount"}]},
        });
        let spec = oci::parse(config.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("the config is right: {error}"));
        let config = Config::new(&spec, Path::new("/bundle"), "fuzz")
            .unwrap_or_else(|error| panic!("the config is valid: {error}"));
        config.root.overlay.unwrap_or_else(|| panic!("the config has an overlay"))
    }

    /// Attaches it; an errno when the kernel refuses.
    pub(crate) fn mount(&mut self, overlay: &Overlay) -> Result<(), i32> {
        // Layers by number are opened from elsewhere.
        let here = File::open(".").unwrap_or_else(|error| panic!("open the working directory: {error}"));
        let done = rootfs::attach_overlay(&text(&self.at()), overlay);
        sys::fs::fchdir(here.as_fd()).unwrap_or_else(|errno| panic!("go back: {errno}"));
        self.attached = done.is_ok();
        done.map_err(sys::Errno::into_raw)
    }

    /// The options that the kernel shows of the mount, and of the file system (`proc_pid_mountinfo(5)`).
    pub(crate) fn options(&self) -> (Vec<String>, Vec<String>) {
        // This thread's: its mount namespace is its own.
        let all = fs::read_to_string("/proc/thread-self/mountinfo")
            .unwrap_or_else(|error| panic!("read mountinfo: {error}"));
        let at = self.at();
        let line =
            all.lines().rev().find(|line| line.split(' ').nth(4).is_some_and(|path| at == Path::new(path)));
        let line = line.unwrap_or_else(|| panic!("{} is not in mountinfo", at.display()));
        let words = |text: Option<&str>| text.unwrap_or_default().split(',').map(str::to_owned).collect();
        (words(line.split(' ').nth(5)), words(line.split(' ').next_back()))
    }

    pub(crate) fn unmount(&mut self) {
        mount::detach(&text(&self.at())).unwrap_or_else(|errno| panic!("unmount: {errno}"));
        self.attached = false;
    }

    /// Removes the mark of a volatile mount.
    pub(crate) fn forget_volatile(&self) {
        let mark = self.base.join("work/work/incompat/volatile");
        fs::remove_dir_all(&mark).unwrap_or_else(|error| panic!("remove {}: {error}", mark.display()));
    }
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        if self.attached {
            // A property that does not hold has left it.
            mount::detach(&text(&self.at())).ok();
        }
        // The tmpfs goes with the thread; what cannot be removed fails the next input.
        drop(fs::remove_dir_all(&self.all));
    }
}
