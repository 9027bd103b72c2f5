//! What everything that boots begins with: QEMU, kernels, guests, the clock.

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use isolab_core::host::Host;
use isolab_reports::lab::Lab;
use isolab_reports::lab::record::{Clock, FORMAT, Kernel as KernelRecord};
use isolab_reports::record::NotTested;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::lab;
use isolab_scenarios::lab::equip::{Equipment, Guest};
use isolab_scenarios::lab::guest::apparmor;
use isolab_scenarios::lab::guest::carry::{self, Carried, Content};
use isolab_scenarios::lab::kernel;
use isolab_scenarios::lab::machine::{self, Choice, Qemu};
use isolab_scenarios::lab::run;
use isolab_scenarios::lab::suite::Suite;
use isolab_scenarios::leftovers;
use isolab_scenarios::progress::say;

use super::super::bars::Bars;
use super::super::{Failure, interrupt};
use super::options::LabArguments;

/// A lab that is ready to boot.
pub(in crate::cli) struct Setup {
    pub(in crate::cli) isolab: PathBuf,
    pub(in crate::cli) guests: Vec<Guest>,
    pub(in crate::cli) clock: Clock,
    pub(in crate::cli) jobs: usize,
    pub(in crate::cli) bars: Bars,
    pub(in crate::cli) cancel: Cancel,
    /// Without boots yet; its kernels are in the order of the guests.
    pub(in crate::cli) lab: Lab,
    pub(in crate::cli) begun: Instant,
    equipment: Equipment,
    modules: Option<PathBuf>,
    choice: Choice,
    wanted_jobs: Option<usize>,
}

impl Setup {
    /// Finds everything, and the kernels by name. `carried` goes into every guest.
    pub(in crate::cli) fn begin(arguments: &LabArguments, carried: Vec<Carried>) -> Result<Setup, Failure> {
        let mut setup = Setup::without_kernels(arguments, carried)?;
        setup.add(&arguments.kernels)?;
        Ok(setup)
    }

    /// Finds everything but kernels.
    pub(in crate::cli) fn without_kernels(
        arguments: &LabArguments,
        carried: Vec<Carried>,
    ) -> Result<Setup, Failure> {
        let cancel = interrupt::watch()?;
        let begun = Instant::now();
        // Before anything is downloaded.
        let qemu = Qemu::find().map_err(Failure::input)?;
        let host = Host::probe();
        for left in leftovers::sweep(&host).map_err(Failure::input)? {
            say(&format!("isolab: {left}"));
        }
        let isolab = std::env::current_exe().map_err(Failure::internal)?;
        let mut equipment = ended(equipment(arguments, &cancel), &cancel)?;
        equipment.carried.extend(carried);
        let lab = Lab {
            lab_format: FORMAT,
            isolab: env!("CARGO_PKG_VERSION").into(),
            started: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            seconds: 0.0,
            host,
            qemu: qemu.version,
            clock: Clock::Counted,
            clock_reason: None,
            baseline: String::new(),
            seeds: Vec::new(),
            kernels: Vec::new(),
            not_tested: Vec::new(),
        };
        Ok(Setup {
            isolab,
            guests: Vec::new(),
            clock: Clock::Counted,
            jobs: 1,
            bars: Bars::new(),
            cancel,
            lab,
            begun,
            equipment,
            modules: arguments.modules.clone(),
            choice: arguments.clock.into(),
            wanted_jobs: arguments.jobs.and_then(|jobs| usize::try_from(jobs).ok()),
        })
    }

