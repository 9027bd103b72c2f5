//! What the lab makes of guests that fail, that agree, and that are left alone: each boots for real.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::need;
use isolab_reports::Record;
use isolab_reports::lab::record::Layout;
use isolab_reports::record::Series;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::lab::equip::{Equipment, Guest, Patience};
use isolab_scenarios::lab::guest::{self, Message, carry};
use isolab_scenarios::lab::kernel::{self, Kernel};
use isolab_scenarios::lab::machine::{Accelerator, Booted};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::scratch::Scratch;

/// The program under test, also the guest's init.
const ISOLAB: &str = env!("CARGO_BIN_EXE_isolab");
const NEEDS: [&str; 5] = ["qemu-system-x86_64", "apt-get", "dpkg-deb", "dash", "ldd"];
const PATIENCE: Patience = Patience { ready: Duration::from_secs(120), end: Duration::from_secs(240) };

fn kernel() -> Kernel {
    named("6.1")
}

fn named(name: &str) -> Kernel {
    kernel::resolve(&[name.into()], None, &Quiet, &Cancel::new()).unwrap().remove(0)
}

fn boot(guest: &Guest, accelerator: Accelerator, seed: u32, argv: &[&str], patience: Patience) -> Booted {
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    let command = guest::Command { argv, env: [].into(), limit: 120 };
    let layout = Layout { seed: seed.into(), padding: seed * 64, delay: seed * 1000 };
    let cancel = Cancel::new();
    guest.boot(Path::new(ISOLAB), accelerator, &layout, vec![command], patience, &cancel).unwrap()
}

/// Boots a guest that runs a script.
fn script(script: &str, patience: Patience) -> Booted {
    let carried = carry::all(&["dash".into()], &Cancel::new()).unwrap();
    let guest = Guest::new(kernel(), Equipment { carried, ..Equipment::default() }).unwrap();
    boot(&guest, Accelerator::Tcg, 1, &["/bin/dash", "-c", script], patience)
}

fn stdout(booted: &Booted) -> &str {
    let ended = booted.messages.iter().find_map(|message| match message {
        Message::Ended { stdout, .. } => Some(stdout),
        _ => None,
    });
    ended.unwrap_or_else(|| panic!("{:?}\n{}", booted.failure, booted.log))
}

#[test]
fn a_panic_is_told_in_its_own_words_with_the_end_of_the_log() {
    if !need::met(&NEEDS) {
        return;
    }
    let booted = script("echo c > /proc/sysrq-trigger", PATIENCE);
    let said = booted.failure.as_deref().unwrap();
    assert_eq!(said, "the kernel panicked while command 0 ran: sysrq triggered crash", "{}", booted.log);
    let tail = booted.tail().join("\n");
    assert!(tail.contains("Kernel panic - not syncing") && tail.contains("Call Trace"), "{tail}");
}

#[test]
fn a_kernel_that_cannot_be_unpacked_says_so() {
    if !need::met(&NEEDS) {
        return;
    }
    let scratch = Scratch::new().unwrap();
    let whole = kernel();
    let mut bytes = fs::read(&whole.image).unwrap();
    bytes[100_000..200_000].fill(0);
    let image = scratch.path().join("broken");
    fs::write(&image, bytes).unwrap();
    let guest = Guest::new(Kernel { image, ..whole }, Equipment::default()).unwrap();
    let patience = Patience { ready: Duration::from_secs(15), ..PATIENCE };
    let booted = boot(&guest, Accelerator::Tcg, 1, &["/isolab"], patience);
    assert_eq!(booted.failure.as_deref(), Some("hung: nothing was heard for 15 s"));
    let tail = booted.tail();
    assert!(tail.last().is_some_and(|line| line.contains("System halted")), "{tail:?}");
}

#[test]
fn a_guest_that_hangs_is_ended_at_its_patience() {
    if !need::met(&NEEDS) {
        return;
    }
    let second = Duration::from_secs(1);
    let silent = script("", Patience { ready: second, end: 9 * second });
    assert_eq!(silent.failure.as_deref(), Some("hung: nothing was heard for 1 s"));
    let late = script("while :; do :; done", Patience { ready: 15 * second, end: 15 * second });
    assert_eq!(late.failure.as_deref(), Some("hung while command 0 ran: it was not done after 15 s"));
    let slack = 2 * second;
    assert!((second..second + slack).contains(&silent.had), "{:?}", silent.had);
    assert!((15 * second..15 * second + slack).contains(&late.had), "{:?}", late.had);
    // What is left out is what others took of the host's CPUs meanwhile, which is no excuse without end.
    assert!(silent.took < 30 * second && late.took < 150 * second, "{:?} {:?}", silent.took, late.took);
}

