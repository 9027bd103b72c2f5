//! Kernels to boot: found by name or by file.
//!
//! A name is looked up in the cache, else in Debian's archive with the machine's own apt; a file needs neither.

mod apt;
mod archive;
mod cache;
mod config;
mod deb;
mod debian;
mod error;
mod file;
mod image;
mod listing;
mod modinfo;
pub mod modules;
mod name;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use self::cache::Cache;
use self::debian::Debian;
use self::name::Name;
use crate::cancel::Cancel;
use crate::progress::Progress;

pub use error::Error;

/// A kernel that can be booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// As it was asked for; different for each kernel of a run.
    pub name: String,
    /// Where it came from: a package with its version, or a file.
    pub source: String,
    /// The image: a bzImage, as QEMU's `-kernel` wants it.
    pub image: PathBuf,
    /// Directory of its modules, in which `kernel/` is; `None` when everything is built in.
    pub modules: Option<PathBuf>,
    /// Its configuration, as `/boot/config-*` has it.
    pub config: Option<PathBuf>,
}

impl Kernel {
    /// Options of its configuration that matter for isolation and for time; none when it cannot be read.
    #[must_use]
    pub fn options(&self) -> BTreeMap<String, String> {
        let text = self.config.as_ref().and_then(|path| fs::read_to_string(path).ok());
        text.map(|text| config::options(&text)).unwrap_or_default()
    }
}

/// Finds kernels: `6.1` (Debian's newest of that beginning), `debian:SUITE`, a `.deb`, `host`, or an image file. `modules` is
/// where the modules of image files are.
///
/// # Errors
/// When a name means nothing, or two names are the same; when a file cannot be read; when apt fails.
pub fn resolve(
    names: &[String],
    modules: Option<&Path>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<Kernel>, Error> {
    let parsed = parse(names)?;
    if let Some(directory) = modules.filter(|_| !parsed.iter().any(|(_, name)| is_file(name))) {
        return Err(Error::file(directory, "modules go with an image file, and no kernel named here is one"));
    }
    // Files need no cache, and so no home either.
    let cache = if parsed.iter().any(|(_, name)| is_kept(name)) { Some(Cache::open()?) } else { None };
    let mut debian = cache.as_ref().map(|cache| Debian::new(cache, cancel));
    progress.begin("find kernels", parsed.len() as u64);
    let mut kernels = Vec::new();
    for (text, name) in &parsed {
        cancel.check()?;
        progress.step(text);
        kernels.push(match (name, &cache, &mut debian) {
            (Name::Image(path), ..) => file::image(text, path, modules)?,
            (Name::Deb(path), Some(cache), _) => file::deb(text, path, modules, cache, cancel)?,
            (Name::Version(_) | Name::Suite(_), _, Some(debian)) => {
                cache::kernel(text, &debian.find(text, name)?)?
            }
            (Name::Host, ..) => file::host(text)?,
            (Name::Deb(_) | Name::Version(_) | Name::Suite(_), ..) => return Err(Error::NoCache),
        });
    }
    progress.done();
    Ok(kernels)
}

/// The versions of all kernels that apt offers from one to another, ascending; each is a name for [`resolve`].
///
/// # Errors
/// When one of the two is not offered, or apt fails.
pub fn offered(from: &str, to: &str, cancel: &Cancel) -> Result<Vec<String>, Error> {
    Debian::new(&Cache::open()?, cancel).between(from, to)
}

/// The images in a directory, ascending by the version that each says it is; each is a name for [`resolve`].
///
/// # Errors
/// When the directory or a file in it cannot be read, or there is no image.
pub fn images(directory: &Path) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::io("list", directory))? {
        let path = entry.map_err(Error::io("list", directory))?.path();
        if let Some(release) = image::release_if_image(&path)? {
            found.push((release, path.to_string_lossy().into_owned()));
        }
    }
    if found.is_empty() {
        return Err(Error::file(directory, "holds no kernel image"));
    }
    found.sort_by(|(a, _), (b, _)| version::compare(a, b));
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

fn parse(names: &[String]) -> Result<Vec<(&str, Name)>, Error> {
    let mut seen = BTreeSet::new();
    let mut parsed = Vec::new();
    for text in names {
        if !seen.insert(text) {
            return Err(Error::name(text, "is named twice; once is enough"));
        }
        let name = Name::parse(text).map_err(|problem| Error::name(text, problem))?;
        parsed.push((text.as_str(), name));
    }
    Ok(parsed)
}

fn is_file(name: &Name) -> bool {
    matches!(name, Name::Image(_) | Name::Deb(_))
}

fn is_kept(name: &Name) -> bool {
    matches!(name, Name::Version(_) | Name::Suite(_) | Name::Deb(_))
}
