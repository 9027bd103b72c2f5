//! Sweeps over resources: each runs out, at each value at which a launch could notice.
//!
//! The launcher is started with less of it: by `prlimit`, in a group of its own, or in a mount namespace where something is full
//! or read-only. What is the host's (user namespaces, mounts in a namespace, keys) runs out in guests alone, where nobody
//! else needs it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use isolab_core::host::Host;
use isolab_core::need;
use isolab_reports::record::{Sweep, SweepKind};

use super::foreign::{Attempt, Foreign};
use super::{Outcome, Trial, traced};
use crate::cancel::Cancel;
use crate::group;
use crate::launcher::{Launcher, Offer};
use crate::progress::Progress;
use crate::ready::Error;

/// A resource and how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shortage {
    what: What,
    value: u64,
}

/// What can run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Open files (`RLIMIT_NOFILE`).
    Descriptors,
    /// Address space (`RLIMIT_AS`), in KiB.
    AddressSpace,
    /// The size of a file (`RLIMIT_FSIZE`), in bytes.
    FileSize,
    /// Tasks in the launcher's own group.
    Tasks,
    /// Memory of the launcher's own group, in KiB.
    Memory,
    /// Inodes of the launcher's state directory, which is a tmpfs.
    StateInodes,
    /// Pages of it.
    StatePages,
    /// Writable hierarchies: none.
    Groups,
    /// Mounts in the launcher's mount namespace (`fs.mount-max`): so many more.
    Mounts,
    /// Namespaces of each kind (`user.max_*_namespaces`).
    Namespaces,
}

/// Kinds of namespaces that have a limit, as in `/proc/sys/user`.
const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

impl Shortage {
    fn label(&self) -> String {
        let Shortage { what, value } = self;
        match what {
            What::Descriptors => format!("{value} open files"),
            What::AddressSpace => format!("{value} KiB of address space"),
            What::FileSize => format!("files of {value} bytes"),
            What::Tasks => format!("{value} tasks in the launcher's group"),
            What::Memory => format!("{value} KiB of memory in the launcher's group"),
            What::StateInodes => format!("{value} inodes for the state"),
            What::StatePages => format!("{value} pages for the state"),
            What::Groups => "read-only cgroups".into(),
            What::Mounts => format!("{value} more mounts"),
            What::Namespaces => format!("no more {} namespaces", KINDS[*value as usize % KINDS.len()]),
        }
    }

    fn is_of_state(&self) -> bool {
        matches!(self.what, What::StateInodes | What::StatePages)
    }

    /// Whether it is the host's, and not the launcher's alone.
    fn is_the_hosts(&self) -> bool {
        matches!(self.what, What::Mounts | What::Namespaces)
    }

