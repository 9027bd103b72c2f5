//! The options of `isolab ab`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;
use isolab_scenarios::ab::Metric;

use super::super::rule::RuleArguments;

const FORMS: &str = "What is compared:
  isolab ab --launcher ./old,./new config.json                     two launchers on your own config
  isolab ab --launcher core --edit 'remove = \"linux.seccomp\"' config.json
                                                                   two settings: B's config is edited
  isolab ab --program ./old,./new -- --version                     two programs, as whole processes
  isolab ab --revision main,HEAD --launcher target/release/isolab-runtime config.json
                                                                   two git revisions, each built in a worktree of its own
  isolab ab --revision main,HEAD --program target/release/tool -- ARGUMENTS
  isolab ab --kernel 6.1,6.12 --of spawn/netns                     two kernels, in guests
  isolab ab --calibrate --launcher core config.json                how often it is wrong here, and what it finds

Exit status:
  0  B is faster or equal, or it is inconclusive
  1  B is slower
  2  wrong usage or input
  3  inconclusive, and --strict was given
  5  isolab itself failed";

#[derive(clap::Args)]
#[command(after_help = FORMS)]
pub(in crate::cli) struct Arguments {
    /// One or two launchers, separated by a comma: core, runc, crun, bwrap, or the paths of OCI runtimes
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with_all = ["program", "kernel"])]
    pub(super) launcher: Vec<String>,
    /// One or two programs, separated by a comma; their arguments come after --
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "kernel")]
    pub(super) program: Vec<String>,
    /// Two git revisions, separated by a comma; launcher or program is a path in their worktrees then
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "kernel")]
    pub(super) revision: Vec<String>,
    /// How a revision is built, as a line for a shell in the worktree
    #[arg(long, value_name = "COMMAND", default_value = "cargo build --release", requires = "revision")]
    pub(super) build: String,
    /// Two kernels, separated by a comma, as `isolab kernels` names them
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) kernel: Vec<String>,
    /// Of kernels: the metric, such as spawn/netns; `isolab kernels` shows them
    #[arg(long, value_name = "METRIC", requires = "kernel", default_value = "spawn/core")]
    pub(super) of: String,
    /// An edit of B's config, in the words of scenario files; may be repeated
    #[arg(long, value_name = "TOML", conflicts_with_all = ["program", "kernel"])]
    pub(super) edit: Vec<String>,
    /// Compares A with itself, and says how often that is called changed, and the smallest change that is found
    #[arg(long, conflicts_with_all = ["kernel", "revision", "edit", "strict"])]
    pub(super) calibrate: bool,
    /// Seconds that a comparison may take; how much --calibrate replays at a time
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(super) window: u64,
    #[command(flatten)]
    pub(super) rule: RuleArguments,
    /// What is judged
    #[arg(long, value_enum, default_value = "time")]
    pub(super) metric: Judged,
    /// Ends after so many seconds, verdict or not [default: 60, with --calibrate 300, with --kernel 1800]
    #[arg(long, value_name = "SECONDS")]
    pub(super) seconds: Option<u64>,
    /// Goes on to the end of its time, for a narrower interval
    #[arg(long)]
    pub(super) full: bool,
    /// Milliseconds to rest before each run
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(super) rest: u64,
    /// Seed of the order of the runs
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Fails with status 3 when it is inconclusive
    #[arg(long)]
    pub(super) strict: bool,
    /// The comparison and all samples as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Folder for a record and a report; it must not exist or be empty
    #[arg(long, value_name = "DIR", conflicts_with = "kernel")]
    pub(super) out: Option<PathBuf>,
    /// Of launchers: an OCI config.json, or the directory of a bundle; its program must end by itself, with 0 [default: the config that
    /// costs are measured with, whose program only exits]
    pub(super) config: Option<PathBuf>,
    /// Of programs: their arguments
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(super) arguments: Vec<OsString>,
}

/// Which time is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Judged {
    /// From begin to end
    Time,
    /// Time on a CPU, of the launcher and of the container
    Cpu,
}

impl From<Judged> for Metric {
    fn from(judged: Judged) -> Metric {
        match judged {
            Judged::Time => Metric::Time,
            Judged::Cpu => Metric::Cpu,
        }
    }
}

impl Arguments {
    /// How long it may take.
    pub(super) fn seconds(&self) -> u64 {
        let default = match (self.calibrate, self.kernel.is_empty()) {
            (true, _) => 300,
            (false, true) => 60,
            (false, false) => 1800,
        };
        self.seconds.unwrap_or(default)
    }
}
