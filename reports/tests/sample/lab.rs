//! A lab with known truths, the same on every machine. Against 5.10:
//!
//! * 6.1: nothing changed.
//! * 6.12: a launch with a net namespace alone takes 3 % more CPU time, also in the full launch; a promise is broken.
//! * 7.2: the same launch alone waits longer, the full one does not; landlock came.
//! * next: the kernel panicked at each boot.

use std::collections::BTreeMap;

use isolab_core::host::{Cgroups, Feature, Hierarchy, Host};
use isolab_reports::lab::Lab;
use isolab_reports::lab::record::{Boot, Clock, FORMAT, Kernel, Layout, Outcome, PADDING, Purpose};
use isolab_reports::record::{
    Cell, Cost, Guarantee, NotTested, Outcome as Found, Record, Series, StepSamples,
};

use crate::sample::{self, Dice, launcher};

/// Kernels that boot, and what is true of them.
const TRUTHS: [Truth; 4] = [
    Truth {
        name: "5.10",
        release: "5.10.0-32-cloud-amd64",
        cpu: 1.0,
        waits: 1.0,
        breaks: false,
        landlock: false,
    },
    Truth {
        name: "6.1",
        release: "6.1.0-56-cloud-amd64",
        cpu: 1.0,
        waits: 1.0,
        breaks: false,
        landlock: false,
    },
    Truth {
        name: "6.12",
        release: "6.12.107+deb13-cloud-amd64",
        cpu: 1.03,
        waits: 1.0,
        breaks: true,
        landlock: false,
    },
    Truth { name: "7.2", release: "7.2.3-cloud-amd64", cpu: 1.0, waits: 1.6, breaks: false, landlock: true },
];

struct Truth {
    name: &'static str,
    release: &'static str,
    /// Factor on the CPU time of a net namespace, alone and in the full launch.
    cpu: f64,
    /// Factor on its waiting when alone.
    waits: f64,
    breaks: bool,
    landlock: bool,
}

/// The sample, with so many measuring boots a kernel.
pub(crate) fn lab(boots: u64) -> Lab {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let mut kernels: Vec<Kernel> = TRUTHS.iter().map(|truth| kernel(&mut dice, truth, boots)).collect();
    kernels.push(panicked(boots));
    Lab {
        lab_format: FORMAT,
        isolab: "0.1.0".into(),
        started: 1_767_323_040,
        seconds: 1_012.4,
        host: sample::host(),
        qemu: "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)".into(),
        clock: Clock::Counted,
        clock_reason: Some("/dev/kvm opens, but the guest said nothing for 20 s".into()),
        baseline: "5.10".into(),
        seeds: (1..=boots).collect(),
        kernels,
        not_tested: vec![NotTested {
            what: "launcher crun".into(),
            reason: "no crun in PATH".into(),
            remedy: "apt-get install crun, or take it off --launcher".into(),
        }],
    }
}

fn kernel(dice: &mut Dice, truth: &Truth, boots: u64) -> Kernel {
    let mut all = vec![boot(Purpose::Check, 0, checked(truth))];
    all.extend((1..=boots).map(|seed| boot(Purpose::Measure, seed, measured(dice, truth, seed))));
    let hz = if truth.name == "7.2" { "1000" } else { "250" };
    let preempt = if truth.name == "5.10" { "n" } else { "y" };
    let config = [("CONFIG_HZ", hz), ("CONFIG_PREEMPT_DYNAMIC", preempt), ("CONFIG_USER_NS", "y")];
    Kernel {
        name: truth.name.into(),
        source: format!("linux-image-{} from Debian", truth.release),
        config: config.map(|(option, value)| (option.into(), value.into())).into(),
        boots: all,
    }
}

fn panicked(boots: u64) -> Kernel {
    let failed = |purpose, seed| {
        Boot {
        outcome: Outcome::Failed {
            how: "the kernel panicked: VFS: Unable to mount root fs".into(),
            tail: vec![
                "[    1.204113] md: ... autorun DONE.".into(),
                "[    1.209991] VFS: Cannot open root device \"\" or unknown-block(0,0): error -6".into(),
                "[    1.213377] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)".into(),
            ],
        },
        ..boot(purpose, seed, sample::record())
    }
    };
    let mut all = vec![failed(Purpose::Check, 0)];
    all.extend((1..=boots).map(|seed| failed(Purpose::Measure, seed)));
    Kernel {
        name: "next".into(),
        source: "/home/dev/linux/bzImage".into(),
        config: BTreeMap::new(),
        boots: all,
    }
}

fn boot(purpose: Purpose, seed: u64, record: Record) -> Boot {
    Boot {
        purpose,
        layout: Layout { seed, padding: (seed * 37 % 128) as u32, delay: (seed * 977 % 4000) as u32 },
        seconds: 14.2,
        log: Some(format!("kernels/boot-{seed}.log")),
        outcome: Outcome::Done { record: Box::new(record) },
    }
}

/// A record of a guest in which nothing ran yet.
fn bare(truth: &Truth, command: &str, padding: u64) -> Record {
    Record {
        command: command.into(),
        host: guest(truth, padding),
        launchers: vec![launcher("core", Some("isolab 0.1.0"), None)],
        ..sample::bare()
    }
}

