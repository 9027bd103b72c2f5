//! `isolab diff`: one config, what each launcher makes of it, side by side.
//!
//! The workload is the probe, bound over the config's own program, which changes one mount in the same way for all. What is
//! compared comes from the host's kernel while it lives (`isolab_core::observe`), from the probe where only the inside sees it,
//! and from the loaded seccomp filters, read back and run on every call without arguments.

mod explain;
mod facts;
mod filters;
mod outside;
mod render;

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use isolab_core::host::Host;
use isolab_core::observe::Observation;
use serde::Serialize;
use serde_json::{Value, json};

use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::check::{Answering, Mounted, make};
use crate::group::Groups;
use crate::launcher::{LIMIT, Launcher, StartError, Stdio};
use crate::probe::Answers;
use crate::progress::Progress;
use crate::scratch::Scratch;
use crate::stage;

pub use render::{markdown, text};

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The launchers that started it, in the order given.
    pub launchers: Vec<String>,
    /// Those that did not, and why.
    pub refused: BTreeMap<String, String>,
    /// How many facts they agree in.
    pub same: usize,
    /// The others.
    pub differences: Vec<Difference>,
}

/// A fact in which launchers differ.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Such as `mount /proc/keys`.
    pub fact: String,
    /// What it is, launcher by launcher; `None` where there is no such thing.
    pub values: Vec<Option<String>>,
    /// What the spec says of it, if that is known.
    pub says: Option<String>,
    /// Where.
    pub source: Option<String>,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config cannot be used.
    #[error("{0}")]
    Config(String),
    /// The system refused something.
    #[error("{operation}: {source}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// One's own catalogue.
    #[error(transparent)]
    Catalog(#[from] crate::schema::Error),
}

fn system(operation: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::System { operation, source }
}

