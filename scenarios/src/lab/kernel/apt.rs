//! The machine's apt with a configuration of our own: its mirrors, proxies and keys are used, its sources, lists, caches,
//! locks and installed packages are neither read nor touched. It needs no privileges.
//!
//! Apt verifies: a suite's Release file is signed, it holds the hashes of the lists, which hold those of the packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::listing::{self, Listing, Offer};
use super::{Error, archive};
use crate::cancel::Cancel;
use crate::lab::tool;
use crate::progress::say;

/// Lists older than this are fetched anew.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

const REMEDY: &str = "kernels by version need Debian's apt; name a bzImage, with --modules DIR";

/// Apt, below a directory of ours.
#[derive(Debug)]
pub(super) struct Apt<'c> {
    root: PathBuf,
    cancel: &'c Cancel,
}

impl Apt<'_> {
    /// Configures apt below `root`, which nobody else uses meanwhile.
    pub(super) fn open<'c>(root: &Path, cancel: &'c Cancel) -> Result<Apt<'c>, Error> {
        if !Path::new(archive::KEYRING).exists() {
            let problem = "is not there, and Debian's packages are signed by it; apt-get install debian-archive-keyring";
            return Err(Error::file(Path::new(archive::KEYRING), problem));
        }
        let mut system = tool::command("apt-get");
        system.args(["--print-uris", "update"]);
        let mirrors = archive::Mirrors::of(&tool::run(system, REMEDY, cancel)?);
        for directory in ["state/lists/partial", "cache/archives/partial", "sources"] {
            let path = root.join(directory);
            fs::create_dir_all(&path).map_err(Error::io("make directory", &path))?;
        }
        let apt = Apt { root: root.to_owned(), cancel };
        apt.write("status", "")?;
        apt.write("apt.conf", &configuration(root)?)?;
        if apt.write("sources/debian.sources", &mirrors.sources())? {
            apt.forget()?;
        }
        Ok(apt)
    }

    /// What is offered, by lists that are fresh, or by new ones.
    pub(super) fn listing(&self, anew: bool) -> Result<Listing, Error> {
        if anew || !self.is_fresh() {
            self.update()?;
        }
        let mut names = self.program("apt-cache");
        names.args(["pkgnames", "linux-image-"]);
        let names = tool::run(names, REMEDY, self.cancel)?;
        let names: Vec<&str> = names.lines().filter(|name| listing::is_wanted(name)).collect();
        if names.is_empty() {
            return Ok(Listing::default());
        }
        let mut madison = self.program("apt-cache");
        madison.arg("madison").args(names);
        Ok(Listing::parse(&tool::run(madison, REMEDY, self.cancel)?))
    }

    /// Downloads the packages of a kernel into `directory`, verified.
    pub(super) fn download(&self, offer: &Offer, directory: &Path) -> Result<(), Error> {
        let mut show = self.program("apt-cache");
        show.args(["show", &format!("{}={}", offer.package, offer.version)]);
        let parts = listing::parts(&tool::run(show, REMEDY, self.cancel)?, offer);
        let mut download = self.program("apt-get");
        download.arg("download").current_dir(directory);
        download.args(parts.iter().map(|part| format!("{part}={}", offer.version)));
        tool::run(download, REMEDY, self.cancel)?;
        Ok(())
    }

    /// Fetches the lists. A suite that is gone from the archive is no reason to do without the others, and that all are gone
    /// is.
    fn update(&self) -> Result<(), Error> {
        let mut update = self.program("apt-get");
        update.arg("update");
        let output = tool::attempt(update, REMEDY, self.cancel)?;
        let missing = self.missing_suites()?;
        if !output.status.success() {
            let reached =
                output.stdout.lines().any(|line| line.starts_with("Hit:") || line.starts_with("Get:"));
            if !reached || missing.len() == archive::SUITES.len() {
                return Err(output.failure("apt-get update").into());
            }
            let said = output.last_words();
            match missing.as_slice() {
                [] => say(&format!("isolab: apt-get update: {said}")),
                missing => say(&format!("isolab: no kernels of {}: {said}", missing.join(", "))),
            }
        }
        self.write("updated", "").map(drop)
    }

    /// Suites of which no list is there.
    fn missing_suites(&self) -> Result<Vec<&'static str>, Error> {
        let lists = self.root.join("state/lists");
        let failed = || Error::io("read directory", &lists);
        let mut names = Vec::new();
        for entry in fs::read_dir(&lists).map_err(failed())? {
            names.push(entry.map_err(failed())?.file_name().to_string_lossy().into_owned());
        }
        let has = |suite: &str| names.iter().any(|name| name.contains(&format!("_dists_{suite}_main_")));
        Ok(archive::SUITES.iter().map(|suite| suite.name).filter(|suite| !has(suite)).collect())
    }

    /// Whether the lists are not older than a day.
    pub(super) fn is_fresh(&self) -> bool {
        let written = fs::metadata(self.root.join("updated")).and_then(|file| file.modified());
        // A clock that was set back makes it old.
        written.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < FRESH))
    }

    fn forget(&self) -> Result<(), Error> {
        let path = self.root.join("updated");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes a file; whether it was different before.
    fn write(&self, name: &str, text: &str) -> Result<bool, Error> {
        let path = self.root.join(name);
        let differs = fs::read_to_string(&path).map_or(true, |before| before != text);
        fs::write(&path, text).map_err(Error::io("write", &path))?;
        Ok(differs)
    }

    /// One of apt's programs. With `-c` our configuration comes after the system's, where `APT_CONFIG` would come before it
    /// (apt.conf(5)).
    fn program(&self, name: &str) -> Command {
        let mut command = tool::command(name);
        command.env_remove("APT_CONFIG").arg("-c").arg(self.root.join("apt.conf"));
        command
    }
}

/// Our part of apt's configuration (apt.conf(5)).
fn configuration(root: &Path) -> Result<String, Error> {
    let path = root.to_str().filter(|path| !path.contains(['"', '\n', '\\']));
    let root = path.ok_or_else(|| Error::file(root, "is no path that apt's configuration can hold"))?;
    Ok(format!(
        "// Written by isolab at each start.
Dir::Etc::SourceList \"/dev/null\";
Dir::Etc::SourceParts \"{root}/sources\";
Dir::Etc::Preferences \"/dev/null\";
Dir::Etc::PreferencesParts \"/dev/null\";
Dir::State \"{root}/state\";
Dir::State::Lists \"lists\";
Dir::State::Status \"{root}/status\";
Dir::Cache \"{root}/cache\";
Dir::Cache::Archives \"archives\";
Dir::Cache::PkgCache \"pkgcache.bin\";
Dir::Cache::SrcPkgCache \"\";
Acquire::Languages \"none\";
// Of the lists only the kernels are used, once a day.
Acquire::GzipIndexes \"true\";
// What the system does after its own updates does not concern ours: images for containers empty the system's cache there.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
// Nothing unsigned, whatever the system allows.
Acquire::AllowInsecureRepositories \"false\";
Acquire::AllowDowngradeToInsecureRepositories \"false\";
APT::Get::AllowUnauthenticated \"false\";
// Root's downloads run as the user _apt, who cannot write below a home directory. Signatures are checked all the same.
APT::Sandbox::User \"root\";
"
    ))
}
