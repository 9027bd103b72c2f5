//! A guest that can be booted again and again: a kernel with what is carried into it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use isolab_reports::lab::record::Layout;
use isolab_reports::record::NotTested;

use super::Error;
use super::guest::initramfs::{self, Contents};
use super::guest::{Carried, CgroupVersion, Command, Job, disk, modules};
use super::kernel::modules::Loadable;
use super::kernel::{self, Kernel};
use super::machine::{self, Accelerator, Boot, Booted, Watch};
use crate::cancel::Cancel;
use crate::scratch::Scratch;

/// What every guest of a run gets.
#[derive(Debug, Clone, Default)]
pub struct Equipment {
    /// Programs, libraries and other files.
    pub carried: Vec<Carried>,
    /// Paths, in the guest, of the compiled AppArmor policies among them.
    pub apparmor: Vec<String>,
    /// Bytes of an ext4 disk for scratch files; memory for none.
    pub disk: Option<u64>,
    /// What is mounted at `/sys/fs/cgroup`.
    pub cgroup: CgroupVersion,
    /// Added to the kernel's command line.
    pub cmdline: String,
    /// MiB of memory; for none [`machine::MEMORY`].
    pub memory: Option<u32>,
}

/// A kernel with its modules read.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The kernel.
    pub kernel: Kernel,
    equipment: Equipment,
    modules: Vec<(String, Vec<u8>)>,
    /// Modules that the scenarios need and the kernel has not, as far as it is known.
    pub gap: Option<NotTested>,
}

/// One boot of a guest.
#[derive(Debug, Clone)]
pub struct Once<'o> {
    /// The program that becomes QEMU, and that is carried into the guest.
    pub isolab: &'o Path,
    /// What executes it.
    pub accelerator: Accelerator,
    /// Its layout.
    pub layout: &'o Layout,
    /// What it runs.
    pub commands: Vec<Command>,
    /// How long to wait for it.
    pub patience: Patience,
}

/// How long to wait for a guest.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until it is prepared.
    pub ready: Duration,
    /// Until its end.
    pub end: Duration,
}

impl Guest {
    /// Reads the modules that the scenarios need. That one is neither there nor built in is no error: the scenarios that need it
    /// say so.
    ///
    /// # Errors
    /// When a module cannot be read.
    pub fn new(kernel: Kernel, equipment: Equipment) -> Result<Guest, Error> {
        let wanted = modules::wanted(equipment.disk.is_some());
        let (found, missing, reason) = match &kernel.modules {
            Some(directory) => {
                let Loadable { modules, missing } = kernel::modules::load_order(directory, &wanted)?;
                (modules, missing, "neither modules of the kernel nor built in")
            }
            None => {
                let (missing, reason) = without_modules(&kernel, &wanted, equipment.disk.is_some())?;
                (Vec::new(), missing, reason)
            }
        };
        let gap = (!missing.is_empty()).then(|| NotTested {
            what: format!("{}: what needs {}", kernel.name, missing.join(", ")),
            reason: reason.into(),
            remedy: "give the kernel's lib/modules/RELEASE with --modules, or build them in".into(),
        });
        let modules = found.into_iter().map(|module| (module.name, module.bytes)).collect();
        Ok(Guest { kernel, equipment, modules, gap })
    }

    /// Boots it once, on the counted clock without its disk: an idle guest's time leaps to its next timer while the host still
    /// works for the disk, so that each access would take as long as chance has it. To be called by a thread that stays until it has ended.
    ///
    /// # Errors
    /// When QEMU cannot be started, the disk or the initramfs cannot be written, or the run is to stop.
    pub fn boot(
        &self,
        isolab: &Path,
        accelerator: Accelerator,
        layout: &Layout,
        commands: Vec<Command>,
        patience: Patience,
        cancel: &Cancel,
    ) -> Result<Booted, Error> {
        self.watched(&Once { isolab, accelerator, layout, commands, patience }, None, cancel)
    }

    /// The same, with somebody who looks at it while it runs.
    ///
    /// # Errors
    /// As [`Guest::boot`].
    pub fn watched(
        &self,
        once: &Once<'_>,
        seen: Option<&mut Watch<'_>>,
        cancel: &Cancel,
    ) -> Result<Booted, Error> {
        let Once { isolab, accelerator, layout, patience, .. } = *once;
        let scratch = Scratch::new().map_err(Error::io("make a scratch directory"))?;
        let disk = self.equipment.disk.filter(|_| accelerator != Accelerator::Counted);
        let job = Job {
            cgroup: self.equipment.cgroup,
            modules: self.modules.iter().map(|(name, _)| initramfs::module_path(name)).collect(),
            apparmor: self.equipment.apparmor.clone(),
            disk: disk.is_some(),
            delay: layout.delay,
            commands: once.commands.clone(),
        };
        let contents =
            Contents { program: isolab, job: &job, modules: &self.modules, files: &self.equipment.carried };
        let archive = scratch.path().join("initramfs");
        initramfs::build(&contents, &archive)?;
        let image: Option<PathBuf> = match disk {
            None => None,
            Some(bytes) => Some(disk::make(&scratch.path().join("disk"), bytes, cancel)?),
        };
        let boot = Boot {
            isolab,
            kernel: &self.kernel,
            initramfs: &archive,
            disk: image.as_deref(),
            accelerator,
            cmdline: &self.equipment.cmdline,
            padding: layout.padding,
            patience,
            memory: self.equipment.memory.unwrap_or(machine::MEMORY),
        };
        boot.run(seen, cancel)
    }
}

/// What a kernel that came without modules lacks of these, and how that is known.
fn without_modules(
    kernel: &Kernel,
    wanted: &[&str],
    disk: bool,
) -> Result<(Vec<String>, &'static str), Error> {
    let (missing, reason) = match &kernel.config {
        Some(path) => {
            let config = fs::read_to_string(path).map_err(Error::io(format!("read {}", path.display())))?;
            (modules::not_built_in(&config, disk), "no modules were given, and these are not built in")
        }
        None => (
            wanted.to_vec(),
            "no modules were given, and without its configuration it is not known what is built in",
        ),
    };
    Ok((missing.into_iter().map(str::to_owned).collect(), reason))
}
