//! Image archives, unpacked: as `docker save`, `skopeo copy docker-archive:`, `oci:` and `oci-archive:`, `umoci`, `podman
//! save` and `buildah` write them, with layers in gzip, in zstd or uncompressed.
//!
//! An [`Archive`] lists its images and finds one by name and platform. An [`Image`] is unpacked to one root file system,
//! or layer by layer for an overlay, and its config becomes a bundle's `config.json`. Archives are hostile: everything is
//! made through descriptors below the target (`tree`), every blob and every layer's content is verified against its digest,
//! and [`Limits`] end a decompression bomb. Nothing stands at its final path before all of it is right (`staging`).
//!
//! Not done: encrypted layers, images of other systems than Linux, and what a sparse file of a form unknown to GNU tar is.

mod apply;
mod bundle;
mod compression;
mod digest;
mod error;
mod layer;
mod layers;
mod limits;
mod manifest;
mod pax;
mod platform;
mod staging;
mod store;
mod tape;
mod tree;
mod user;
mod whiteout;

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use oci_spec::image::ImageConfiguration;

use crate::sys::{Errno, credential, fs as sysfs};
use apply::Applier;
pub use error::{Error, Problem};
pub use layers::Layers;
use limits::Budget;
pub use limits::Limits;
use manifest::Found;
pub use platform::Platform;
use staging::Staging;
use store::Store;
use tree::Tree;
use whiteout::Form;

/// An image archive or OCI layout, open.
pub struct Archive {
    path: PathBuf,
    store: Store,
    limits: Limits,
}

/// One image of an archive.
pub struct Image<'a> {
    archive: &'a Archive,
    found: Found,
}

/// What an unpacking did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was left out, each with the reason.
    pub notes: Vec<String>,
}

/// Never stops.
#[must_use]
pub fn never() -> bool {
    false
}

impl Archive {
    /// Opens an archive and finds its files.
    ///
    /// # Errors
    /// When it is no archive, or larger than the limits.
    pub fn open(path: &Path, limits: Limits) -> Result<Archive, Error> {
        let store = Store::open(path, &limits).map_err(|problem| Error::of(path, problem))?;
        Ok(Archive { path: path.to_owned(), store, limits })
    }

    /// Opens `PATH` or `PATH:NAME`, the name being what [`image`](Archive::image) takes. A path may have colons too:
    /// the shortest that exists is taken.
    ///
    /// # Errors
    /// As [`open`](Archive::open).
    pub fn named(text: &str, limits: Limits) -> Result<(Archive, Option<String>), Error> {
        let whole = Path::new(text);
        if fs::symlink_metadata(whole).is_err() {
            for (colon, _) in text.match_indices(':') {
                let (path, name) = (&text[..colon], &text[colon + 1..]);
                if !path.is_empty() && fs::symlink_metadata(path).is_ok() {
                    return Ok((Archive::open(Path::new(path), limits)?, Some(name.to_owned())));
                }
            }
        }
        Ok((Archive::open(whole, limits)?, None))
    }

    /// Every image, those for several platforms once for each.
    ///
    /// # Errors
    /// When an index, a manifest or a config is damaged.
    pub fn images(&self) -> Result<Vec<Image<'_>>, Error> {
        let found = manifest::all(&self.store, &self.limits).map_err(|problem| self.error(problem))?;
        Ok(found.into_iter().map(|found| Image { archive: self, found }).collect())
    }

    /// The image of a name: exact, with `:latest` added, the end of one name only, or a digest. Without a name, the only
    /// one. `platform` is this host's where nothing is given and there are several.
    ///
    /// # Errors
    /// When there is no such image, or it is damaged.
    pub fn image(&self, name: Option<&str>, platform: Option<&Platform>) -> Result<Image<'_>, Error> {
        let found = manifest::choose(&self.store, &self.limits, name, platform);
        Ok(Image { archive: self, found: found.map_err(|problem| self.error(problem))? })
    }

    fn error(&self, problem: Problem) -> Error {
        Error::of(&self.path, problem)
    }
}

