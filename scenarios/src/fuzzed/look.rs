//! One input on one launcher: launched, looked at from outside and inside, ended, and held against what was asked for.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::launch::Exit;
use isolab_core::observe::{self, Enforced, Observation};
use isolab_core::sys::{Errno, process};
use serde::Serialize;
use serde_json::Value;

use super::acts::{self, Hand};
use super::ground::{Ground, ID};
use super::input::Input;
use super::puppet::Puppet;
use super::{Outside, model};
use crate::bundle::Bundle;
use crate::diff;
use crate::launcher::{Launcher, Running, StartError, Stdio};

/// What came of an input.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// The launcher.
    pub launcher: String,
    /// Why it was not launched.
    pub refused: Option<String>,
    /// What was asked for and not got, or left.
    pub missing: Vec<String>,
    /// What the container was like, as `isolab diff` says it, and what came of its acts.
    pub facts: BTreeMap<String, String>,
}

/// A container of any launcher.
struct Container(Box<dyn Running>);

impl Hand for Container {
    fn signal(&mut self, signal: i32) -> io::Result<()> {
        match process::pidfd_open(self.0.pid()).and_then(|pidfd| process::signal(&pidfd, signal)) {
            // It has ended already, and how is looked at next.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(io::Error::from_raw_os_error(errno.into_raw())),
        }
    }

    fn ended(&mut self, within: Duration) -> io::Result<Option<Exit>> {
        self.0.wait(within)
    }
}

/// Launches and looks. Whatever is not as asked is in what is returned.
///
/// # Errors
/// When the place or the container cannot be read.
pub fn look(ground: &Ground, launcher: &dyn Launcher, input: &Input) -> io::Result<Found> {
    let spec = ground.spec(input, ID);
    let bundle = ground.written(&spec)?;
    let mut found = Found { launcher: launcher.name().to_owned(), ..Found::default() };
    let (stdin, orders) = io::pipe()?;
    let (answers, stdout) = io::pipe()?;
    match launcher.start(&bundle, ID, Stdio::plain(OwnedFd::from(stdin), OwnedFd::from(stdout))) {
        Ok(container) => {
            let puppet = Puppet::new(OwnedFd::from(orders), OwnedFd::from(answers));
            let mut container = Container(container);
            let looked = looked(&mut container, puppet, (input, &spec, &bundle), ground.host(), &mut found);
            container.0.remove()?;
            looked?;
        }
        Err(StartError::Refused(reason) | StartError::NotOffered(reason)) => found.refused = Some(reason),
        Err(StartError::Hang) => {
            found.refused = Some(StartError::Hang.to_string());
            found.missing.push(StartError::Hang.to_string());
        }
        Err(StartError::System { operation, source }) => {
            return Err(io::Error::new(source.kind(), format!("{operation}: {source}")));
        }
    }
    // What the launchers write beside the root file system is theirs.
    found.missing.extend(ground.left()?.into_iter().map(|line| format!("left: {line}")));
    Ok(found)
}

fn looked(
    container: &mut Container,
    mut puppet: Puppet,
    (input, spec, bundle): (&Input, &Value, &Bundle),
    host: &Host,
    found: &mut Found,
) -> io::Result<()> {
    let own = Outside::of("thread-self")?;
    let observed = Observation::of(super::own_thread(), &host.cgroups).map_err(io::Error::other)?;
    model::inside::greet(&mut puppet)?;
    let pid = container.0.pid();
    found.missing.extend(model::compare(spec, &Outside::of(&pid.to_string())?, &own));
    found.missing.extend(model::groups(spec, host));
    found.missing.extend(model::inside::ask(&mut puppet, spec)?);
    found.missing.extend(enforced(pid, bundle, host, &observed)?);
    found.facts = diff::facts_of(pid, &observed, host).map_err(io::Error::other)?;
    let outcomes = acts::perform(&mut puppet, &input.acts)?;
    let exit = acts::end(&mut puppet, input.end, container)?;
    let (asked, asked_exit) = acts::foretold(input, spec);
    if outcomes != asked || exit.status() != asked_exit.status() {
        found
            .missing
            .push(format!("the workload: asked {asked:?}, {asked_exit:?}, got {outcomes:?}, {exit:?}"));
    }
    for (nth, outcome) in outcomes.iter().enumerate() {
        found.facts.insert(format!("act {} {:?}", nth + 1, input.acts[nth]), format!("{outcome:?}"));
    }
    // As a shell says it, which is all that launchers with a command line tell.
    found.facts.insert("exit".into(), exit.status().to_string());
    Ok(())
}

/// What the core's own comparison says.
fn enforced(pid: i32, bundle: &Bundle, host: &Host, own: &Observation) -> io::Result<Vec<String>> {
    let Ok(config) = bundle.load(ID) else { return Ok(Vec::new()) };
    let mut seen = Observation::of(pid, &host.cgroups).map_err(io::Error::other)?;
    seen.read_sysctls(pid, &config);
    Ok(match observe::compare(&config, host, own, &seen) {
        Enforced::Enforced => Vec::new(),
        Enforced::Partial { missing } | Enforced::NotEnforced { missing } => {
            missing.into_iter().map(|line| format!("as `isolab check` sees it: {line}")).collect()
        }
    })
}
