//! Our own launcher, in process.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use isolab_core::config::Violation;
use isolab_core::host::Host;
use isolab_core::launch::{self, Exit, Options};
use isolab_core::plan::{Mutation, Plan};
use isolab_reports::record;

use super::oci::Oci;
use super::{LIMIT, Launcher, Offer, Running, StartError, Stdio};
use crate::bundle::{Bundle, LoadError};

/// Launches through [`isolab_core`].
#[derive(Debug)]
pub struct Core {
    host: Host,
    /// Its command line, where that was built too.
    runtime: Option<Oci>,
    mutations: Vec<Mutation>,
}

impl Core {
    /// For this host.
    #[must_use]
    pub fn new(host: &Host) -> Core {
        let runtime = super::in_path("isolab-runtime").map(|path| Oci::new("core", path));
        Core { host: host.clone(), runtime, mutations: Vec::new() }
    }
}

impl Launcher for Core {
    fn name(&self) -> &'static str {
        "core"
    }

    fn describe(&self) -> record::Launcher {
        record::Launcher { name: "core".into(), version: Some(env!("CARGO_PKG_VERSION").into()), path: None }
    }

    fn lifecycle(&self) -> Option<&Oci> {
        self.runtime.as_ref()
    }

    fn mutant(&self, mutations: &[Mutation]) -> Option<Box<dyn Launcher>> {
        let (host, runtime, mutations) = (self.host.clone(), self.runtime.clone(), mutations.to_vec());
        Some(Box::new(Core { host, runtime, mutations }))
    }

    /// What is not offered is refused by name when the config is read.
    fn offers(&self, feature: &str) -> Offer {
        if feature == "init" { super::no_init() } else { Offer::Offered }
    }

    fn start(&self, bundle: &Bundle, id: &str, stdio: Stdio) -> Result<Box<dyn Running>, StartError> {
        let system = |operation| move |source| StartError::System { operation, source };
        let stderr = File::create(bundle.stderr()).map_err(system("make the file for standard error"))?;
        let config = bundle.load(id).map_err(refusal)?;
        let plan =
            Plan::compile(&config, &self.host).map_err(|error| StartError::Refused(error.to_string()))?;
        if !plan.gaps.is_empty() {
            return Err(StartError::NotOffered(plan.gaps.join("; ")));
        }
        let mutated = |plan: Plan, mutation| plan.mutated(mutation);
        let plan = self.mutations.iter().try_fold(plan, mutated);
        let plan = plan.map_err(|error| StartError::NotOffered(error.to_string()))?;
        let options = Options::new([stdio.stdin.as_fd(), stdio.stdout.as_fd(), stderr.as_fd()]);
        let container =
            launch::launch(&plan, &options).map_err(|error| StartError::Refused(error.to_string()))?;
        Ok(Box::new(Container(container)))
    }

    fn run(&self, bundle: &Bundle, id: &str) -> Result<(), StartError> {
        let system = |operation| move |source| StartError::System { operation, source };
        let null =
            File::options().read(true).write(true).open("/dev/null").map_err(system("open /dev/null"))?;
        let null = || null.try_clone().map(Into::into).map_err(system("duplicate a descriptor"));
        let mut container = self.start(bundle, id, Stdio::plain(null()?, null()?))?;
        let exit = container.wait(LIMIT).map_err(system("wait for the container"))?;
        container.remove().map_err(system("remove the container"))?;
        match exit {
            Some(Exit::Code(0)) => Ok(()),
            Some(exit) => Err(StartError::Refused(format!("the container ended with {exit:?}"))),
            None => Err(StartError::Hang),
        }
    }
}

/// A config that asks for nothing worse than what is still to come is not broken, it is not offered.
fn refusal(error: LoadError) -> StartError {
    match error {
        LoadError::Violations(violations) if violations.0.iter().all(Violation::is_not_yet) => {
            StartError::NotOffered(violations.to_string())
        }
        other => StartError::Refused(other.to_string()),
    }
}

struct Container(launch::Container);

impl Running for Container {
    fn pid(&self) -> i32 {
        self.0.pid()
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<Option<Exit>> {
        self.0.wait(Some(timeout)).map_err(io::Error::other)
    }

    fn kill(&mut self) -> io::Result<()> {
        self.0.kill().map_err(io::Error::other)
    }

    fn remove(self: Box<Self>) -> io::Result<()> {
        self.0.remove().map_err(io::Error::other)
    }
}
