//! The options of `isolab kernels`.

use std::path::PathBuf;

use clap::ValueEnum;
use isolab_scenarios::lab::guest::CgroupVersion;
use isolab_scenarios::lab::machine::Choice;

use super::seeds::Seeds;
use super::{bisect, calibrate};

const KERNELS: &str = "Kernels are named by
  6.1                a version of Debian's kernels, the newest that begins so
  debian:bookworm    what a suite of Debian has
  FILE.deb           a kernel package
  FILE               a bzImage; its modules with --modules
  host               the running kernel

Exit status: as of `isolab`; 1 also for a cost that grew by more than --fail-above, 4 also for a kernel that did not come to its end, or lacked a module.";

#[derive(clap::Args)]
#[command(after_help = KERNELS, args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Subcommand>,
    #[command(flatten)]
    pub(super) lab: LabArguments,
    /// The kernel that the others are compared with [default: the first]
    #[arg(long, value_name = "KERNEL")]
    pub(super) baseline: Option<String>,
    /// Boots to measure with, each of another layout: a number, a range such as 9-16, or a list
    #[arg(long, value_name = "SEEDS", default_value = "8")]
    pub(super) seeds: Seeds,
    /// All guarantees of the catalogue, those too that are for guests alone, and not only those of the quick look
    #[arg(long)]
    pub(super) all_checks: bool,
    /// Guarantees by id, separated by commas, instead
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with = "all_checks")]
    pub(super) checks: Vec<String>,
    /// Only guarantees and features, or only costs and interference
    #[arg(long, value_enum)]
    pub(super) only: Option<Only>,
    /// Fails with status 1 when a cost grew by more than so many percent
    #[arg(long, value_name = "PERCENT")]
    pub(super) fail_above: Option<f64>,
    #[command(flatten)]
    pub(super) testing: TestArguments,
    /// The result as JSON instead of a summary
    #[arg(long)]
    pub(super) json: bool,
    /// Folder for the results; it must not exist or be empty [default: target/isolab/TIME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Instead of all this: one of isolab's commands, with its arguments, in one boot of each kernel
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["test", "only", "baseline", "fail_above", "all_checks", "checks"])]
    pub(super) run: Vec<String>,
}

#[derive(clap::Subcommand)]
pub(super) enum Subcommand {
    /// Finds the first kernel of a list on which a metric, a guarantee or a feature changed
    Bisect(bisect::Arguments),
    /// Says how often the lab calls an unchanged kernel changed, and whether it finds a planted change
    Calibrate(calibrate::Arguments),
}

/// Options of `--test`.
#[derive(clap::Args)]
pub(super) struct TestArguments {
    /// Runs the integration tests of the workspace in this directory inside each kernel, instead of scenarios
    #[arg(long, conflicts_with_all = ["baseline", "only", "fail_above", "out"])]
    pub(super) test: bool,
    /// Only test binaries whose name, PACKAGE/TEST, begins so; may be repeated
    #[arg(long, value_name = "NAME", requires = "test")]
    pub(super) binary: Vec<String>,
    /// Needs that the guests promise: a test that lacks one fails instead of being skipped
    #[arg(long, value_name = "LIST", requires = "test", default_value = "root,cgroup-v2")]
    pub(super) must_run: String,
}

/// Options of everything that boots.
#[derive(clap::Args)]
pub(in crate::cli) struct LabArguments {
    /// Kernels, by name or file
    #[arg(value_name = "KERNEL")]
    pub(super) kernels: Vec<String>,
    /// Modules of a kernel that was given as a bzImage: its lib/modules/VERSION
    #[arg(long, value_name = "DIR")]
    pub(super) modules: Option<PathBuf>,
    /// Launchers, separated by commas; those beside core are carried into the guests
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "core")]
    pub(super) launcher: Vec<String>,
    /// Programs (with their libraries), files and folders to carry into the guests
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(super) with: Vec<PathBuf>,
    /// AppArmor policies to load in the guests, as text (compiled here) or compiled
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(super) apparmor: Vec<PathBuf>,
    /// Size of an ext4 disk for the guests' scratch files, in MiB [default: they are in memory]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..=4096))]
    pub(super) disk: Option<u64>,
    /// Words to add to the guests' kernel command line, such as security=selinux
    #[arg(long, value_name = "WORD", num_args = 1..)]
    pub(super) cmdline: Vec<String>,
    /// The guests' cgroup version
    #[arg(long, value_enum, default_value = "v2")]
    pub(super) cgroup: Cgroup,
    /// What the guests' time is
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) clock: ClockChoice,
    /// Guests at once [default: one a CPU on the counted clock, one on the real clock]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(super) jobs: Option<u64>,
}

impl LabArguments {
    /// These kernels, and what is usual.
    pub(in crate::cli) fn of(kernels: Vec<String>) -> LabArguments {
        LabArguments {
            kernels,
            modules: None,
            launcher: vec!["core".into()],
            with: Vec::new(),
            apparmor: Vec::new(),
            disk: None,
            cmdline: Vec::new(),
            cgroup: Cgroup::V2,
            clock: ClockChoice::Auto,
            jobs: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Only {
    /// Guarantees and features
    Check,
    /// Costs and interference
    Measure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Cgroup {
    V1,
    V2,
}

impl From<Cgroup> for CgroupVersion {
    fn from(cgroup: Cgroup) -> CgroupVersion {
        match cgroup {
            Cgroup::V1 => CgroupVersion::V1,
            Cgroup::V2 => CgroupVersion::V2,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ClockChoice {
    /// Real when a test boot under KVM works, counted otherwise
    Auto,
    /// The host's time, under KVM
    Real,
    /// One nanosecond an instruction, under emulation: the same on every host
    Counted,
}

impl From<ClockChoice> for Choice {
    fn from(clock: ClockChoice) -> Choice {
        match clock {
            ClockChoice::Auto => Choice::Auto,
            ClockChoice::Real => Choice::Real,
            ClockChoice::Counted => Choice::Counted,
        }
    }
}
