//! `isolab run --from-fuzz`: an input on several launchers, what each made of it, and how long its launches take.

use std::io;
use std::time::Instant;

use isolab_core::host::Host;
use serde::Serialize;

use super::ground::{Ground, ID};
use super::input::{End, Input};
use super::look::{Found, look};
use super::puppet;
use crate::cancel::{Cancel, Cancelled};
use crate::diff::{self, Comparison};
use crate::launcher::Launcher;

/// Nanoseconds of whole launches, from the beginning to the removal.
#[derive(Debug, Serialize)]
pub struct Times {
    /// The launcher.
    pub launcher: String,
    /// One a launch, in the order in which they were taken.
    pub nanoseconds: Vec<u64>,
    /// Why there are no more.
    pub stopped: Option<String>,
}

/// What came of an input.
#[derive(Debug, Serialize)]
pub struct Replay {
    /// Launcher by launcher.
    pub found: Vec<Found>,
    /// How those differ that launched it.
    pub between: Comparison,
    /// How long it takes, where that was asked for.
    pub times: Vec<Times>,
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// This machine has no code for the workload.
    #[error("fuzz inputs are launched with a workload that there is for x86_64 alone")]
    Machine,
    /// The system refused something.
    #[error("{operation}: {source}")]
    System {
        /// What was tried.
        operation: String,
        /// The system's error.
        source: io::Error,
    },
    /// The facts could not be compared.
    #[error(transparent)]
    Compare(#[from] diff::Error),
}

fn system(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let operation = operation.into();
    move |source| Error::System { operation, source }
}

/// Launches an input with each launcher, and then so many times more to be timed, in turns.
///
/// # Errors
/// When the place cannot be made or a container cannot be read.
pub fn replay(
    input: &Input,
    launchers: &[Box<dyn Launcher>],
    (host, cancel): (&Host, &Cancel),
    rounds: usize,
) -> Result<Replay, Error> {
    if !puppet::is_there() {
        return Err(Error::Machine);
    }
    let replayed = super::staged(host, |_| -> Result<_, Error> {
        let ground = Ground::new(host).map_err(system("make a place to launch in"))?;
        let mut found = Vec::new();
        for launcher in launchers {
            cancel.check()?;
            found.push(look(&ground, launcher.as_ref(), input).map_err(system(launcher.name()))?);
        }
        let times = times(&ground, launchers, input, cancel, rounds)?;
        Ok((found, times))
    });
    let (found, times) = replayed.map_err(system("enter namespaces of isolab's own"))??;
    let launched = found.iter().filter(|one| one.refused.is_none());
    let (names, facts): (Vec<_>, Vec<_>) =
        launched.map(|one: &Found| (one.launcher.clone(), one.facts.clone())).unzip();
    let refused = found.iter().filter_map(|one| Some((one.launcher.clone(), one.refused.clone()?))).collect();
    let between = diff::compare(names, &facts, refused)?;
    Ok(Replay { found, between, times })
}

/// The config's launches, with a workload that ends at once.
fn times(
    ground: &Ground,
    launchers: &[Box<dyn Launcher>],
    input: &Input,
    cancel: &Cancel,
    rounds: usize,
) -> Result<Vec<Times>, Error> {
    if rounds == 0 {
        return Ok(Vec::new());
    }
    let quiet = Input { acts: Vec::new(), end: End::Silence, ..input.clone() };
    let bundle = ground.written(&ground.spec(&quiet, ID)).map_err(system("write a bundle"))?;
    let names = launchers.iter().map(|launcher| launcher.name().to_owned());
    let none = |launcher| Times { launcher, nanoseconds: Vec::new(), stopped: None };
    let mut all: Vec<Times> = names.map(none).collect();
    for _ in 0..rounds {
        for (launcher, times) in launchers.iter().zip(&mut all).filter(|(_, times)| times.stopped.is_none()) {
            cancel.check()?;
            let begun = Instant::now();
            match launcher.run(&bundle, ID) {
                Ok(()) => {
                    times.nanoseconds.push(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
                }
                Err(error) => times.stopped = Some(error.to_string()),
            }
            ground.left().map_err(system("look for what is left"))?;
        }
    }
    Ok(all)
}
