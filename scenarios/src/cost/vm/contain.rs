//! The bundle in a container of core's: on the host, and in the guest by the same code.

use std::fs;
use std::io::{PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::launch::Container;
use isolab_core::sys::process;
use serde_json::Value;

use super::look::Look;
use super::{FIRST, HOLD, ID, LAST};
use crate::cancel::Cancel;
use crate::progress::say;
use crate::ready::{self, Error, Ready};

/// How often a wait looks whether the run was asked to stop.
const TICK: Duration = Duration::from_millis(50);
/// An emulated guest takes some seconds for what a processor does in one.
const LIMIT: Duration = Duration::from_secs(60);

/// One run of the bundle.
pub(super) struct Contained {
    /// Nanoseconds from reading the config to the first byte that the workload printed.
    pub(super) first: u64,
    /// Nanoseconds from its last byte to the container's removal.
    pub(super) gone: u64,
    /// Asked against got.
    pub(super) enforced: String,
    /// What it saw.
    pub(super) look: Look,
}

/// Launches the bundle, hands the container to `waiting` while the workload waits, and calls `replied` when it has said all.
///
/// # Errors
/// When the launch or the workload fails, or the container is not what was asked for, or the run is to stop.
pub(super) fn run(
    (config, bundle, host): (&Value, &Path, &Host),
    waiting: &mut dyn FnMut(&Container) -> Result<(), Error>,
    replied: &mut dyn FnMut() -> Result<(), Error>,
    cancel: &Cancel,
) -> Result<Contained, Error> {
    let (stdin, mut go) = std::io::pipe().map_err(Error::io("make a pipe"))?;
    let (mut output, stdout) = std::io::pipe().map_err(Error::io("make a pipe"))?;
    let begun = Instant::now();
    let ready = Ready::new(config, bundle, ID, host)?;
    let container = ready.launch([stdin.as_fd(), stdout.as_fd(), stdout.as_fd()], false)?;
    // The workload has the other ends now; with ours open its death would not end the pipe.
    drop((stdin, stdout));
    let word = line(&mut output, cancel)?;
    let first = nanoseconds(begun);
    if word != "ready" {
        return Err(ended(&word));
    }
    let enforced = ready::enforced_or_not(ready.enforced(&container)?)?;
    waiting(&container)?;
    go.write_all(b"g").map_err(Error::io("start the workload"))?;
    let said = line(&mut output, cancel)?;
    let last = Instant::now();
    let look = serde_json::from_str(&said).map_err(|_| ended(&said))?;
    replied()?;
    let mut container = container;
    ready::expect_success(&mut container)?;
    container.remove()?;
    Ok(Contained { first, gone: nanoseconds(last), enforced, look })
}

fn ended(said: &str) -> Error {
    Error::Ended { what: "the workload".into(), how: format!("the words: {said}") }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A line of a pipe, or what there is of it at the pipe's end.
fn line(pipe: &mut PipeReader, cancel: &Cancel) -> Result<String, Error> {
    let begun = Instant::now();
    let (mut text, mut some) = (Vec::new(), [0; 4096]);
    while text.last() != Some(&b'\n') {
        cancel.check()?;
        if begun.elapsed() > LIMIT {
            return Err(Error::Late { what: "a line of the workload".into(), limit: LIMIT });
        }
        let polled = process::poll(&[pipe.as_fd()], Some(TICK));
        let system = |errno: isolab_core::sys::Errno| std::io::Error::from_raw_os_error(errno.into_raw());
        if polled.map_err(system).map_err(Error::io("wait for the workload"))?.is_none() {
            continue;
        }
        match pipe.read(&mut some).map_err(Error::io("read what the workload says"))? {
            0 => break,
            count => text.extend_from_slice(&some[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
}

/// `isolab inside contain BUNDLE`, in the guest: launches the host's bundle, says on the console when the workload's first and last
/// bytes have come, and prints what it saw.
#[must_use]
pub fn main(bundle: &str) -> ExitCode {
    let done = in_guest(Path::new(bundle)).map_err(|error| error.to_string());
    let printed = done.and_then(|look| serde_json::to_string(&look).map_err(|error| error.to_string()));
    match printed {
        Ok(look) => {
            println!("{look}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("isolab inside contain: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn in_guest(bundle: &Path) -> Result<Look, Error> {
    let path = bundle.join("config.json");
    let text = fs::read(&path).map_err(Error::io(format!("read {}", path.display())))?;
    let config = serde_json::from_slice(&text).map_err(std::io::Error::from).map_err(Error::io("parse"))?;
    let mut console =
        fs::File::options().write(true).open("/dev/console").map_err(Error::io("open /dev/console"))?;
    let mut tell = |word: &str| {
        console.write_all(format!("{word}\n").as_bytes()).map_err(Error::io("write to the console"))
    };
    let told = std::cell::RefCell::new(&mut tell);
    let mut waiting = |_: &Container| {
        (told.borrow_mut())(FIRST)?;
        thread::sleep(HOLD);
        Ok(())
    };
    let mut replied = || (told.borrow_mut())(LAST);
    let host = Host::probe();
    Ok(run((&config, bundle, &host), &mut waiting, &mut replied, &Cancel::new())?.look)
}
