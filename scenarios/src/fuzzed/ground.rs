//! Where inputs are launched: a root file system with the puppet, groups with limits, and what belongs to them on the host.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::launch::{self, Container, Exit, Options};
use isolab_core::oci;
use isolab_core::plan::Plan;
use isolab_core::snapshot::Scope;
use serde_json::{Value, json};

use super::acts::Hand;
use super::input::Input;
use super::janitor::Janitor;
use super::puppet::{self, Puppet};
use crate::bundle::Bundle;
use crate::drawn::{FOLDERS, TARGETS};
use crate::group::{self, Groups};
use crate::leftovers;
use crate::progress::say;
use crate::ready::{Error, LIMIT};
use crate::scratch::Scratch;

/// Name of a container, and of its group.
pub const ID: &str = "drawn";
/// Name of the bundle's directory.
const BUNDLE: &str = "bundle";
/// Limits of all containers together, where there is such a file.
const LIMITS: [(&str, &str); 4] = [
    ("pids.max", "512"),
    ("memory.limit_in_bytes", "536870912"),
    ("memory.max", "536870912"),
    ("memory.swap.max", "0"),
];

/// The place. What was made goes with it, also when this process is killed.
#[derive(Debug)]
pub struct Ground {
    host: Host,
    /// What its launches can leave.
    scope: Scope,
    bundle: PathBuf,
    groups: Groups,
    parents: Vec<PathBuf>,
    null: File,
    scratch: Scratch,
    /// Last: it looks for what the others have not removed.
    _janitor: Janitor,
}

/// A container whose workload waits for orders.
#[derive(Debug)]
pub struct Held {
    /// The container.
    pub container: Container,
    /// Its workload.
    pub puppet: Puppet,
    /// What was asked for.
    pub config: Config,
}

impl Hand for Container {
    fn signal(&mut self, signal: i32) -> io::Result<()> {
        Container::signal(self, signal).map_err(io::Error::other)
    }

    fn ended(&mut self, within: Duration) -> io::Result<Option<Exit>> {
        self.wait(Some(within)).map_err(io::Error::other)
    }
}

impl Ground {
    /// Makes it, after what killed runs have left is removed.
    ///
    /// # Errors
    /// When a file or a group cannot be made.
    pub fn new(host: &Host) -> io::Result<Ground> {
        for line in leftovers::sweep(host)? {
            say(&format!("isolab: {line}"));
        }
        let scratch = Scratch::of_fuzzer()?;
        let parents: Vec<PathBuf> =
            group::mounts(&host.cgroups).into_iter().map(|mount| mount.join(scratch.name())).collect();
        let janitor = Janitor::new(scratch.path(), &parents)?;
        let groups = Groups::new(scratch.name(), host);
        groups.keep()?;
        for parent in &parents {
            for (file, value) in LIMITS.iter().filter(|(file, _)| parent.join(file).exists()) {
                fs::write(parent.join(file), value)?;
            }
        }
        let bundle = scratch.path().join(BUNDLE);
        furnish(&bundle)?;
        let mut scope = Scope::new();
        scope.groups.push(PathBuf::from("/").join(scratch.name()));
        scope.directories.push(fs::canonicalize(scratch.path())?);
        let null = File::options().read(true).write(true).open("/dev/null")?;
        Ok(Ground { host: host.clone(), scope, bundle, groups, parents, null, scratch, _janitor: janitor })
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What belongs to it, for snapshots.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether this process's descriptors, threads and descendants do, too.
    pub fn alone(&mut self, alone: bool) {
        self.scope.own = alone;
    }

    /// The directory of the bundle.
    #[must_use]
    pub fn bundle(&self) -> &Path {
        &self.bundle
    }

    /// The config as it is launched here, with its own root file system and groups.
    #[must_use]
    pub fn spec(&self, input: &Input, id: &str) -> Value {
        let mut spec = input.spec.clone();
        spec["root"]["path"] = json!("rootfs");
        spec["linux"]["cgroupsPath"] = json!(self.groups.path_of(id));
        let variable = json!(self.scope.variable());
        match spec["process"]["env"].as_array_mut() {
            Some(env) => env.push(variable),
            None => spec["process"]["env"] = json!([variable]),
        }
        spec
    }

    /// The written bundle of such a config, for any launcher.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn written(&self, spec: &Value) -> io::Result<Bundle> {
        let bundle = Bundle::around(&self.scratch, BUNDLE, spec.clone())?;
        bundle.write()?;
        Ok(bundle)
    }