impl Image<'_> {
    /// Its names, such as `docker.io/library/busybox:latest`.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.found.names
    }

    /// The digest of its manifest, or of its config where `docker save` wrote it.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        self.found.digest.as_ref().map(ToString::to_string)
    }

    /// What it runs on.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.found.platform()
    }

    /// Its config, as written.
    #[must_use]
    pub fn config(&self) -> &ImageConfiguration {
        &self.found.config
    }

    /// How many layers it has.
    #[must_use]
    pub fn layer_count(&self) -> usize {
        self.found.layers.len()
    }

    /// Unpacks its layers one over another to the new directory `root`.
    ///
    /// # Errors
    /// With the layer and the entry; nothing is left behind then.
    pub fn unpack(&self, root: &Path, cancelled: &dyn Fn() -> bool) -> Result<Report, Error> {
        let staging = Staging::new(root).map_err(|problem| self.error(problem))?;
        let dir = staging.dir().try_clone().map_err(|error| self.io("duplicate", error))?;
        let notes = self.unpack_into(dir, cancelled)?;
        self.publish(staging, root)?;
        Ok(Report { notes })
    }

    /// Makes the new directory `bundle` with the unpacked image in `rootfs` and its config in `config.json`. It is open to
    /// its owner alone: the image may have programs that give whoever runs them the privileges of others.
    ///
    /// # Errors
    /// With the layer and the entry; nothing is left behind then.
    pub fn bundle(&self, bundle: &Path, cancelled: &dyn Fn() -> bool) -> Result<Report, Error> {
        let staging = Staging::new(bundle).map_err(|problem| self.error(problem))?;
        let system = |operation: &str, errno| self.error(Problem::system(operation, errno));
        sysfs::mkdirat(staging.dir().as_fd(), c"rootfs", 0o700)
            .map_err(|errno| system("make the directory rootfs", errno))?;
        let root = || {
            let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
            sysfs::openat(staging.dir().as_fd(), c"rootfs", flags, 0)
                .map_err(|errno| system("open the directory rootfs", errno))
        };
        let notes = self.unpack_into(root()?, cancelled)?;
        let root = root()?;
        let texts = user::text(root.as_fd(), c"etc/passwd")
            .and_then(|passwd| Ok((passwd, user::text(root.as_fd(), c"etc/group")?)));
        let (passwd, group) = texts.map_err(|problem| self.error(problem))?;
        let config = bundle::config(&self.found.config, &passwd, &group, None);
        self.write_config(&staging, &config.map_err(|problem| self.error(problem))?)?;
        self.publish(staging, bundle)?;
        Ok(Report { notes })
    }

    fn unpack_into(&self, root: OwnedFd, cancelled: &dyn Fn() -> bool) -> Result<Vec<String>, Error> {
        let mut budget = Budget::new(self.archive.limits);
        let tree = Tree::new(root, is_root(), &budget).map_err(|problem| self.error(problem))?;
        let mut applier = Applier::new(tree, Form::Flat);
        for index in 0..self.found.layers.len() {
            self.apply(index, &mut applier, &mut budget, cancelled)?;
        }
        applier.tree.finish().map_err(|problem| self.error(problem))?;
        Ok(applier.notes)
    }

    fn apply(
        &self,
        index: usize,
        applier: &mut Applier,
        budget: &mut Budget,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let Some(layer) = self.found.layers.get(index) else { return Ok(()) };
        layer::apply(&self.archive.store, layer, applier, budget, cancelled).map_err(|trouble| Error {
            layer: Some(format!("layer {} of {} ({})", index + 1, self.found.layers.len(), layer.diff_id)),
            entry: trouble.entry,
            ..self.error(trouble.problem)
        })
    }

    fn write_config(&self, staging: &Staging, config: &serde_json::Value) -> Result<(), Error> {
        let bytes = serde_json::to_vec_pretty(config)
            .map_err(|error| self.error(Problem::format(format!("write config.json: {error}"))))?;
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
        let written = sysfs::openat(staging.dir().as_fd(), c"config.json", flags, 0o644)
            .map_err(|errno| std::io::Error::from_raw_os_error(errno.into_raw()))
            .and_then(|fd| std::io::Write::write_all(&mut fs::File::from(fd), &bytes));
        written.map_err(|error| self.io("write config.json", error))
    }

    fn publish(&self, staging: Staging, target: &Path) -> Result<(), Error> {
        match staging.publish() {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.error(staging::taken(target))),
            Err(problem) => Err(self.error(problem)),
        }
    }

    fn error(&self, problem: Problem) -> Error {
        self.archive.error(problem)
    }

    fn io(&self, operation: &str, error: std::io::Error) -> Error {
        self.error(Problem::io(operation, error))
    }

    fn system(&self, operation: String, errno: Errno) -> Error {
        self.error(Problem::system(operation, errno))
    }
}

/// Only root can give files away.
fn is_root() -> bool {
    credential::uid() == 0
}
