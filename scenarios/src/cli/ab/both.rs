//! The two that are compared.

use std::path::{Path, PathBuf};

use isolab_core::host::Host;
use isolab_reports::record;
use isolab_scenarios::ab::Subject;
use isolab_scenarios::ab::launched::{Launched, Place};
use isolab_scenarios::ab::program::Program;
use isolab_scenarios::ab::revision::Worktree;
use isolab_scenarios::bundle::Bundle;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::edit::Edit;
use isolab_scenarios::launcher::{self, Launcher};
use isolab_scenarios::progress::say;
use serde::Deserialize;

use super::super::Failure;
use super::{Arguments, ended};

/// The two, ready to run.
pub(super) struct Both {
    names: [String; 2],
    subject: String,
    what: What,
    /// Worktrees that the programs are in.
    _trees: Vec<Worktree>,
}

enum What {
    Launchers(Box<Launchers>),
    Programs([PathBuf; 2]),
}

struct Launchers {
    launchers: [Box<dyn Launcher>; 2],
    bundles: [Bundle; 2],
    /// Dropped last: the bundles are in it.
    _place: Place,
}

impl Both {
    /// Finds them, and builds what has to be built.
    pub(super) fn of(arguments: &Arguments, host: &Host, cancel: &Cancel) -> Result<Both, Failure> {
        let of_launchers = !arguments.launcher.is_empty();
        let named = if of_launchers { &arguments.launcher } else { &arguments.program };
        if named.is_empty() {
            return Err(Failure::Input(
                "what is to be compared? --launcher, --program or --kernel; --help shows the forms".into(),
            ));
        }
        let trees = trees(arguments, cancel)?;
        let paths = paths(arguments, named, &trees)?;
        let mut names = [0, 1].map(|at| name(named, &trees, at));
        if let Some(edits) = (!arguments.edit.is_empty()).then(|| arguments.edit.join("; ")) {
            names[1] = format!("{} with {edits}", names[1]);
        }
        let what = if of_launchers {
            launchers(arguments, paths, host, cancel)?
        } else if arguments.config.is_some() {
            return Err(Failure::Input("a program's arguments come after --".into()));
        } else {
            What::Programs(paths.map(PathBuf::from))
        };
        let kind = if of_launchers { "launcher" } else { "program" };
        Ok(Both { subject: format!("{kind} {}", names[0]), names, what, _trees: trees })
    }

    /// What A is, as calibrations are kept for.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Their names, which may be the same.
    pub(super) fn names(&self) -> [&str; 2] {
        [&self.names[0], &self.names[1]]
    }

    /// Names for a record, which are not.
    pub(super) fn labels(&self) -> [String; 2] {
        let [a, b] = self.names();
        [format!("A: {a}"), format!("B: {b}")]
    }

    /// The launchers among them, for a record.
    pub(super) fn launchers(&self) -> Vec<record::Launcher> {
        match &self.what {
            What::Launchers(two) => two.launchers.iter().map(|launcher| launcher.describe()).collect(),
            What::Programs(_) => Vec::new(),
        }
    }

    /// Does something with both.
    pub(super) fn with<T>(
        &self,
        arguments: &Arguments,
        compare: impl FnOnce(&mut dyn Subject, &mut dyn Subject) -> T,
    ) -> T {
        let [a, b] = self.names();
        match &self.what {
            What::Launchers(two) => compare(
                &mut Launched::new(a, two.launchers[0].as_ref(), &two.bundles[0]),
                &mut Launched::new(b, two.launchers[1].as_ref(), &two.bundles[1]),
            ),
            What::Programs(paths) => compare(
                &mut Program::new(a, paths[0].clone(), &arguments.arguments),
                &mut Program::new(b, paths[1].clone(), &arguments.arguments),
            ),
        }
    }
}

/// The worktrees of two revisions, built; none without revisions.
fn trees(arguments: &Arguments, cancel: &Cancel) -> Result<Vec<Worktree>, Failure> {
    if arguments.revision.is_empty() {
        return Ok(Vec::new());
    }
    if arguments.revision.len() != 2 {
        return Err(Failure::Input("--revision wants two, such as main,HEAD".into()));
    }
    // Both are there before the first is built, which may take minutes.
    let trees: Result<Vec<Worktree>, _> =
        arguments.revision.iter().map(|revision| Worktree::new(revision)).collect();
    let trees = trees.map_err(Failure::input)?;
    for tree in &trees {
        say(&format!("isolab: `{}` in {} ({})", arguments.build, tree.revision, tree.commit));
        let built = tree.build(&arguments.build);
        cancel.check().map_err(|_| Failure::Interrupted)?;
        built.map_err(Failure::input)?;
    }
    Ok(trees)
}

/// Where the two are: as named, or inside the worktrees.
fn paths(arguments: &Arguments, named: &[String], trees: &[Worktree]) -> Result<[String; 2], Failure> {
    let pair = match (named, trees) {
        ([one], [a, b]) => [a, b].map(|tree| tree.path(Path::new(one)).display().to_string()),
        ([one], []) if !arguments.edit.is_empty() || arguments.calibrate => [one.clone(), one.clone()],
        ([a, _], []) if arguments.calibrate => [a.clone(), a.clone()],
        ([a, b], []) => [a.clone(), b.clone()],
        (_, [..]) if !trees.is_empty() => {
            return Err(Failure::Input(
                "--revision wants one --launcher or --program, a path in both".into(),
            ));
        }
        _ => {
            return Err(Failure::Input(
                "two are compared, such as ./old,./new; one alone goes with --edit, --revision or --calibrate"
                    .into(),
            ));
        }
    };
    Ok(pair)
}

/// What one of the two is called.
fn name(named: &[String], trees: &[Worktree], at: usize) -> String {
    match trees.get(at) {
        Some(tree) => tree.revision.clone(),
        None => named.get(at).or(named.first()).cloned().unwrap_or_default(),
    }
}

fn launchers(
    arguments: &Arguments,
    paths: [String; 2],
    host: &Host,
    cancel: &Cancel,
) -> Result<What, Failure> {
    let find = |path: &String| launcher::named(path, host).map_err(Failure::Input);
    let launchers = [find(&paths[0])?, find(&paths[1])?];
    let edits = arguments.edit.iter().map(|text| edit(text)).collect::<Result<Vec<Edit>, _>>()?;
    let place = ended(Place::new(host), cancel)?;
    let bundle = |name, edits: &[Edit]| {
        let made = match arguments.config.as_deref() {
            Some(config) => place.bundle(name, config, edits),
            None => place.plain(name, host, edits),
        };
        made.map_err(Failure::input)
    };
    let bundles = [bundle("a", &[])?, bundle("b", &edits)?];
    Ok(What::Launchers(Box::new(Launchers { launchers, bundles, _place: place })))
}

/// An edit, as a scenario file writes it.
fn edit(text: &str) -> Result<Edit, Failure> {
    let wrong = |error: toml::de::Error| Failure::Input(format!("--edit {text}: {}", error.message()));
    // `set = "…", to = …` on a line of its own is an inline table without its braces.
    let table = toml::from_str::<toml::Table>(&format!("edit = {{ {text} }}")).map_err(wrong)?;
    let value = table.into_iter().next().map(|(_, value)| value);
    Edit::deserialize(value.unwrap_or(toml::Value::Boolean(false))).map_err(wrong)
}