    /// Launches such a config with core, in process.
    ///
    /// # Errors
    /// When it is not valid, or the launch fails.
    pub fn launch(&self, spec: &Value) -> Result<Held, Error> {
        let spec = oci::parse(spec.to_string().as_bytes())?;
        let config = Config::new(&spec, &self.bundle, ID)?;
        let plan = Plan::compile(&config, &self.host)?;
        let (stdin, orders) = io::pipe().map_err(Error::io("make a pipe"))?;
        let (answers, stdout) = io::pipe().map_err(Error::io("make a pipe"))?;
        let stdio = [stdin.as_fd(), stdout.as_fd(), self.null.as_fd()];
        let options = Options { timeout: LIMIT, ..Options::new(stdio) };
        let container = launch::launch(&plan, &options)?;
        let puppet = Puppet::new(OwnedFd::from(orders), OwnedFd::from(answers));
        Ok(Held { container, puppet, config })
    }

    /// What a launch has left that is cheap to look for, and makes the root file system as it was.
    ///
    /// # Errors
    /// When it cannot be looked at, or be made so.
    pub fn left(&self) -> io::Result<Vec<String>> {
        let mut left = Vec::new();
        for parent in &self.parents {
            // The number of links is that of the groups in it, and two; one is kept. Listing all files takes its time.
            if fs::metadata(parent)?.nlink() > 3 {
                let groups = names(parent)?.into_iter().filter(|name| parent.join(name).is_dir());
                let groups = groups.filter(|name| name != group::KEPT);
                left.extend(groups.map(|name| format!("the group {}/{name}", parent.display())));
            }
        }
        let mounts = fs::read_to_string("/proc/thread-self/mountinfo")?;
        let ours = |line: &&str| line.contains(self.scratch.name());
        left.extend(mounts.lines().filter(ours).map(|line| format!("the mount {line}")));
        let root = self.bundle.join("rootfs");
        let mut expected: BTreeSet<String> =
            TARGETS.iter().map(|target| target.trim_start_matches('/').to_owned()).collect();
        expected.insert(puppet::PATH.trim_start_matches('/').to_owned());
        if names(&root)? != expected {
            left.push(format!("in the root file system: {:?}, not {expected:?}", names(&root)?));
        }
        let targets = TARGETS.iter().filter(|target| **target != "/dev");
        let folders = FOLDERS.iter().map(|folder| self.bundle.join(folder));
        for folder in targets.map(|target| root.join(target.trim_start_matches('/'))).chain(folders) {
            left.extend(names(&folder)?.into_iter().map(|name| format!("{}/{name}", folder.display())));
        }
        empty_devices(&root.join("dev"), &mut left)?;
        Ok(left)
    }
}

/// The spec's default devices and links, which belong into a root file system without a `/dev` of its own, and `pts` and the
/// like as mount points; they are removed, so that the next launch begins as this one did.
fn empty_devices(dev: &Path, left: &mut Vec<String>) -> io::Result<()> {
    const DEFAULT: [&str; 15] = [
        "null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "fd", "stdin", "stdout",
        "stderr", "pts", "shm", "core",
    ];
    for name in names(dev)? {
        let path = dev.join(&name);
        if !DEFAULT.contains(&name.as_str()) {
            left.push(path.display().to_string());
        }
        match fs::symlink_metadata(&path)?.is_dir() {
            true => fs::remove_dir(&path)?,
            false => fs::remove_file(&path)?,
        }
    }
    Ok(())
}

fn names(directory: &Path) -> io::Result<BTreeSet<String>> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    fs::read_dir(directory)?.map(name).collect()
}

/// The root file system, and the folders beside it.
fn furnish(bundle: &Path) -> io::Result<()> {
    let root = bundle.join("rootfs");
    let targets = TARGETS.iter().map(|target| root.join(target.trim_start_matches('/')));
    let folders = FOLDERS.iter().map(|folder| bundle.join(folder));
    for path in [bundle.to_owned(), root.clone()].into_iter().chain(targets).chain(folders) {
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    }
    fs::set_permissions(root.join("tmp"), Permissions::from_mode(0o1777))?;
    puppet::install(&root)
}
