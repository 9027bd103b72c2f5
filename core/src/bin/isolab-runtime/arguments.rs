//! The command line: runc's, as engines use it.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

/// Launches OCI bundles from kernel primitives.
///
/// Exit status: 0 when done; of `run` and `exec` in the foreground the workload's own, or 128 and the signal's number when
/// a signal ended it; 126 when the workload could not be executed, 127 when it was not found; 1 when anything else failed.
#[derive(Parser)]
#[command(name = "isolab-runtime", disable_version_flag = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// Most of what clap does is to describe commands, so at first only the one is described that seems to be meant. Where
    /// that fails, all are, and then it is an error, a call for help, or an argument that looked like a command.
    pub(crate) fn read() -> Result<Arguments, clap::Error> {
        let given: Vec<std::ffi::OsString> = std::env::args_os().collect();
        let meant = given.iter().skip(1).find_map(|word| COMMANDS.iter().find(|(name, _)| word == name));
        if let Some((name, describe)) = meant {
            let one = clap::Command::new("isolab-runtime").disable_version_flag(true).no_binary_name(false);
            let one = Global::augment_args(one).subcommand(describe(clap::Command::new(*name)));
            if let Ok(arguments) =
                one.try_get_matches_from(&given).and_then(|matches| Arguments::from_arg_matches(&matches))
            {
                return Ok(arguments);
            }
        }
        Arguments::command()
            .try_get_matches_from(given)
            .and_then(|matches| Arguments::from_arg_matches(&matches))
    }
}

type Describe = fn(clap::Command) -> clap::Command;

/// The commands that engines wait for, each with what describes it.
const COMMANDS: [(&str, Describe); 7] = [
    ("create", Create::augment_args),
    ("start", Id::augment_args),
    ("state", Id::augment_args),
    ("kill", Kill::augment_args),
    ("delete", Delete::augment_args),
    ("run", Run::augment_args),
    ("exec", Exec::augment_args),
];

/// What goes before the command.
#[derive(Args)]
pub(crate) struct Global {
    /// Says more
    #[arg(long)]
    pub(crate) debug: bool,
    /// File that errors and warnings are appended to, besides standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Form of the log file's lines
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Directory with the state of all containers [default: /run/isolab, or below $XDG_RUNTIME_DIR]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) root: Option<PathBuf>,
    /// Refused: groups are made without systemd (cgroup manager cgroupfs)
    #[arg(long)]
    pub(crate) systemd_cgroup: bool,
    /// Accepted as runc's; what a user may not do is found out by trying
    #[arg(long, value_name = "true|false|auto")]
    pub(crate) rootless: Option<String>,
    /// Accepted as runc's and ignored: there are no checkpoints
    #[arg(long, hide = true)]
    pub(crate) criu: Option<PathBuf>,
    /// Prints the version
    #[arg(short, long)]
    pub(crate) version: bool,
}

/// The form of log lines.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// `time="…" level=error msg="…"`
    Text,
    /// One JSON object a line, with the same three members
    Json,
}

/// The form of lists.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns
    Table,
    /// JSON
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sets a container up, up to its start
    Create(Create),
    /// Starts a created container
    Start(Id),
    /// Prints a container's state as JSON
    State(Id),
    /// Sends a signal to a container's first process
    Kill(Kill),
    /// Removes what there is of a container that has ended
    Delete(Delete),
    /// Creates and starts a container, and removes it at its end
    Run(Run),
    /// Removes what commands left that were killed, and prints the names
    Recover,
    /// Runs another process in a container
    Exec(Box<Exec>),
    /// Lists a container's processes
    Ps(Ps),
    /// Lists all containers
    List(List),
    /// Prints what a container uses, and when it is out of memory
    Events(Events),
    /// Freezes a container
    Pause(Id),
    /// Thaws a container
    Resume(Id),
    /// Changes a container's limits
    Update(Box<Update>),
    /// Prints what of the runtime-spec is supported, as JSON
    Features,
    /// Writes a config.json to begin with
    Spec(Spec),
    /// Prints the kernel operations that `run` would perform; needs no privileges
    Plan(Plan),
}

#[derive(Args)]
pub(crate) struct Id {
    /// Name of the container
    pub(crate) id: String,
}

/// What `create` and `run` have in common.
#[derive(Args)]
pub(crate) struct Bundle {
    /// Directory with config.json
    #[arg(short, long, default_value = ".")]
    pub(crate) bundle: PathBuf,
    /// Unix socket that is sent the controlling side of the terminal
    #[arg(long, value_name = "SOCKET")]
    pub(crate) console_socket: Option<PathBuf>,
    /// File that the first process's number is written to
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Uses chroot, which is weaker, in place of pivot_root: for a root file system in an initramfs
    #[arg(long)]
    pub(crate) no_pivot: bool,
    /// Keeps the caller's session keyring
    #[arg(long)]
    pub(crate) no_new_keyring: bool,
    /// How many descriptors from 3 on are passed to the workload, after those of LISTEN_FDS
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) preserve_fds: u32,
    /// Launches although this host cannot enforce all that the config asks for, and says what is missing
    #[arg(long)]
    pub(crate) allow_partial: bool,
    /// Name of the container
    pub(crate) id: String,
}

#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    pub(crate) bundle: Bundle,
}

#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) bundle: Bundle,
    /// Returns once the workload runs
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Keeps the container's state after its end
    #[arg(long)]
    pub(crate) keep: bool,
    /// Accepted as runc's: no process is adopted here
    #[arg(long, hide = true)]
    pub(crate) no_subreaper: bool,
}

