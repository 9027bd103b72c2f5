//! A container against a virtual machine: the same bundle and workload, launched by core here, and by core in a guest.
//!
//! The guest launches the host's own `config.json`, which it was given with its root file system. So both run the same bundle by
//! the same code, and what differs is the machine around it. The guest is a minimal one: an initramfs and no disk. Its start
//! is from QEMU's to the workload's first byte, so with the kernel's boot and with the launch inside; the initramfs is made
//! before, as the bundle is. Where KVM does not work the guest is emulated, and its times are an emulator's.

mod contain;
mod guest;
mod look;
mod memory;
mod share;

use std::path::Path;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::record::{Amount, Beside, Cost, NotTested, Series, Shared};
use serde_json::json;

use super::Options;
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::cancel::{Cancel, Cancelled};
use crate::lab;
use crate::lab::equip::Guest;
use crate::lab::kernel::{self, Kernel};
use crate::lab::machine::{self, Accelerator, Choice, Qemu};
use crate::probe::PROGRAM;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::{Limits, Rounds};
pub use contain::main as contain;
pub use look::main as look;

/// Id of what is measured, and of the container.
pub const ID: &str = "vm";
/// Limits for a run of about a minute: a boot takes some seconds under emulation.
pub const QUICK: Limits = Limits { rounds: 3, time: Duration::from_secs(60), seed: 1 };
/// The kernel of the guest, where none is named.
pub const KERNEL: &str = "6.12";

/// What the guest writes to its console when the workload's first byte has come, and its last.
const FIRST: &str = "isolab-vm-first-byte";
const LAST: &str = "isolab-vm-last-byte";
/// How long the guest waits after that, so that its memory can be read.
const HOLD: Duration = Duration::from_secs(1);

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Start, end, and calls.
    pub costs: Vec<Cost>,
    /// Memory, and what is shared.
    pub beside: Option<Beside>,
    /// What could not be measured.
    pub not_tested: Vec<NotTested>,
}

