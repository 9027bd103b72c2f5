//! Debian's kernels: from the cache, else from the archive.

use std::fs;
use std::path::{Path, PathBuf};

use super::apt::Apt;
use super::cache::Cache;
use super::listing::{Listing, Offer};
use super::name::Name;
use super::{Error, deb};
use crate::cancel::Cancel;
use crate::progress::say;

/// The archive, asked only when the cache does not know.
#[derive(Debug)]
pub(super) struct Debian<'c> {
    cache: &'c Cache,
    cancel: &'c Cancel,
    asked: Option<Asked<'c>>,
}

#[derive(Debug)]
struct Asked<'c> {
    apt: Apt<'c>,
    listing: Listing,
    /// Whether the lists were fetched just now: a name that is not in these is nowhere.
    anew: bool,
}

impl<'c> Debian<'c> {
    pub(super) fn new(cache: &'c Cache, cancel: &'c Cancel) -> Debian<'c> {
        Debian { cache, cancel, asked: None }
    }

    /// The folder of the kernel that a name means, filled when it is not there yet. Where the archive cannot be asked, the name
    /// means what it meant before.
    pub(super) fn find(&mut self, text: &str, name: &Name) -> Result<PathBuf, Error> {
        let known = self.cache.known(text);
        if let Some(known) = known.as_ref().filter(|known| known.fresh) {
            return Ok(known.folder.clone());
        }
        match (self.fetch(text, name), known) {
            (Err(error), Some(known)) if !matches!(error, Error::Cancelled) => {
                say(&format!("isolab: {error}; {text} is the kernel that it was before"));
                Ok(known.folder)
            }
            (result, _) => result,
        }
    }

    /// The versions of all kernels that are offered from one to another, ascending, each a name for [`super::resolve`].
    pub(super) fn between(&mut self, from: &str, to: &str) -> Result<Vec<String>, Error> {
        let lock = self.cache.lock(self.cancel)?;
        let mut ends = Vec::new();
        for text in [from, to] {
            let name = Name::parse(text).map_err(|problem| Error::name(text, problem))?;
            ends.push(self.offer(text, &name)?);
        }
        drop(lock);
        match (self.asked.as_ref(), ends.as_slice()) {
            (Some(asked), [from, to]) => Ok(asked.listing.between(from, to)),
            _ => Ok(Vec::new()),
        }
    }

    fn fetch(&mut self, text: &str, name: &Name) -> Result<PathBuf, Error> {
        let lock = self.cache.lock(self.cancel)?;
        // Whoever held the lock may have found the same.
        if let Some(known) = self.cache.known(text).filter(|known| known.fresh) {
            return Ok(known.folder);
        }
        let offer = self.offer(text, name)?;
        let key = format!("{}_{}", offer.release(), offer.version);
        let folder = match self.cache.package(&key) {
            Some(folder) => folder,
            None => self.cache.install(&key, |folder| self.fill(&offer, folder))?,
        };
        self.cache.remember(text, &key)?;
        drop(lock);
        Ok(folder)
    }

    fn fill(&self, offer: &Offer, folder: &Path) -> Result<(), Error> {
        let Some(asked) = &self.asked else { return Err(Error::name(&offer.package, "apt was not asked")) };
        let packages = folder.join("packages");
        fs::create_dir(&packages).map_err(Error::io("make directory", &packages))?;
        asked.apt.download(offer, &packages)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&packages).map_err(Error::io("read directory", &packages))? {
            files.push(entry.map_err(Error::io("read directory", &packages))?.path());
        }
        deb::unpack(&files, folder, self.cancel)?;
        fs::remove_dir_all(&packages).map_err(Error::io("remove", &packages))?;
        let source = folder.join("source");
        let text = format!("{} {} ({})", offer.package, offer.version, offer.suite);
        fs::write(&source, text).map_err(Error::io("write", &source))
    }

    /// What is offered for a name. The lock is held.
    fn offer(&mut self, text: &str, name: &Name) -> Result<Offer, Error> {
        let mut asked = match self.asked.take() {
            Some(asked) => asked,
            None => {
                let apt = Apt::open(&self.cache.apt(), self.cancel)?;
                let anew = !apt.is_fresh();
                Asked { listing: apt.listing(anew)?, apt, anew }
            }
        };
        let mut found = pick(&asked.listing, name).cloned();
        if found.is_none() && !asked.anew {
            asked = Asked { listing: asked.apt.listing(true)?, anew: true, ..asked };
            found = pick(&asked.listing, name).cloned();
        }
        let newest = asked.listing.newest().join(", ");
        self.asked = Some(asked);
        found.ok_or_else(|| {
            Error::name(text, format!("apt offers none; the newest of each series are {newest}"))
        })
    }
}

fn pick<'l>(listing: &'l Listing, name: &Name) -> Option<&'l Offer> {
    match name {
        Name::Version(prefix) => listing.version(prefix),
        Name::Suite(suite) => listing.suite(suite),
        Name::Deb(_) | Name::Host | Name::Image(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::scratch::Scratch;

    /// A cache in which `6.1` is known since `age`, and whose place for apt is taken by a file, so that apt cannot work there.
    fn known(scratch: &Scratch, age: Duration) -> (Cache, PathBuf) {
        let cache = Cache::at(scratch.path()).unwrap();
        let folder = cache.install("6.1.0-1_6.1.1-1", |_| Ok(())).unwrap();
        cache.remember("6.1", "6.1.0-1_6.1.1-1").unwrap();
        let file = fs::File::options().write(true).open(scratch.path().join("kernels/names/6.1")).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        fs::remove_dir(cache.apt()).unwrap();
        fs::write(cache.apt(), "").unwrap();
        (cache, folder)
    }

    #[test]
    fn a_kernel_that_was_found_today_needs_no_apt() {
        let scratch = Scratch::new().unwrap();
        let (cache, folder) = known(&scratch, Duration::ZERO);
        let cancel = Cancel::new();
        let mut debian = Debian::new(&cache, &cancel);
        let name = |text: &str| Name::parse(text).unwrap();
        assert_eq!(debian.find("6.1", &name("6.1")).unwrap(), folder);
        assert!(debian.find("6.12", &name("6.12")).is_err());
    }

    #[test]
    fn where_apt_fails_a_name_means_what_it_meant() {
        let scratch = Scratch::new().unwrap();
        let (cache, folder) = known(&scratch, Duration::from_secs(1_000_000));
        let cancel = Cancel::new();
        let name = Name::Version("6.1".into());
        assert_eq!(Debian::new(&cache, &cancel).find("6.1", &name).unwrap(), folder);
        cancel.cancel();
        assert!(matches!(Debian::new(&cache, &cancel).find("6.1", &name), Err(Error::Cancelled)));
    }
}
