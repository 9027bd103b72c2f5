//! `exec`: another process in a running container, with the posture of its first one.

use std::path::{Component, Path};

use isolab_core::cgroup::Directory;
use isolab_core::config::Config;
use isolab_core::oci;
use isolab_core::state::{State, Status};
use serde_json::{Value, json};

use crate::arguments::Exec;
use crate::engine::{self, Wiring};
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::wait::Signals;
use crate::{Context, descriptors};

/// runc's status for what went wrong before the process was executed.
const FAILED: u8 = 255;

pub(crate) fn exec(context: &Context, given: &Exec) -> Result<u8, Failure> {
    perform(context, given).map_err(|failure| match failure.status {
        1 => Failure { status: FAILED, ..failure },
        _ => failure,
    })
}

fn perform(context: &Context, given: &Exec) -> Result<u8, Failure> {
    let (entry, state) = context.store.find(&given.id)?;
    match state.status(&entry) {
        Status::Running | Status::Created => {}
        Status::Paused if given.ignore_paused => {}
        Status::Paused => {
            return Err(Failure::new("cannot exec in a paused container (use --ignore-paused to override)"));
        }
        status => {
            return Err(Failure::new(format!("cannot exec in a {status} container: it is not running")));
        }
    }
    let mut config = config(&entry.config()?, given, &state)?;
    let preserve_fds = descriptors::preserved(&mut config, given.preserve_fds)?;
    let directories = directories(&state, &given.cgroup)?;
    let signals = if given.detach { None } else { Some(Signals::block()?) };
    let wanted = config.process.terminal.is_some();
    let mut terminal = Terminal::new(given.console_socket.as_deref(), wanted, given.detach)?;
    let wiring = Wiring {
        console: terminal.socket(),
        preserve_fds,
        accept_gaps: true,
        patience: engine::patience(&config.hooks),
    };
    let mut container = engine::exec(&config, &state, directories, &wiring, given.detach)?;
    if let Some(path) = &given.pid_file {
        descriptors::write_pid(path, container.pid())?;
    }
    let Some(signals) = signals else {
        // Dropped, it would be killed.
        std::mem::forget(container);
        return Ok(0);
    };
    terminal.take_over()?;
    signals.wait(&mut container, &terminal)
}

/// The container's own config, with another process.
fn config(stored: &[u8], given: &Exec, state: &State) -> Result<Config, Failure> {
    let invalid = |error| Failure::context("the container's config.json", error);
    let mut config: Value = serde_json::from_slice(stored).map_err(invalid)?;
    let process = match &given.process {
        Some(path) => read_process(path)?,
        None => change_process(config["process"].take(), given)?,
    };
    config["process"] = process;
    // What the container did not have it cannot have now; hooks are for its first process alone.
    if let Some(config) = config.as_object_mut() {
        config.remove("hooks");
    }
    // What was left out of the first process is left out of this one.
    let (spec, _) = oci::parse_noting(&serde_json::to_vec(&config).map_err(invalid)?)?;
    Ok(Config::new(&spec, &state.bundle, &state.id)?)
}

fn read_process(path: &Path) -> Result<Value, Failure> {
    let failed = |error: serde_json::Error| Failure::context(&format!("--process {}", path.display()), error);
    serde_json::from_slice(&oci::content(path)?).map_err(failed)
}

/// The first process's, as the flags change it.
fn change_process(mut process: Value, given: &Exec) -> Result<Value, Failure> {
    if given.command.is_empty() {
        return Err(Failure::new("neither a command nor --process is given"));
    }
    process["args"] = json!(given.command);
    process["terminal"] = json!(given.tty);
    if let Some(cwd) = &given.cwd {
        process["cwd"] = json!(cwd);
    }
    extend(&mut process["env"], given.env.iter().map(|entry| json!(entry)));
    if given.no_new_privs {
        process["noNewPrivileges"] = json!(true);
    }
    if let Some(profile) = &given.apparmor {
        process["apparmorProfile"] = json!(profile);
    }
    if let Some(label) = &given.process_label {
        process["selinuxLabel"] = json!(label);
    }
    if !given.cap.is_empty() {
        for set in ["bounding", "effective", "permitted", "ambient"] {
            extend(&mut process["capabilities"][set], given.cap.iter().map(|name| json!(name)));
        }
    }
    if let Some(user) = &given.user {
        change_user(&mut process["user"], user)?;
    }
    extend(&mut process["user"]["additionalGids"], given.additional_gids.iter().map(|gid| json!(gid)));
    Ok(process)
}

/// Adds to a list that may not be there.
fn extend(list: &mut Value, more: impl Iterator<Item = Value>) {
    let mut all = list.as_array().cloned().unwrap_or_default();
    all.extend(more);
    *list = Value::Array(all);
}

fn change_user(user: &mut Value, asked: &str) -> Result<(), Failure> {
    let wrong = || Failure::new(format!("--user {asked}: not UID or UID:GID, both numbers"));
    let (uid, gid) = match asked.split_once(':') {
        Some((uid, gid)) => (uid, Some(gid)),
        None => (asked, None),
    };
    user["uid"] = json!(uid.parse::<u32>().map_err(|_| wrong())?);
    if let Some(gid) = gid {
        user["gid"] = json!(gid.parse::<u32>().map_err(|_| wrong())?);
    }
    Ok(())
}

/// The container's groups, or the ones below them that are asked for: in all hierarchies, or in some.
fn directories(state: &State, asked: &[String]) -> Result<Vec<Directory>, Failure> {
    let mut directories = state.groups.clone();
    for asked in asked {
        let (controllers, path) = match asked.split_once(':') {
            Some((controllers, path)) => (Some(controllers), path),
            None => (None, asked.as_str()),
        };
        let path = Path::new(path.trim_start_matches('/'));
        if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(Failure::new(format!("--cgroup {asked}: leads out of the container's group")));
        }
        let meant = |directory: &&mut Directory| match controllers {
            None => true,
            Some(names) => names.split(',').any(|name| directory.controllers.iter().any(|has| has == name)),
        };
        for directory in directories.iter_mut().filter(meant) {
            directory.path.push(path);
            if !directory.path.is_dir() {
                let place = directory.path.display();
                return Err(Failure::new(format!("--cgroup {asked}: there is no group {place}")));
            }
        }
    }
    Ok(directories)
}
