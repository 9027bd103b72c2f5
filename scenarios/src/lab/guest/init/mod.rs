//! What runs in a guest as its first process: it prepares the machine, runs the job's commands, and powers off.
//!
//! What cannot be prepared is said and gone without, because a scenario that needs it says so itself. Only what makes
//! the job impossible ends it at once, and is said on the console.

mod mounts;
mod prepare;
mod root;
mod run;

use std::fs;
use std::panic;
use std::path::Path;

use isolab_core::sys::{clock, init, process};

use super::job::{self, Job, Message};
use super::wire::Wire;
use crate::progress::say;

/// How the kernel calls an init in an initramfs, see `rdinit=` of `kernel-parameters`.
pub const NAME: &str = "/init";

/// The whole life of the guest.
pub fn main() -> ! {
    match panic::catch_unwind(live) {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => say(&format!("isolab: the guest gives up: {problem}")),
        // The panic has said itself on the console.
        Err(_) => say("isolab: the guest gives up"),
    }
    init::sync();
    let errno = init::power_off();
    say(&format!("isolab: cannot power off: {errno}"));
    // The end of init is a kernel panic, at which QEMU ends too.
    process::exit(1)
}

fn live() -> Result<(), String> {
    root::move_to_tmpfs()?;
    let mut problems = mounts::basic();
    let job = fs::read(job::PATH).map_err(|error| format!("cannot read {}: {error}", job::PATH))?;
    let job: Job =
        serde_json::from_slice(&job).map_err(|error| format!("cannot read {}: {error}", job::PATH))?;
    let cut = |error| format!("cannot send: {error}");
    let mut wire = Wire::open().map_err(cut)?;
    problems.extend(prepare::all(&job));
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    wire.say(&Message::Ready { release: release.trim().to_owned(), problems }).map_err(cut)?;
    let disk = job.disk && Path::new(prepare::DISK_TMP).is_dir();
    clock::sleep_until(clock::monotonic() + u64::from(job.delay) * 1000);
    for (number, command) in job.commands.iter().enumerate() {
        wire.say(&Message::Begun { command: number }).map_err(cut)?;
        let run::Ended { end, stdout, stderr } = run::run(command, disk);
        wire.say(&Message::Ended { command: number, end, stdout, stderr }).map_err(cut)?;
    }
    wire.say(&Message::Done).map_err(cut)
}