    /// Finds further kernels by name. The first of all is the one that the clock is tried with.
    pub(in crate::cli) fn add(&mut self, names: &[String]) -> Result<(), Failure> {
        if names.is_empty() {
            return Err(Failure::Input(
                "name kernels, such as `isolab kernels 6.1 6.12`; `--help` lists the forms".into(),
            ));
        }
        let kernels = kernel::resolve(names, self.modules.as_deref(), &self.bars, &self.cancel);
        for kernel in self.end(kernels.map_err(lab::Error::from))? {
            self.lab.kernels.push(KernelRecord {
                name: kernel.name.clone(),
                source: kernel.source.clone(),
                config: kernel.options(),
                boots: Vec::new(),
            });
            let guest = self.end(Guest::new(kernel, self.equipment.clone()))?;
            self.lab.not_tested.extend(guest.gap.clone());
            self.guests.push(guest);
            if self.guests.len() == 1 {
                self.choose_clock()?;
            }
        }
        Ok(())
    }

    fn choose_clock(&mut self) -> Result<(), Failure> {
        let first = &self.guests[0];
        self.lab.baseline.clone_from(&first.kernel.name);
        let chosen = self.end(machine::choose(self.choice, first, &self.isolab, &self.cancel))?;
        (self.clock, self.lab.clock_reason) = chosen;
        self.lab.clock = self.clock;
        if let Some(reason) = &self.lab.clock_reason {
            say(&format!("isolab: counted clock: {reason}"));
        }
        if self.equipment.disk.is_some() && self.clock == Clock::Counted {
            self.lab.not_tested.push(NotTested {
                what: "costs on the disk".into(),
                reason: "on the counted clock time does not wait for a disk; scratch files were in memory"
                    .into(),
                remedy: "use --clock real, where KVM works".into(),
            });
        }
        self.jobs = match (self.wanted_jobs, self.clock) {
            (Some(jobs), _) => jobs,
            // Guests that run at once would disturb each other.
            (None, Clock::Real) => 1,
            (None, Clock::Counted) => self.lab.host.cpus.len(),
        };
        Ok(())
    }

    /// What all boots of a run have in common.
    pub(in crate::cli) fn options<'s>(&'s self, suite: &'s Suite) -> run::Options<'s> {
        run::Options {
            isolab: &self.isolab,
            guests: &self.guests,
            suite,
            clock: self.clock,
            jobs: self.jobs,
            logs: None,
        }
    }

    /// The end of a stretch: interrupted, wrong input, or isolab's own failure.
    pub(in crate::cli) fn end<T>(&self, result: Result<T, lab::Error>) -> Result<T, Failure> {
        ended(result, &self.cancel)
    }
}

/// What the guests get: launchers beside core with their libraries, what was named, and AppArmor policies.
fn equipment(arguments: &LabArguments, cancel: &Cancel) -> Result<Equipment, lab::Error> {
    let mut names: Vec<PathBuf> =
        arguments.launcher.iter().filter(|name| *name != "core").map(PathBuf::from).collect();
    names.extend(arguments.with.iter().cloned());
    let mut carried = carry::all(&names, cancel)?;
    carried.extend(runtime());
    let mut loaded = Vec::new();
    for policy in &arguments.apparmor {
        let policy = apparmor::policy(policy, cancel)?;
        loaded.push(policy.path.to_string_lossy().into_owned());
        carried.push(policy);
    }
    let disk = arguments.disk.map(|mib| mib << 20);
    let cmdline = arguments.cmdline.join(" ");
    Ok(Equipment { carried, apparmor: loaded, disk, cgroup: arguments.cgroup.into(), cmdline, memory: None })
}

/// Core's command line, where it was built beside this, for checks that take more than one command.
fn runtime() -> Option<Carried> {
    let from = std::env::current_exe().ok()?.with_file_name("isolab-runtime");
    from.exists().then(|| Carried { path: "/isolab-runtime".into(), content: Content::File { from } })
}

fn ended<T>(result: Result<T, lab::Error>, cancel: &Cancel) -> Result<T, Failure> {
    result.map_err(|error| match error {
        _ if cancel.is_cancelled() => Failure::Interrupted,
        lab::Error::Io { .. } => Failure::internal(error),
        _ => Failure::input(error),
    })
}