#[test]
fn equal_boots_agree_to_the_nanosecond_and_others_do_not() {
    if !need::met(&NEEDS) {
        return;
    }
    let guest = &Guest::new(kernel(), Equipment::default()).unwrap();
    let samples = |seed: u32| -> Vec<Series> {
        let words = ["bench", "alone", "--json", "--launcher", "core", "--rounds", "1", "--rest", "1"];
        let argv = [&["/isolab"], &words[..]].concat();
        let booted = boot(guest, Accelerator::Counted, seed, &argv, PATIENCE);
        let record: Record = serde_json::from_str(stdout(&booted)).unwrap();
        record.costs.into_iter().flat_map(|cost| cost.series).collect()
    };
    let [once, again, other] = thread::scope(|scope| {
        [1, 1, 2].map(|seed| scope.spawn(move || samples(seed))).map(|boot| boot.join().unwrap())
    });
    assert!(once.len() > 5 && once.iter().all(|series| series.samples[0] > 1000), "{once:?}");
    assert_eq!(once, again);
    assert_ne!(once, other);
}

#[test]
fn a_kernel_without_its_modules_says_what_is_missing() {
    if !need::met(&NEEDS) {
        return;
    }
    let alone = Kernel { modules: None, ..kernel() };
    let guest = Guest::new(alone.clone(), Equipment::default()).unwrap();
    let gap = guest.gap.as_ref().unwrap();
    assert_eq!(gap.what, "6.1: what needs overlay, veth, bridge");
    assert_eq!(gap.reason, "no modules were given, and these are not built in");
    assert!(gap.remedy.contains("--modules"), "{}", gap.remedy);
    let unknown = Guest::new(Kernel { config: None, ..alone }, Equipment::default()).unwrap();
    assert!(unknown.gap.unwrap().reason.contains("not known what is built in"));
    let check = ["/isolab", "check", "--json", "--launcher", "core", "overlay-lower-immutable"];
    let booted = boot(&guest, Accelerator::Tcg, 1, &check, PATIENCE);
    let record: Record = serde_json::from_str(stdout(&booted)).unwrap();
    let said = format!("{:?}", record.not_tested);
    assert!(said.contains("feature overlay") && said.contains("ENODEV"), "{said}");
}

#[test]
fn a_kernel_with_the_modules_of_another_says_so_and_so_does_the_exit_status() {
    if !need::met(&NEEDS) {
        return;
    }
    let (Kernel { image, .. }, other) = (kernel(), named("5.10"));
    let out = Scratch::new().unwrap();
    let mut isolab = Command::new(ISOLAB);
    isolab.arg("kernels").arg(image).arg("--modules").arg(other.modules.unwrap());
    isolab.args(["--only", "check", "--clock", "counted", "--out"]).arg(out.path().join("lab"));
    let output = isolab.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("overlay.ko: -8 ENOEXEC (Exec format error); it was built for another kernel"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(4), "{said}");
}

#[test]
fn no_guest_outlives_an_isolab_that_is_killed() {
    if !need::met(&NEEDS) {
        return;
    }
    let scratch = Scratch::new().unwrap();
    let mut isolab = Command::new(ISOLAB);
    isolab.args(["kernels", "6.1", "--clock", "counted", "--jobs", "2", "--seeds", "1"]);
    isolab.arg("--out").arg(scratch.path().join("out")).env("TMPDIR", scratch.path());
    let mut isolab = isolab.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = isolab.id();
    let guests = within(60, "two guests", || Some(guests_of(pid)).filter(|guests| guests.len() == 2));
    isolab.kill().unwrap();
    isolab.wait().unwrap();
    let gone = || (!guests.iter().any(|guest| parent(guest).is_some())).then_some(());
    within(10, "the end of the guests", gone);
}

/// The QEMUs that a process has started.
fn guests_of(pid: u32) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes.filter(|process| parent(process) == Some(pid)).collect()
}

/// The parent of a QEMU that runs (proc_pid_stat(5)).
fn parent(process: &Path) -> Option<u32> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let (name, fields) = stat.rsplit_once(") ")?;
    let (state, rest) = fields.split_once(' ')?;
    (name.contains("(qemu-system") && state != "Z").then(|| rest.split(' ').next()?.parse().ok())?
}

fn within<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < Duration::from_secs(seconds), "no sign of {what} within {seconds} s");
        thread::sleep(Duration::from_millis(20));
    }
}