/// Launches a config with each launcher and compares. `program` is the statically linked `isolab`.
///
/// # Errors
/// When the config cannot be read, or has no program in its root file system.
pub fn run(
    config: &Path,
    launchers: &[Box<dyn Launcher>],
    (program, host): (&Path, &Host),
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Comparison, Error> {
    let config = prepared(config, program)?;
    let done = stage::on_stage(host, |staged| on_stage(staged, &config, launchers, host, progress, cancel));
    done.map_err(system("enter namespaces of isolab's own"))?
}

fn on_stage(
    staged: bool,
    config: &Value,
    launchers: &[Box<dyn Launcher>],
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Comparison, Error> {
    let scratch = Scratch::new().map_err(system("make a scratch directory"))?;
    let groups = Groups::new(scratch.name(), host);
    let mut config = config.clone();
    let covered = if staged { cover(&mut config, &scratch)? } else { None };
    let own = isolab_core::observe::Observation::of(stage::own_thread(), &host.cgroups);
    let own = own.map_err(|error| Error::Config(error.to_string()))?;
    let (mut names, mut seen, mut refused) = (Vec::new(), Vec::new(), BTreeMap::new());
    progress.begin("launchers", launchers.len() as u64);
    for (index, launcher) in launchers.iter().enumerate() {
        progress.step(launcher.name());
        let id = format!("{}-{index}", launcher.name());
        let mut config = config.clone();
        if host.uid == 0 {
            config["linux"]["cgroupsPath"] = json!(groups.path_of(&id));
        }
        let bundle = Bundle::around(&scratch, &id, config).map_err(system("make a bundle"))?;
        bundle.write().map_err(system("write a bundle"))?;
        match look(launcher.as_ref(), &bundle, &id, (host, &own), cancel) {
            Ok(found) => {
                names.push(launcher.name().to_owned());
                seen.push(found);
            }
            Err(problem) => {
                refused.insert(launcher.name().to_owned(), problem);
            }
        }
    }
    progress.done();
    drop(covered);
    compare(names, &seen, refused)
}

/// Puts an overlay over the config's root, where there can be one: launchers make mount points that are missing, and they are
/// not to stay.
fn cover(config: &mut Value, scratch: &Scratch) -> Result<Option<Mounted>, Error> {
    let lower = config["root"]["path"].as_str().unwrap_or_default().to_owned();
    let covered = make::overlay(Path::new(&lower), scratch.path());
    if let Ok(mounted) = &covered {
        config["root"]["path"] = json!(mounted.path());
    }
    Ok(covered.ok())
}

/// The config with the probe for its program.
fn prepared(path: &Path, program: &Path) -> Result<Value, Error> {
    let file = if path.is_dir() { path.join("config.json") } else { path.to_owned() };
    let text = fs::read(&file).map_err(|error| Error::Config(format!("read {}: {error}", file.display())))?;
    let mut config: Value = serde_json::from_slice(&text)
        .map_err(|error| Error::Config(format!("{}: {error}", file.display())))?;
    let directory = fs::canonicalize(&file).and_then(|file| {
        file.parent().map(Path::to_owned).ok_or_else(|| std::io::Error::other("it is in no directory"))
    });
    let directory = directory.map_err(system("find the bundle's directory"))?;
    let root = directory.join(config["root"]["path"].as_str().unwrap_or("rootfs"));
    let covered = covered(&config, &root)?;
    config["root"]["path"] = json!(root);
    config["process"]["terminal"] = json!(false);
    let questions = json!({"diff": {"environ": {"environ": {}}, "devices": {"devices": {"path": "/dev"}},
        "hostname": {"hostname": {}}, "interfaces": {"interfaces": {}}}});
    config["process"]["args"] = json!([covered, "inside", "probe", questions.to_string()]);
    let bind = json!({"destination": covered, "type": "bind", "source": program, "options": ["bind", "ro"]});
    match config["mounts"].as_array_mut() {
        Some(mounts) => mounts.push(bind),
        None => config["mounts"] = json!([bind]),
    }
    Ok(config)
}

/// The config's program as a path in its root: a file that is there, so that nothing is made for the mount.
fn covered(config: &Value, root: &Path) -> Result<String, Error> {
    let name = config["process"]["args"][0].as_str().unwrap_or_default();
    let env = config["process"]["env"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let path = env
        .filter_map(|pair| pair.strip_prefix("PATH="))
        .next_back()
        .unwrap_or("/usr/local/bin:/usr/bin:/bin");
    let candidates: Vec<String> = if name.starts_with('/') {
        vec![name.to_owned()]
    } else {
        path.split(':').map(|directory| format!("{}/{name}", directory.trim_end_matches('/'))).collect()
    };
    let is_there = |path: &&String| fs::symlink_metadata(root.join(path.trim_start_matches('/'))).is_ok();
    candidates.iter().find(is_there).cloned().ok_or_else(|| {
        Error::Config(format!(
            "process.args[0] is {name:?}, and there is no such program below {}",
            root.display()
        ))
    })
}

/// Launches, looks, ends. What stands in the way is told in a line.
fn look(
    launcher: &dyn Launcher,
    bundle: &Bundle,
    id: &str,
    (host, own): (&Host, &Observation),
    cancel: &Cancel,
) -> Result<BTreeMap<String, String>, String> {
    let say = |error: std::io::Error| error.to_string();
    let (stdin, hold) = std::io::pipe().map_err(say)?;
    let (output, stdout) = std::io::pipe().map_err(say)?;
    let container = launcher.start(bundle, id, Stdio::plain(OwnedFd::from(stdin), OwnedFd::from(stdout)));
    let mut container = container.map_err(|error: StartError| error.to_string())?;
    let mut answering = Answering::stream(output.into());
    let answers = answering.next(cancel, LIMIT).map_err(|failure| failure.to_string());
    let seen = Observation::of(container.pid(), &host.cgroups).map_err(|error| error.to_string());
    let filters = filters::verdicts(container.pid());
    drop(hold);
    let ended = container.wait(LIMIT).map_err(say);
    container.remove().map_err(say)?;
    ended?;
    let answers: Answers = answers?
        .ok_or_else(|| "the workload ended without a word: does the config let a program run?".to_owned())?;
    let inside = answers.get("diff").cloned().unwrap_or_default();
    Ok(facts::all(&seen?, own, &inside, filters))
}

/// The facts of a container that is looked at from outside alone, whatever runs in it.
///
/// # Errors
/// One line, when it cannot be read.
pub(crate) fn facts_of(pid: i32, own: &Observation, host: &Host) -> Result<BTreeMap<String, String>, String> {
    let seen = Observation::of(pid, &host.cgroups).map_err(|error| error.to_string())?;
    let inside = outside::of(pid).map_err(|error| error.to_string())?;
    Ok(facts::all(&seen, own, &inside, filters::verdicts(pid)))
}

/// What differs in the facts of several launchers.
///
/// # Errors
/// Of one's own catalogue.
pub(crate) fn compare(
    launchers: Vec<String>,
    seen: &[BTreeMap<String, String>],
    refused: BTreeMap<String, String>,
) -> Result<Comparison, Error> {
    let explanations = explain::read()?;
    let all: std::collections::BTreeSet<&String> = seen.iter().flat_map(BTreeMap::keys).collect();
    let total = all.len();
    let mut differences = Vec::new();
    for fact in all {
        let values: Vec<Option<String>> = seen.iter().map(|facts| facts.get(fact).cloned()).collect();
        if values.windows(2).all(|pair| pair[0] == pair[1]) {
            continue;
        }
        let known = explain::find(&explanations, fact);
        let (says, source) = known.map(|one| (one.says.clone(), one.source.clone())).unzip();
        differences.push(Difference { fact: fact.clone(), values, says, source });
    }
    Ok(Comparison { launchers, refused, same: total - differences.len(), differences })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_with_what_the_spec_says() {
        let of =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let seen: Vec<BTreeMap<String, String>> =
            vec![of(&[("a", "1"), ("mount /proc/keys", "tmpfs")]), of(&[("a", "1")])];
        let compared = compare(vec!["x".into(), "y".into()], &seen, BTreeMap::new()).unwrap();
        assert_eq!((compared.same, compared.differences.len()), (1, 1));
        let one = &compared.differences[0];
        assert_eq!(one.values, [Some("tmpfs".to_owned()), None]);
        assert!(one.says.as_ref().unwrap().contains("masked"));
    }

    #[test]
    fn the_program_is_found_in_the_root() {
        let scratch = Scratch::new().unwrap();
        fs::create_dir_all(scratch.path().join("rootfs/usr/bin")).unwrap();
        fs::write(scratch.path().join("rootfs/usr/bin/sh"), "").unwrap();
        let config =
            json!({"process": {"args": ["sh"], "env": ["PATH=/bin:/usr/bin"]}, "root": {"path": "rootfs"}});
        fs::write(scratch.path().join("config.json"), config.to_string()).unwrap();
        let prepared = prepared(scratch.path(), Path::new("/isolab")).unwrap();
        assert_eq!(prepared["process"]["args"][0], "/usr/bin/sh");
        assert_eq!(prepared["mounts"][0]["destination"], "/usr/bin/sh");
        fs::remove_file(scratch.path().join("rootfs/usr/bin/sh")).unwrap();
        let error = super::prepared(scratch.path(), Path::new("/isolab")).unwrap_err().to_string();
        assert!(error.contains("no such program"), "{error}");
    }
}
