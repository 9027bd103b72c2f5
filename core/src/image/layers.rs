//! An image's layers, each in a directory of its own, ready to be an overlay's `lowerdir`.
//!
//! They are kept in a cache by diff id, so that images share them: `CACHE/sha256/HEX`, or `CACHE/sha256-userxattr/HEX`
//! where overlay's own marks may not be set and `user.overlay.*` takes their place. A layer is in the cache once it is
//! complete and verified, and is trusted from then on.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::apply::Applier;
use super::error::{Error, Problem};
use super::limits::Budget;
use super::staging::Staging;
use super::tree::Tree;
use super::whiteout::{self, Form};
use super::{Image, Report, bundle, is_root, user};
use crate::planted::planted;
use crate::sys::{Errno, fs as sysfs, tree};

/// Layers in directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers {
    /// Those that show, the topmost first, each once: what lies below a layer that hides everything, or again under the
    /// same content, cannot be seen.
    pub directories: Vec<PathBuf>,
    /// Whether the overlay needs the option `userxattr`.
    pub userxattr: bool,
    /// What was left out of those that were not in the cache yet.
    pub report: Report,
}

impl Layers {
    /// The option `lowerdir=`, with what overlay would take for its own escaped.
    #[must_use]
    pub fn lowerdir(&self) -> String {
        let escaped = |path: &PathBuf| {
            let mut text = String::new();
            for c in path.to_string_lossy().chars() {
                if [':', ','].contains(&c) || c == '\\' && !planted("backslash-not-escaped") {
                    text.push('\\');
                }
                text.push(c);
            }
            text
        };
        format!("lowerdir={}", self.directories.iter().map(escaped).collect::<Vec<_>>().join(":"))
    }
}