/// Measures. Without an emulator or a kernel it is a [`NotTested`].
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers and guests are ended either way.
pub fn run(
    named: &str,
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Found, Error> {
    let (bed, bundle, token) = bundle(options.program, host)?;
    let gap = |reason: String, remedy: &str| {
        let not_tested =
            NotTested { what: format!("container against VM, {named}"), reason, remedy: remedy.into() };
        Ok(Found { not_tested: vec![not_tested], ..Found::default() })
    };
    let made = machine(named, &bundle, options.program, progress, cancel);
    let (guest, accelerator) = match made {
        Ok(made) => made,
        Err(_) if cancel.is_cancelled() => return Err(Cancelled.into()),
        Err(error @ lab::Error::Qemu(_)) => return gap(error.to_string(), "apt-get install qemu-system-x86"),
        Err(error) => return gap(error.to_string(), "name another kernel or an image with --kernel"),
    };
    let mut taken = Taken::default();
    let mut rounds = Rounds::new(2, options.limits);
    progress.begin("container against VM", u64::from(options.limits.rounds));
    while let Some(order) = rounds.next_round() {
        progress.step(named);
        for at in order {
            if at == 0 {
                if let Err(error) = taken.container(&bed, &bundle, &token, cancel) {
                    return Ok(Found { not_tested: vec![error.into_not_tested(ID)?], ..Found::default() });
                }
                continue;
            }
            let place = (options.program, bundle.dir(), token.as_str());
            match guest::run(&guest, place, accelerator, cancel) {
                Ok(Ok(guested)) => taken.guest.push(guested),
                Ok(Err(reason)) => return gap(reason, "try another kernel with --kernel, on a quieter host"),
                Err(_) if cancel.is_cancelled() => return Err(Cancelled.into()),
                Err(error) => return gap(error.to_string(), "see `isolab kernels` with this kernel"),
            }
        }
    }
    progress.done();
    Ok(taken.found(&bundle, &words(named, accelerator)))
}

/// The guest in words.
fn words(named: &str, accelerator: Accelerator) -> String {
    let how = match accelerator {
        Accelerator::Kvm => "under KVM",
        Accelerator::Tcg | Accelerator::Counted => "emulated (TCG): no measure of a VM under KVM",
    };
    format!("{named}, {} MiB, {how}", guest::MEMORY)
}

/// The bundle, written, what it was made in, and the argument by which its process is found.
fn bundle(program: &Path, host: &Host) -> Result<(Bed, Bundle, String), Error> {
    let bed = Bed::new(program, host)?;
    if host.uid == 0 {
        bed.keep_parent()?;
    }
    let mut config = bed.config(ID);
    let token = format!("look-{}", bed.group(ID));
    config["process"]["args"] = json!([PROGRAM, "inside", "look", token]);
    if host.uid == 0 {
        // As much as the guest has; and with a limit there is a group that counts.
        config["linux"]["resources"]["memory"] = json!({"limit": u64::from(guest::MEMORY) << 20});
    }
    let bundle = bed.bundle(ID, config)?;
    bundle.write().map_err(Error::io("write the config"))?;
    Ok((bed, bundle, token))
}

/// The kernel by its name, in a guest with the bundle, and what will execute it.
fn machine(
    named: &str,
    bundle: &Bundle,
    program: &Path,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Guest, Accelerator), lab::Error> {
    Qemu::find()?;
    let mut kernels = kernel::resolve(&[named.to_owned()], None, progress, cancel)?;
    let kernel: Kernel = kernels.remove(0);
    let guest = guest::with_bundle(kernel, bundle.dir(), cancel)?;
    let (clock, _) = machine::choose(Choice::Auto, &guest, program, cancel)?;
    let accelerator = match clock {
        isolab_reports::lab::record::Clock::Real => Accelerator::Kvm,
        isolab_reports::lab::record::Clock::Counted => Accelerator::Tcg,
    };
    Ok((guest, accelerator))
}

/// What was taken, round by round.
#[derive(Default)]
struct Taken {
    container: Vec<contain::Contained>,
    pss: Vec<u64>,
    charged: Vec<u64>,
    here: usize,
    guest: Vec<guest::Guested>,
}

impl Taken {
    fn container(&mut self, bed: &Bed, bundle: &Bundle, token: &str, cancel: &Cancel) -> Result<(), Error> {
        let (pss, charged, here) = (&mut self.pss, &mut self.charged, &mut self.here);
        let mut waiting = |container: &isolab_core::launch::Container| {
            pss.extend(memory::pss(container.pid().cast_unsigned()));
            charged.extend(memory::charged(&bed.host, &bed.group(ID)));
            *here = memory::processes(token).len();
            Ok(())
        };
        let place = (bundle.config(), bundle.dir(), &bed.host);
        self.container.push(contain::run(place, &mut waiting, &mut || Ok(()), cancel)?);
        Ok(())
    }

    fn found(self, bundle: &Bundle, words: &str) -> Found {
        let (Some(container), Some(guest)) = (self.container.last(), self.guest.last()) else {
            return Found::default();
        };
        let program = bundle.rootfs().join(PROGRAM.trim_start_matches('/'));
        let mut facts: Vec<Shared> = vec![share::process(self.here, guest.here)];
        facts.extend(share::compare(&look::facts(&program), &container.look, &guest.look));
        let amount = |what: &str, container: Vec<u64>, guest| Amount { what: what.into(), container, guest };
        let memory = vec![
            amount(
                "of its first process (PSS), against QEMU's",
                self.pss.clone(),
                self.guest.iter().map(|guest| guest.pss).collect(),
            ),
            amount(
                "charged to its group: its pages, its share of the page cache, kernel memory",
                self.charged.clone(),
                Vec::new(),
            ),
        ];
        let beside = Beside { guest: words.into(), memory, facts };
        Found { costs: self.costs(words), beside: Some(beside), not_tested: Vec::new() }
    }

    fn costs(&self, words: &str) -> Vec<Cost> {
        let enforced = self.container.last().map(|one| one.enforced.clone());
        let pair = |what: &str, container: Vec<u64>, guest: Vec<u64>| {
            let name = format!("{what}, container");
            let of_guest = Series::of(format!("{what}, guest"), Some(&name), guest);
            [Series { enforced: enforced.clone(), ..Series::of(name, None, container) }, of_guest]
        };
        let cost = |id: &str, title: &str, series| Cost {
            id: id.into(),
            title: format!("{title}; guest: {words}"),
            launcher: "core".into(),
            series,
        };
        let container = |part: fn(&contain::Contained) -> u64| self.container.iter().map(part).collect();
        let guest = |part: fn(&guest::Guested) -> u64| self.guest.iter().map(part).collect();
        let mut start =
            pair("start to first byte", container(|one| one.first), guest(|one| one.first)).to_vec();
        start.extend(pair("last byte to all gone", container(|one| one.gone), guest(|one| one.gone)));
        let mut calls = Vec::new();
        let names = self.container.first().into_iter().flat_map(|one| one.look.calls.keys());
        for name in names {
            let of = |look: &look::Look| look.calls.get(name).cloned().unwrap_or_default();
            let container = self.container.iter().flat_map(|one| of(&one.look)).collect();
            calls.extend(pair(name, container, self.guest.iter().flat_map(|one| of(&one.look)).collect()));
        }
        vec![
            cost("vm-start", "The same bundle in a container and in a guest", start),
            cost("vm-calls", "One call of the workload, in a container and in a guest's container", calls),
        ]
    }
}