fn guest(truth: &Truth, padding: u64) -> Host {
    let missing = |reason: &str| Feature::Missing { reason: reason.into(), remedy: "a newer kernel".into() };
    let landlock = match (truth.landlock, truth.name) {
        (true, _) => Feature::Available,
        (false, "5.10") => missing("landlock_create_ruleset: ENOSYS"),
        (false, _) => missing("landlock_create_ruleset: EOPNOTSUPP: disabled at boot"),
    };
    let available =
        ["overlay", "time-namespace", "seccomp-filter"].map(|name| (name.into(), Feature::Available));
    Host {
        kernel: truth.release.into(),
        kernel_build: format!("#1 SMP PREEMPT_DYNAMIC Debian {} (2026-01-02)", truth.release),
        cmdline: format!("console=ttyS0 quiet panic=-1 {PADDING}{}", "x".repeat(padding as usize)),
        cpus: vec![0],
        memory: 1 << 30,
        clock_source: "tsc".into(),
        lsms: match truth.landlock {
            true => vec!["capability".into(), "landlock".into(), "apparmor".into()],
            false => vec!["capability".into(), "apparmor".into()],
        },
        cgroups: Cgroups {
            v2: Some(Hierarchy {
                mount: "/sys/fs/cgroup".into(),
                controllers: vec!["cpu".into(), "memory".into(), "pids".into()],
                writable: true,
            }),
            v1: Vec::new(),
        },
        features: BTreeMap::from([("landlock".to_string(), landlock)]).into_iter().chain(available).collect(),
        ..sample::host()
    }
}

/// Every guarantee of the sample that core offers, and one that goes with a kernel.
fn checked(truth: &Truth) -> Record {
    let of_core = sample::guarantees().into_iter().filter(|guarantee| guarantee.launcher == "core");
    let guarantee = |guarantee: Guarantee| match truth.breaks && guarantee.id == "masked-paths-empty" {
        true => {
            Guarantee { outcome: Found::Broken, evidence: sample::evidence(&guarantee.id, true), ..guarantee }
        }
        false => guarantee,
    };
    Record { guarantees: of_core.map(guarantee).collect(), ..bare(truth, "check", 0) }
}

fn measured(dice: &mut Dice, truth: &Truth, seed: u64) -> Record {
    let spawn = [
        ("bare", 0.0, 120_000.0),
        ("pidns", 0.1, 160_000.0),
        ("netns", 1.0, 400_000.0),
        ("full", 1.0, 900_000.0),
    ];
    let series = spawn.map(|(name, net, waiting)| {
        let waits = if name == "netns" { truth.waits } else { 1.0 };
        launches(dice, name, 1.0 + (truth.cpu - 1.0) * f64::from(u8::from(net == 1.0)), waiting * waits)
    });
    let plain = |dice: &mut Dice, name: &str, nanos| Series {
        name: name.into(),
        against: None,
        samples: (0..40).map(|_| dice.around(nanos, nanos / 30)).collect(),
        on_cpu: Vec::new(),
        steps: Vec::new(),
        enforced: None,
    };
    let cell = |dice: &mut Dice, aggressor: Option<&str>, centre| Cell {
        victim: "timer latency".into(),
        measures: "delay past the intended wake-up, 1 kHz".into(),
        aggressor: aggressor.map(Into::into),
        protection: None,
        samples: (0..200).map(|_| dice.latency(centre, 0.2)).collect(),
        rounds: vec![0, 100],
        aggressor_work: aggressor.map_or(Vec::new(), |_| vec![1000.0, 1010.0]),
        enforced: "enforced".into(),
        ..Cell::default()
    };
    let cost = |id: &str, title: &str, series| Cost {
        id: id.into(),
        title: title.into(),
        launcher: "core".into(),
        series,
    };
    Record {
        costs: vec![
            cost("spawn", "Launch with one primitive alone, wait, remove", series.into()),
            cost(
                "overlay-io",
                "File operations",
                vec![plain(dice, "create, overlay", 19_000), plain(dice, "read, overlay", 91_000)],
            ),
        ],
        interference: vec![cell(dice, None, 52_000.0), cell(dice, Some("cpu hog"), 190_000.0)],
        ..bare(truth, "bench spawn overlay interference", seed * 37 % 128)
    }
}

/// Launches of 600 µs on CPU times `cpu`, of which the net namespace takes what is more, and the waiting. Boots differ by
/// 0.1 % on CPU and by 5 % in waiting.
fn launches(dice: &mut Dice, name: &str, cpu: f64, waiting: f64) -> Series {
    let layout = [1.0 + 0.001 * (dice.uniform() - 0.5), 1.0 + 0.05 * (dice.uniform() - 0.5)];
    let on_cpu: Vec<u64> = (0..30).map(|_| dice.around((600_000.0 * cpu * layout[0]) as u64, 300)).collect();
    let waits: Vec<u64> = (0..30).map(|_| dice.around((waiting * layout[1]) as u64, 9_000)).collect();
    let net = 100_000.0 + 600_000.0 * (cpu - 1.0);
    let steps =
        [("clone3", "parent", "namespaces", 200_000.0), ("unshare net", "child", "net namespace", net)];
    let steps = steps.map(|(step, side, primitive, nanos): (&str, &str, &str, f64)| StepSamples {
        step: step.into(),
        side: side.into(),
        primitive: primitive.into(),
        start: vec![0; 30],
        duration: (0..30).map(|_| dice.around((nanos * layout[0]) as u64, 100)).collect(),
    });
    Series {
        name: name.into(),
        against: None,
        samples: on_cpu.iter().zip(&waits).map(|(cpu, wait)| cpu + wait).collect(),
        on_cpu,
        steps: steps.into(),
        enforced: Some("enforced".into()),
    }
}