    /// What a container inherits of a shortage: limits that its config does not set, and the group of a launcher that puts it into
    /// none.
    fn inherited(&self, launcher: &dyn Launcher) -> &'static [&'static str] {
        let offers = |feature| launcher.offers(feature) == Offer::Offered;
        match self.what {
            What::AddressSpace => &["rlimits.RLIMIT_AS."],
            What::FileSize => &["rlimits.RLIMIT_FSIZE."],
            What::Descriptors if !offers("rlimits") => &["rlimits.RLIMIT_NOFILE."],
            What::Tasks if !offers("cgroup pids") => &["cgroups.", "cgroup_values.", "mounts."],
            What::Memory if !offers("cgroup memory") => &["cgroups.", "cgroup_values.", "mounts."],
            _ => &[],
        }
    }

    /// Without what a shortage does by itself; a program that does not fit into its address space is not executed at all.
    fn allowed(&self, mut trial: Trial, attempt: &Attempt, launcher: &dyn Launcher) -> Trial {
        let inherited = self.inherited(launcher);
        if let Outcome::Launched(differences) = &mut trial.outcome {
            differences.retain(|line| !inherited.iter().any(|start| line.starts_with(start)));
            // The shell that makes the shortage has a PWD, which unshare(1) hands on.
            let by_shell = !matches!(self.what, What::Descriptors | What::AddressSpace | What::FileSize);
            let inherits = by_shell && launcher.runtime().is_none();
            differences.retain(|line| !inherits || !line.starts_with("env is "));
        }
        let signalled = attempt.status.is_some_and(|status| status.signal().is_some());
        if self.what == What::AddressSpace && signalled && attempt.said.is_empty() {
            trial.reached = false;
            trial.outcome = Outcome::Killed;
        }
        trial
    }

    /// What the launcher is started by.
    fn wrap(&self, place: &Place) -> Vec<String> {
        let value = self.value;
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let shell = |script: String| words(&["sh", "-c", &format!("{script} && exec \"$@\""), "sh"]);
        let mounted = |script: String| {
            let mut all = words(&["unshare", "--mount", "--propagation", "private"]);
            all.extend(shell(script));
            all
        };
        let state = place.state.as_deref().unwrap_or(Path::new("")).display();
        match self.what {
            What::Descriptors => words(&["prlimit", &format!("--nofile={value}:{value}")]),
            What::AddressSpace => words(&["prlimit", &format!("--as={}", value * 1024)]),
            What::FileSize => words(&["prlimit", &format!("--fsize={value}")]),
            What::Tasks => shell(format!(
                "echo {value} > {0}/pids.max && echo $$ > {0}/cgroup.procs",
                place.pids.display()
            )),
            What::Memory => shell(place.memory(value * 1024)),
            What::StateInodes => mounted(format!("mount -t tmpfs -o nr_inodes={value} tmpfs {state}")),
            What::StatePages => mounted(format!("mount -t tmpfs -o size={} tmpfs {state}", value * 4096)),
            What::Groups => {
                let each = |mount: &PathBuf| format!("mount -o remount,ro,bind {}", mount.display());
                mounted(place.mounts.iter().map(each).collect::<Vec<_>>().join(" && "))
            }
            What::Mounts => mounted(format!(
                "echo $(( $(wc -l < /proc/self/mountinfo) + {value} )) > /proc/sys/fs/mount-max"
            )),
            What::Namespaces => shell(format!(
                "echo 0 > /proc/sys/user/max_{}_namespaces",
                KINDS[value as usize % KINDS.len()]
            )),
        }
    }
}

/// Where a launcher is kept short.
struct Place {
    /// Nothing runs out there of a launcher that has none.
    state: Option<PathBuf>,
    /// Its own group of the pids controller, and of the memory controller.
    pids: PathBuf,
    memory: PathBuf,
    /// Where hierarchies are mounted.
    mounts: Vec<PathBuf>,
    v1: bool,
}

impl Place {
    fn new(foreign: &Foreign, host: &Host) -> Result<Place, Error> {
        let of = |controller: &str| {
            let found = host.cgroups.find(controller).map(|(hierarchy, v2)| (hierarchy.mount.clone(), v2));
            let (mount, v2) = found.unwrap_or_default();
            (
                mount.join(
                    foreign.ground.bed.group(&format!("{}/short", group::KEPT)).trim_start_matches('/'),
                ),
                !v2,
            )
        };
        let ((pids, _), (memory, v1)) = (of("pids"), of("memory"));
        for group in [&pids, &memory] {
            fs::create_dir_all(group).map_err(Error::io(format!("make the group {}", group.display())))?;
        }
        let mounts = group::mounts(&host.cgroups);
        Ok(Place { state: foreign.state(), pids, memory, mounts, v1 })
    }

    fn memory(&self, bytes: u64) -> String {
        let file = if self.v1 { "memory.limit_in_bytes" } else { "memory.max" };
        format!("echo {bytes} > {0}/{file} && echo $$ > {0}/cgroup.procs", self.memory.display())
    }
}

