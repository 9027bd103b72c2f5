//! One boot, from QEMU's start to its end.

use std::fs;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use isolab_reports::lab::record::PADDING;

use super::qemu::{Accelerator, Files, Paths, Qemu};
use super::starved::starved;
use crate::cancel::{Cancel, Cancelled};
use crate::lab::Error;
use crate::lab::equip::Patience;
use crate::lab::guest::{Message, wire};
use crate::lab::kernel::Kernel;
use crate::scratch::Scratch;

/// What to boot, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Boot<'b> {
    /// The program that becomes QEMU.
    pub isolab: &'b Path,
    /// The kernel.
    pub kernel: &'b Kernel,
    /// What it starts with.
    pub initramfs: &'b Path,
    /// Raw image of an ext4 file system.
    pub disk: Option<&'b Path>,
    /// What executes it.
    pub accelerator: Accelerator,
    /// Added to the kernel's command line.
    pub cmdline: &'b str,
    /// Bytes by which the kernel's command line is longer.
    pub padding: u32,
    /// A guest that is later hangs, the time left out that it waited for a CPU of the host.
    pub patience: Patience,
    /// Memory, in MiB.
    pub memory: u32,
}

/// A guest that runs, for whoever looks at it meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Alive<'a> {
    /// QEMU's process.
    pub pid: u32,
    /// Since its start.
    pub since: Duration,
    /// The kernel's log so far, where a guest's processes can write to.
    pub console: &'a Path,
}

/// Looks at a running guest, some hundred times a second.
pub type Watch<'w> = dyn FnMut(&Alive<'_>) + 'w;

/// What came of a boot.
#[derive(Debug, Clone, PartialEq)]
pub struct Booted {
    /// What the guest said.
    pub messages: Vec<Message>,
    /// Why it did not come to its end, in one line.
    pub failure: Option<String>,
    /// The kernel's log.
    pub log: String,
    /// Real time from start to end.
    pub took: Duration,
    /// What of it the guest had: the time left out that it waited for a CPU of the host.
    pub had: Duration,
}

impl Booted {
    /// Last lines of the kernel's log; of a panic, all from where it begins.
    #[must_use]
    pub fn tail(&self) -> Vec<String> {
        const LINES: usize = 25;
        /// Enough for a panic with its call trace.
        const MOST: usize = 100;
        let lines: Vec<&str> = self.log.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.len().saturating_sub(LINES);
        let panic = lines.iter().position(|line| line.contains(PANIC));
        let begin = panic.map_or(last, |begin| begin.min(last));
        lines[begin..].iter().take(MOST).map(|line| line.trim_end().to_owned()).collect()
    }
}

/// How the kernel begins its last words.
const PANIC: &str = "Kernel panic - not syncing: ";
/// How often a guest is looked at.
const TICK: Duration = Duration::from_millis(50);
/// The same where somebody watches it: what is seen late by this is a thousandth of an emulated boot.
const WATCHED: Duration = Duration::from_millis(4);

impl Boot<'_> {
    /// Boots, waits for the end, and leaves nothing running. To be called by a thread that stays for that long.
    ///
    /// # Errors
    /// When QEMU cannot be started at all, or the run is to stop. A guest that fails is a [`Booted`].
    pub fn run(&self, seen: Option<&mut Watch<'_>>, cancel: &Cancel) -> Result<Booted, Error> {
        let scratch = Scratch::new().map_err(Error::io("make a scratch directory"))?;
        let paths = Paths::below(scratch.path());
        let files = Files {
            image: &self.kernel.image,
            initramfs: self.initramfs,
            disk: self.disk,
            console: &paths.console,
            wire: &paths.wire,
            stderr: &paths.stderr,
            memory: self.memory,
        };
        let begun = Instant::now();
        let guest = Qemu::start(self.isolab, self.accelerator, &files, &cmdline(self.cmdline, self.padding));
        let mut guest = Guest(guest.map_err(Error::io("start QEMU"))?);
        let watched = self.watch(&mut guest, &paths, begun, seen, cancel);
        drop(guest);
        let took = begun.elapsed();
        let Watched { end, had } = watched?;
        let log = fs::read(&paths.console).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let heard = wire::read(&fs::read(&paths.wire).unwrap_or_default());
        let stderr = fs::read_to_string(&paths.stderr).unwrap_or_default();
        let failure =
            if heard.is_complete() { None } else { Some(why(&end, &heard.messages, &log, &stderr)) };
        Ok(Booted { messages: heard.messages, failure, log, took, had })
    }

    fn watch(
        &self,
        guest: &mut Guest,
        paths: &Paths,
        begun: Instant,
        mut seen: Option<&mut Watch<'_>>,
        cancel: &Cancel,
    ) -> Result<Watched, Error> {
        let tick = if seen.is_some() { WATCHED } else { TICK };
        let (mut ready, mut had) = (false, Duration::ZERO);
        loop {
            if let Some(status) = guest.0.try_wait().map_err(Error::io("wait for QEMU"))? {
                return Ok(Watched { end: End::Exited(status), had });
            }
            cancel.check().map_err(|Cancelled| Error::Cancelled)?;
            if let Some(seen) = &mut seen {
                seen(&Alive { pid: guest.0.id(), since: begun.elapsed(), console: &paths.console });
            }
            had = begun.elapsed().saturating_sub(starved(guest.0.id()));
            if had > self.patience.end {
                return Ok(Watched { end: End::Late(self.patience.end), had });
            }
            // A guest that speaks is prepared: what it says first is that it is.
            ready = ready || fs::metadata(&paths.wire).is_ok_and(|file| file.len() > 0);
            if !ready && had > self.patience.ready {
                return Ok(Watched { end: End::Silent(self.patience.ready), had });
            }
            thread::sleep(tick);
        }
    }
}

