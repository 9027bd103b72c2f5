//! Our own launcher, in process.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use isolab_core::config::Violation;
use isolab_core::host::Host;
use isolab_core::launch::{self, Exit, Options};
use isolab_core::plan::Plan;
use isolab_reports::record;

use super::{LIMIT, Launcher, Offer, Running, StartError, Stdio};
use crate::bundle::{Bundle, LoadError};

/// Launches through [`isolab_core`].
#[derive(Debug)]
pub struct Core {
    host: Host,
}

impl Core {
    /// For this host.
    #[must_use]
    pub fn new(host: &Host) -> Core {
        Core { host: host.clone() }
    }
}

impl Launcher for Core {
    fn name(&self) -> &'static str {
        "core"
    }

    fn describe(&self) -> record::Launcher {
        record::Launcher { name: "core".into(), version: Some(env!("CARGO_PKG_VERSION").into()), path: None }
    }

    /// What is not offered is refused by name when the config is read.
    fn offers(&self, _feature: &str) -> Offer {
        Offer::Offered
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
        let mut container = self.start(bundle, id, Stdio { stdin: null()?, stdout: null()? })?;
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