#[derive(Args)]
pub(crate) struct Kill {
    /// Sends it to all processes of the container
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Name of the container
    pub(crate) id: String,
    /// Name or number, such as TERM, SIGTERM, 15, RTMIN+3
    #[arg(default_value = "TERM", allow_hyphen_values = true)]
    pub(crate) signal: String,
}

#[derive(Args)]
pub(crate) struct Delete {
    /// Kills the container first; that there is none is no error
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Name of the container
    pub(crate) id: String,
}

#[derive(Args)]
pub(crate) struct Exec {
    /// Process as JSON, in place of a command
    #[arg(short, long, value_name = "FILE")]
    pub(crate) process: Option<PathBuf>,
    /// Gives it a terminal
    #[arg(short, long)]
    pub(crate) tty: bool,
    /// Working directory in the container
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) cwd: Option<PathBuf>,
    /// Adds to the environment
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
    /// User
    #[arg(short, long, value_name = "UID[:GID]")]
    pub(crate) user: Option<String>,
    /// Adds a group
    #[arg(short = 'g', long, value_name = "GID")]
    pub(crate) additional_gids: Vec<u32>,
    /// Adds a capability
    #[arg(short, long, value_name = "NAME")]
    pub(crate) cap: Vec<String>,
    /// AppArmor profile
    #[arg(long, value_name = "NAME")]
    pub(crate) apparmor: Option<String>,
    /// SELinux label
    #[arg(long, value_name = "LABEL")]
    pub(crate) process_label: Option<String>,
    /// Sets no_new_privs
    #[arg(long)]
    pub(crate) no_new_privs: bool,
    /// Returns once it runs
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// File that its number is written to
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Unix socket that is sent the controlling side of the terminal
    #[arg(long, value_name = "SOCKET")]
    pub(crate) console_socket: Option<PathBuf>,
    /// How many descriptors from 3 on are passed to it, after those of LISTEN_FDS
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) preserve_fds: u32,
    /// Also in a frozen container, where it waits until that is thawed
    #[arg(long)]
    pub(crate) ignore_paused: bool,
    /// Group below the container's, which must exist
    #[arg(long, value_name = "[CONTROLLER:]PATH")]
    pub(crate) cgroup: Vec<String>,
    /// Name of the container
    pub(crate) id: String,
    /// Program and arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Ps {
    /// Form of the list
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Name of the container
    pub(crate) id: String,
    /// Options of ps(1) [default: -ef]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) options: Vec<String>,
}

#[derive(Args)]
pub(crate) struct List {
    /// Form of the list
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Names alone
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Args)]
pub(crate) struct Events {
    /// Prints what it uses once
    #[arg(long)]
    pub(crate) stats: bool,
    /// Time between two such lines, such as 500ms, 5s, 1m
    #[arg(long, default_value = "5s")]
    pub(crate) interval: String,
    /// Name of the container
    pub(crate) id: String,
}

#[derive(Args)]
pub(crate) struct Update {
    /// File with linux.resources as JSON, `-` for standard input; the other flags are ignored then
    #[arg(short, long, value_name = "FILE")]
    pub(crate) resources: Option<PathBuf>,
    /// blockIO.weight
    #[arg(long)]
    pub(crate) blkio_weight: Option<u64>,
    /// cpu.period, in microseconds
    #[arg(long)]
    pub(crate) cpu_period: Option<u64>,
    /// cpu.quota, in microseconds per period; -1 is unlimited
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cpu_quota: Option<i64>,
    /// cpu.burst, in microseconds
    #[arg(long)]
    pub(crate) cpu_burst: Option<u64>,
    /// cpu.shares
    #[arg(long, alias = "cpu-shares")]
    pub(crate) cpu_share: Option<u64>,
    /// cpu.idle
    #[arg(long)]
    pub(crate) cpu_idle: Option<i64>,
    /// cpu.realtimePeriod, in microseconds
    #[arg(long)]
    pub(crate) cpu_rt_period: Option<u64>,
    /// cpu.realtimeRuntime, in microseconds
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cpu_rt_runtime: Option<i64>,
    /// cpu.cpus
    #[arg(long)]
    pub(crate) cpuset_cpus: Option<String>,
    /// cpu.mems
    #[arg(long)]
    pub(crate) cpuset_mems: Option<String>,
    /// memory.limit, in bytes or with a suffix such as 64m; -1 is unlimited
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) memory: Option<String>,
    /// memory.reservation
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) memory_reservation: Option<String>,
    /// memory.swap: memory and swap together; -1 is unlimited
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) memory_swap: Option<String>,
    /// memory.kernel: kernels no longer limit it
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub(crate) kernel_memory: Option<String>,
    /// memory.kernelTCP: kernels no longer limit it
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub(crate) kernel_memory_tcp: Option<String>,
    /// pids.limit; -1 is unlimited
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) pids_limit: Option<i64>,
    /// intelRdt.l3CacheSchema
    #[arg(long)]
    pub(crate) l3_cache_schema: Option<String>,
    /// intelRdt.memBwSchema
    #[arg(long)]
    pub(crate) mem_bw_schema: Option<String>,
    /// Name of the container
    pub(crate) id: String,
}

#[derive(Args)]
pub(crate) struct Spec {
    /// Directory to write config.json to
    #[arg(short, long, default_value = ".")]
    pub(crate) bundle: PathBuf,
    /// One that this user can run without privileges
    #[arg(long)]
    pub(crate) rootless: bool,
}

#[derive(Args)]
pub(crate) struct Plan {
    /// Directory with config.json
    #[arg(short, long, default_value = ".")]
    pub(crate) bundle: PathBuf,
}
