//! The OCI command line over isolab-core: runc's commands, flags and exit statuses, so that engines can use it.

mod arguments;
mod bundle;
mod create;
mod delete;
mod descriptors;
mod engine;
mod events;
mod exec;
mod failure;
mod features;
mod kill;
mod list;
mod log;
mod output;
mod pause;
mod plan;
mod ps;
mod recover;
mod run;
mod spec;
mod start;
mod state;
mod terminal;
mod time;
mod update;
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;

use isolab_core::oci;
use isolab_core::state::Store;
use isolab_core::sys::signal;

use arguments::{Arguments, Command, Global};
use failure::Failure;
use log::Log;

/// What every command needs.
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) log: Log,
}

fn main() -> ExitCode {
    let sealed = if seals() { isolab_core::launch::seal() } else { Ok(()) };
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to standard output, the rest to standard error; where neither can be written nobody reads it.
            drop(error.print());
            // 1 as runc; clap's own 2 is a workload's to give.
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    let log = match Log::open(&arguments.global) {
        Ok(log) => log,
        Err(failure) => {
            log::say(&failure.message);
            return ExitCode::from(failure.status);
        }
    };
    let context = Context { store: Store::new(root(&arguments.global)), log };
    // A caller may have ignored the one; the other would end this in the middle of a write where files may not be large
    // (setrlimit(2), RLIMIT_FSIZE), which is an error of the write then.
    let signals = signal::reset_disposition(signal::CHILD)
        .and_then(|()| signal::ignore(signal::FILE_SIZE))
        .map_err(|errno| Failure::context("sigaction", errno));
    let ready = sealed.map_err(Failure::from).and(signals).and_then(|()| check(&arguments.global));
    let done = ready.and_then(|()| perform(&context, arguments));
    match done {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            context.log.error(&failure.message);
            ExitCode::from(failure.status)
        }
    }
}

/// Whether this may become a launch, which is to run from where nobody can write to it. That is seen before the arguments are read,
/// or they would be read twice. A container of such a name costs another command no more than time.
fn seals() -> bool {
    std::env::args_os().skip(1).any(|word| word == "run" || word == "exec" || word == "create")
}

/// Refuses what cannot be honoured.
fn check(global: &Global) -> Result<(), Failure> {
    if global.systemd_cgroup {
        return Err(Failure::new(
            "--systemd-cgroup: groups are made without systemd here; have the engine use the cgroup manager cgroupfs",
        ));
    }
    match global.rootless.as_deref() {
        None | Some("true" | "false" | "auto" | "1" | "0") => Ok(()),
        Some(other) => Err(Failure::new(format!("--rootless {other}: neither true nor false nor auto"))),
    }
}

/// Where the state of all containers is.
fn root(global: &Global) -> PathBuf {
    if let Some(root) = &global.root {
        return root.clone();
    }
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty()) {
        Some(directory) if !is_root() => PathBuf::from(directory).join("isolab"),
        _ => PathBuf::from("/run/isolab"),
    }
}

/// Whether this is the machine's root: an engine without privileges is user 0 in a user namespace of its own, where the
/// first line of the map is not that of the initial one (`user_namespaces(7)`).
fn is_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let initial = map.split_whitespace().eq(["0", "0", "4294967295"]);
    isolab_core::sys::credential::uid() == 0 && (initial || map.is_empty())
}

fn perform(context: &Context, arguments: Arguments) -> Result<u8, Failure> {
    if arguments.global.version {
        return version();
    }
    let done = match arguments.command {
        None => Err(Failure::new("no command is given; see --help")),
        Some(Command::Run(given)) => return run::run(context, &given),
        Some(Command::Exec(given)) => return exec::exec(context, &given),
        Some(Command::Create(given)) => create::create(context, &given.bundle),
        Some(Command::Start(given)) => start::start(context, &given.id),
        Some(Command::State(given)) => state::state(context, &given.id),
        Some(Command::Kill(given)) => kill::kill(context, &given),
        Some(Command::Delete(given)) => delete::delete(context, &given),
        Some(Command::Ps(given)) => ps::ps(context, &given),
        Some(Command::List(given)) => list::list(context, &given),
        Some(Command::Events(given)) => events::events(context, &given),
        Some(Command::Pause(given)) => pause::pause(context, &given.id),
        Some(Command::Resume(given)) => pause::resume(context, &given.id),
        Some(Command::Update(given)) => update::update(context, &given),
        Some(Command::Recover) => recover::recover(context),
        Some(Command::Features) => features::features(),
        Some(Command::Spec(given)) => spec::spec(&given),
        Some(Command::Plan(given)) => plan::plan(&given.bundle),
    };
    done.map(|()| 0)
}

/// Lines that engines look for: the name with the version, the commit, the runtime-spec.
fn version() -> Result<u8, Failure> {
    let commit = option_env!("ISOLAB_REVISION").unwrap_or("unknown");
    let (version, spec) = (env!("CARGO_PKG_VERSION"), oci::VERSIONS[1]);
    output::print(&format!("isolab-runtime version {version}\ncommit: {commit}\nspec: {spec}\n")).map(|()| 0)
}