/// Every shortage that can be made here.
fn shortages(host: &Host) -> Vec<Shortage> {
    let of = |what: What, values: &[u64]| {
        values.iter().map(|value| Shortage { what, value: *value }).collect::<Vec<_>>()
    };
    let (files, few): (Vec<u64>, Vec<u64>) = ((3..=40).collect(), (1..=12).collect());
    let mut all = of(What::Descriptors, &files);
    all.extend(of(
        What::AddressSpace,
        &[1024, 2048, 4096, 6144, 8192, 12_288, 16_384, 32_768, 65_536, 131_072],
    ));
    // Its standard error is a file, too, and to hold some words.
    all.extend(of(What::FileSize, &[64, 256, 512, 1024, 2048, 4096, 8192]));
    all.extend(of(What::Tasks, &few));
    all.extend(of(What::Memory, &[256, 512, 1024, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384]));
    all.extend(of(What::StateInodes, &few));
    all.extend(of(What::StatePages, &few[..6]));
    all.extend(of(What::Groups, &[0]));
    all.extend(of(What::Mounts, &(0..=40).collect::<Vec<_>>()));
    all.extend(of(What::Namespaces, &(0..KINDS.len() as u64).collect::<Vec<_>>()));
    all.retain(|shortage| !shortage.is_the_hosts() || need::is_guest(host));
    all
}

/// Sweeps.
///
/// # Errors
/// When a launch without a shortage does not work, or the run is to stop.
pub fn sweep(
    options: traced::Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    let mut foreign = Foreign::new(options.launcher, options.program, host, &[])?;
    let place = Place::new(&foreign, host)?;
    foreign.look_anew();
    let mut all = shortages(host);
    all.retain(|shortage| place.state.is_some() || !shortage.is_of_state());
    let kept = Kept::of(host);
    let plan = options.plan(SweepKind::Resources, progress, cancel);
    plan.sweep(&all, Shortage::label, |shortage, label, tally| {
        let attempt = foreign.attempt(&shortage.wrap(&place), true)?;
        kept.restore()?;
        // The kernel kills a launcher that has no memory, which is no word of its own.
        let killed = attempt.status.is_some_and(killed);
        let trial = foreign.judge(&attempt, killed)?;
        tally.add(label, &shortage.allowed(trial, &attempt, options.launcher));
        Ok(())
    })
}

fn killed(status: std::process::ExitStatus) -> bool {
    /// signal(7)
    const SIGKILL: i32 = 9;
    status.signal() == Some(SIGKILL) || status.code() == Some(128 + SIGKILL)
}

/// Parameters of a guest that a shortage changes.
struct Kept(Vec<(PathBuf, String)>);

impl Kept {
    fn of(host: &Host) -> Kept {
        if !need::is_guest(host) {
            return Kept(Vec::new());
        }
        let user = KINDS.iter().map(|kind| format!("/proc/sys/user/max_{kind}_namespaces"));
        let files = user.chain(["/proc/sys/fs/mount-max".to_owned()]).map(PathBuf::from);
        Kept(files.filter_map(|file| fs::read_to_string(&file).ok().map(|value| (file, value))).collect())
    }

    fn restore(&self) -> Result<(), Error> {
        for (file, value) in &self.0 {
            fs::write(file, value).map_err(Error::io(format!("restore {}", file.display())))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            state: Some("/s".into()),
            pids: "/p".into(),
            memory: "/m".into(),
            mounts: vec!["/c/a".into(), "/c/b".into()],
            v1: true,
        }
    }

    #[test]
    fn each_shortage_is_made_by_what_starts_the_launcher() {
        let wrap = |what, value| Shortage { what, value }.wrap(&place()).join(" ");
        assert_eq!(wrap(What::Descriptors, 7), "prlimit --nofile=7:7");
        assert!(
            wrap(What::Memory, 1)
                .contains("echo 1024 > /m/memory.limit_in_bytes && echo $$ > /m/cgroup.procs && exec")
        );
        assert!(wrap(What::StateInodes, 2).contains("mount -t tmpfs -o nr_inodes=2 tmpfs /s && exec"));
        assert!(wrap(What::Groups, 0).contains("remount,ro,bind /c/a && mount -o remount,ro,bind /c/b"));
    }

    #[test]
    fn what_is_the_hosts_runs_out_in_guests_alone() {
        let mut host = Host::example();
        host.cmdline = String::new();
        assert!(shortages(&host).iter().all(|shortage| !shortage.is_the_hosts()));
        let here = shortages(&host).len();
        host.cmdline = "isolab.padding=x".into();
        assert_eq!(shortages(&host).len(), here + 41 + 8);
    }
}
