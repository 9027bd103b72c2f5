//! A bundle, up to where its name is claimed and only the launch is missing.

use std::path::PathBuf;

use isolab_core::cgroup::{Group, Resources};
use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::oci;
use isolab_core::plan::Plan;
use isolab_core::state::{Entry, Identity, State};

use crate::arguments::Bundle;
use crate::failure::Failure;
use crate::{Context, descriptors};

/// What is launched.
pub(crate) struct Prepared {
    pub(crate) config: Config,
    pub(crate) plan: Plan,
    pub(crate) state: State,
    pub(crate) entry: Entry,
    pub(crate) preserve_fds: u32,
}

/// Reads, checks and plans, all of which leaves nothing behind; then claims the name and notes what is about to be made.
pub(crate) fn prepare(context: &Context, given: &Bundle, watcher: i32) -> Result<Prepared, Failure> {
    let oci::Loaded { spec, left_out, bytes } = oci::load(&given.bundle.join("config.json"))?;
    for name in left_out {
        context.log.warn(&name);
    }
    let bundle = std::fs::canonicalize(&given.bundle)
        .map_err(|error| Failure::context(&given.bundle.display().to_string(), error))?;
    let mut config = Config::new(&spec, &bundle, &given.id)?;
    let preserve_fds = descriptors::preserved(&mut config, given.preserve_fds)?;
    config.root.no_pivot = given.no_pivot;
    config.process.keeps_keyring = given.no_new_keyring;
    group_everywhere(&mut config);
    let plan = Plan::compile(&config, &Host::probe_for(&config))?;
    check_gaps(context, &plan, given.allow_partial)?;
    let entry = context.store.claim(&given.id)?;
    let noted = note(&spec, &config, bundle, &plan, watcher, &entry).and_then(|state| {
        entry.write_config(&bytes)?;
        Ok(state)
    });
    match noted {
        Ok(state) => Ok(Prepared { config, plan, state, entry, preserve_fds }),
        Err(failure) => Err(undo(entry, failure)),
    }
}

/// A container that is launched from here has a group in every hierarchy, with limits or without: commands find all of its
/// processes by it and freeze them, and engines read what it uses. A user who may make none launches it without.
pub(crate) fn group_everywhere(config: &mut Config) {
    let path = Group::default_path(&config.id);
    let none = Group { path, resources: Resources::default(), everywhere: true };
    config.cgroup.get_or_insert(none).everywhere = true;
}

/// The first thing that is written: who is at work.
fn note(
    spec: &oci::Spec,
    config: &Config,
    bundle: PathBuf,
    plan: &Plan,
    watcher: i32,
    entry: &Entry,
) -> Result<State, Failure> {
    let mut state = State::new(spec, config, bundle, &plan.directories)
        .map_err(|error| Failure::context("read /proc/self/stat", error))?;
    state.watcher = Identity::of(watcher);
    entry.write(&state)?;
    Ok(state)
}

fn check_gaps(context: &Context, plan: &Plan, accepted: bool) -> Result<(), Failure> {
    for note in &plan.notes {
        context.log.debug(note);
    }
    if plan.gaps.is_empty() {
        return Ok(());
    }
    if !accepted {
        return Err(isolab_core::launch::Error::Gaps(plan.gaps.clone()).into());
    }
    for gap in &plan.gaps {
        context.log.warn(&format!("not enforced: {gap}"));
    }
    Ok(())
}

/// Frees the name again after what went wrong.
pub(crate) fn undo(entry: Entry, failure: Failure) -> Failure {
    match entry.remove() {
        Ok(()) => failure,
        Err(error) => Failure { message: format!("{}; and then: {error}", failure.message), ..failure },
    }
}