/// A guest's end, and the time that it had.
struct Watched {
    end: End,
    had: Duration,
}

/// How a guest ended.
enum End {
    Exited(ExitStatus),
    Late(Duration),
    Silent(Duration),
}

/// A running QEMU, killed when dropped.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // Fails only when it has ended and been waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The kernel's command line. `panic=-1` reboots at once, which ends QEMU. The timer check counts interrupts during a
/// busy loop, and panics when a loaded host did not emulate enough of them. Randomised layouts would make every boot a
/// throw of the dice; where things lie is varied on purpose, by the padding. The early console shows what a kernel says before
/// it has its own, and so why one died that early, or could not even be unpacked.
fn cmdline(more: &str, padding: u32) -> String {
    let padding = "x".repeat(padding as usize);
    let more = if more.is_empty() { String::new() } else { format!("{more} ") };
    let consoles = "earlyprintk=ttyS0 console=ttyS0";
    format!("{consoles} panic=-1 no_timer_check nokaslr norandmaps apparmor=1 {more}{PADDING}{padding}")
}

/// Why a guest did not come to its end.
fn why(end: &End, messages: &[Message], log: &str, stderr: &str) -> String {
    let at = match messages.last() {
        None => "before the guest was ready".to_owned(),
        Some(Message::Begun { command }) => format!("while command {command} ran"),
        Some(_) => "between commands".to_owned(),
    };
    if let Some(panic) = log.lines().find_map(|line| line.split_once(PANIC)) {
        return format!("the kernel panicked {at}: {}", panic.1.trim());
    }
    match end {
        End::Late(limit) => format!("hung {at}: it was not done after {} s", limit.as_secs()),
        End::Silent(limit) => format!("hung: nothing was heard for {} s", limit.as_secs()),
        End::Exited(status) => match stderr.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(line) => format!("QEMU ended {at} with {status}: {}", line.trim()),
            None if log.trim().is_empty() => {
                format!("the machine went down {at}, and the kernel has said nothing")
            }
            None => format!("the machine went down {at}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late() -> End {
        End::Late(Duration::from_secs(9))
    }

    #[test]
    fn a_panic_is_said_with_its_own_words() {
        let log = "[ 1.2] oops\n[    1.3] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\n";
        let said = why(&late(), &[], log, "");
        assert_eq!(
            said,
            "the kernel panicked before the guest was ready: Attempted to kill init! exitcode=0x00000100"
        );
    }

    #[test]
    fn a_hang_says_where() {
        assert_eq!(
            why(&late(), &[Message::Begun { command: 2 }], "", ""),
            "hung while command 2 ran: it was not done after 9 s"
        );
        assert_eq!(why(&End::Silent(Duration::from_secs(5)), &[], "", ""), "hung: nothing was heard for 5 s");
    }

    #[test]
    fn the_padding_is_what_the_command_line_grows_by() {
        assert_eq!(cmdline("", 17).len(), cmdline("", 0).len() + 17);
        assert!(cmdline("security=selinux", 0).contains(" security=selinux isolab."));
    }
}