impl Image<'_> {
    /// Unpacks its layers to `cache`, which is made where it is missing.
    ///
    /// # Errors
    /// With the layer and the entry; layers that were complete stay in the cache.
    pub fn layers(&self, cache: &Path, cancelled: &dyn Fn() -> bool) -> Result<Layers, Error> {
        let cache = std::path::absolute(cache).map_err(|error| self.io("find the cache", error))?;
        let form = self.form(&cache)?;
        let below = if form == Form::User { "-userxattr" } else { "" };
        let mut report = Report::default();
        let mut directories: Vec<PathBuf> = Vec::new();
        let mut budget = Budget::new(self.archive.limits);
        for (index, layer) in self.found.layers.iter().enumerate() {
            let kept = cache.join(format!("{}{below}", layer.diff_id.algorithm()));
            make_private(&kept).map_err(|error| self.io(&format!("make {}", kept.display()), error))?;
            let path = kept.join(layer.diff_id.digest());
            if fs::symlink_metadata(&path).is_err() {
                report.notes.extend(self.one(index, &path, form, &mut budget, cancelled)?);
            }
            if planted("lower-of-two-alike-kept") && directories.contains(&path) {
                continue;
            }
            // Overlay refuses a directory twice. The upper one gives all that the lower one would, again.
            directories.retain(|other| *other != path);
            directories.push(path);
        }
        directories.reverse();
        if let Some(opaque) = directories.iter().position(|path| hides_all(path, form)) {
            directories.truncate(opaque + 1);
        }
        Ok(Layers { directories, userxattr: form == Form::User, report })
    }

    /// Makes the new directory `bundle` with `config.json`, an overlay of the layers at `/`, and directories for what the
    /// container writes.
    ///
    /// # Errors
    /// As [`layers`](Image::layers); of a user by name where the layers' `/etc/passwd` is behind a link.
    pub fn overlay_bundle(
        &self,
        bundle: &Path,
        cache: &Path,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Layers, Error> {
        let bundle = std::path::absolute(bundle).map_err(|error| self.io("find the bundle", error))?;
        let staging = Staging::new(&bundle).map_err(|problem| self.error(problem))?;
        let layers = self.layers(cache, cancelled)?;
        if layers.directories.is_empty() {
            return Err(self.error(Problem::format("it has no layers, and an overlay needs one")));
        }
        for name in [c"rootfs", c"upper", c"work"] {
            sysfs::mkdirat(staging.dir().as_fd(), name, 0o755)
                .map_err(|errno| self.system(format!("make the directory {name:?}"), errno))?;
        }
        let place = |name: &str| format!("{name}dir={}", bundle.join(name).display());
        let mut options = vec![layers.lowerdir(), place("upper"), place("work")];
        if layers.userxattr {
            options.push("userxattr".into());
        }
        let text = |name: &str| shadowed(&layers, name).map_err(|problem| self.error(problem));
        let config = bundle::config(&self.found.config, &text("passwd")?, &text("group")?, Some(&options));
        self.write_config(&staging, &config.map_err(|problem| self.error(problem))?)?;
        self.publish(staging, &bundle)?;
        Ok(layers)
    }

    /// Unpacks one layer to its place in the cache.
    fn one(
        &self,
        index: usize,
        path: &Path,
        form: Form,
        budget: &mut Budget,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<String>, Error> {
        let staging = Staging::new(path).map_err(|problem| self.error(problem))?;
        let dir = staging.dir().try_clone().map_err(|error| self.io("duplicate", error))?;
        let tree = Tree::new(dir, is_root(), budget).map_err(|problem| self.error(problem))?;
        let mut applier = Applier::new(tree, form);
        self.apply(index, &mut applier, budget, cancelled)?;
        applier.tree.finish().map_err(|problem| self.error(problem))?;
        // Where another process has made it meanwhile, it has made the same.
        staging.publish().map_err(|problem| self.error(problem))?;
        Ok(applier.notes)
    }

    /// Finds out which of overlay's attributes may be set here.
    fn form(&self, cache: &Path) -> Result<Form, Error> {
        make_private(cache).map_err(|error| self.io(&format!("make {}", cache.display()), error))?;
        let staging = Staging::new(&cache.join("trial")).map_err(|problem| self.error(problem))?;
        match tree::set_xattr(staging.dir().as_fd(), c"trusted.overlay.opaque", b"y") {
            Ok(()) => Ok(Form::Trusted),
            Err(Errno::EPERM) => Ok(Form::User),
            Err(errno) => Err(self.system(format!("set overlay's attributes in {}", cache.display()), errno)),
        }
    }
}

fn make_private(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Whether a layer's root hides all layers below, which overlay itself does not look for.
fn hides_all(path: &Path, form: Form) -> bool {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_bytes()) else { return false };
    sysfs::openat(crate::sys::here(), &path, flags, 0).is_ok_and(|dir| whiteout::is_opaque(form, dir.as_fd()))
}

/// The text of `/etc/NAME` as the overlay would show it: the topmost layer that has it, unless one above hides it.
fn shadowed(layers: &Layers, name: &str) -> Result<String, Problem> {
    let form = if layers.userxattr { Form::User } else { Form::Trusted };
    for path in &layers.directories {
        let etc = path.join("etc");
        let file = etc.join(name);
        for part in [&etc, &file] {
            if fs::symlink_metadata(part).is_ok_and(|metadata| metadata.is_symlink()) {
                return Err(Problem::format(format!(
                    "{} is a link, which one layer alone does not resolve: unpack the image flat",
                    part.display()
                )));
            }
        }
        if let Ok(metadata) = fs::symlink_metadata(&file) {
            if !metadata.is_file() {
                return Ok(String::new());
            }
            let text = |path: &Path| std::ffi::CString::new(path.as_os_str().as_bytes());
            let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
            let dir = text(&etc).map_err(|_| Problem::format("a path with a NUL in it"))?;
            let dir = sysfs::openat(crate::sys::here(), &dir, flags, 0)
                .map_err(|errno| Problem::system(format!("open {}", etc.display()), errno))?;
            let name = text(Path::new(name)).map_err(|_| Problem::format("a path with a NUL in it"))?;
            return user::text(dir.as_fd(), &name);
        }
        if fs::symlink_metadata(&etc).is_ok_and(|metadata| !metadata.is_dir()) || hides_all(&etc, form) {
            return Ok(String::new());
        }
    }
    Ok(String::new())
}
