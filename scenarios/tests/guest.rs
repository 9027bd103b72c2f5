//! Guests that boot for real: a kernel of Debian's archive, an initramfs of isolab's, QEMU without KVM.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use isolab_core::need;
use isolab_reports::lab::record::Layout;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::lab::equip::{Equipment, Guest, Patience};
use isolab_scenarios::lab::guest::{self, Carried, CgroupVersion, End, Message, apparmor, carry};
use isolab_scenarios::lab::kernel;
use isolab_scenarios::lab::machine::Accelerator;
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::scratch::Scratch;

/// The program under test, also the guest's init.
const ISOLAB: &str = env!("CARGO_BIN_EXE_isolab");

const LAYOUT: Layout = Layout { seed: 1, padding: 17, delay: 500 };
const PATIENCE: Patience = Patience { ready: Duration::from_secs(120), end: Duration::from_secs(240) };

/// How a command ended, and what it printed on both streams.
type Ended = (End, String, String);

/// Boots a kernel, and returns what the guest could not prepare, and what came of the commands.
fn boot(kernel: &str, equipment: Equipment, commands: Vec<guest::Command>) -> (Vec<String>, Vec<Ended>) {
    let cancel = Cancel::new();
    let kernel = kernel::resolve(&[kernel.to_owned()], None, &Quiet, &cancel).unwrap().remove(0);
    let guest = Guest::new(kernel, equipment).unwrap();
    assert_eq!(guest.gap, None);
    let booted =
        guest.boot(Path::new(ISOLAB), Accelerator::Tcg, &LAYOUT, commands, PATIENCE, &cancel).unwrap();
    assert_eq!(booted.failure, None, "{:?}\n{}", booted.messages, booted.log);
    sort(booted.messages)
}

fn sort(messages: Vec<Message>) -> (Vec<String>, Vec<Ended>) {
    let mut problems = None;
    let mut ended = Vec::new();
    for message in messages {
        match message {
            Message::Ready { problems: said, .. } => problems = Some(said),
            Message::Begun { command } => assert_eq!(command, ended.len()),
            Message::Ended { end, stdout, stderr, .. } => ended.push((end, stdout, stderr)),
            Message::Done => {}
        }
    }
    (problems.unwrap(), ended)
}

fn commands(all: &[&[&str]]) -> Vec<guest::Command> {
    let command = |argv: &&[&str]| guest::Command {
        argv: argv.iter().map(|&argument| argument.into()).collect(),
        env: [("GIVEN".to_owned(), "yes".to_owned())].into(),
        limit: 60,
    };
    all.iter().map(command).collect()
}

fn carry(names: &[&str]) -> Vec<Carried> {
    carry::all(&names.iter().map(PathBuf::from).collect::<Vec<_>>(), &Cancel::new()).unwrap()
}

/// A guest with these programs.
fn with(names: &[&str]) -> Equipment {
    Equipment { carried: carry(names), ..Equipment::default() }
}

const NEEDS: [&str; 5] = ["qemu-system-x86_64", "apt-get", "dpkg-deb", "dash", "ldd"];

#[test]
fn commands_end_as_they_end_and_leave_nothing() {
    if !need::met(&NEEDS) {
        return;
    }
    let mut commands = commands(&[
        &["/bin/dash", "-c", "echo $GIVEN; echo err >&2; exit 3"],
        &["/bin/dash", "-c", "kill -9 $$"],
        // One descendant has the pipes still; the limit is for all of them.
        &["/bin/dash", "-c", "sleep 600 & sleep 600"],
        &["/bin/dash", "-c", "sleep 600 & echo begun"],
        &["/bin/dash", "-c", "for p in /proc/[0-9]*/exe; do readlink $p; done"],
        &["/no/such/program"],
        &["/bin/dash", "-c", "readlink /proc/self/fd/0; ls /dev/fd/; grep SigBlk /proc/self/status"],
        // More than is kept of standard error.
        &["/bin/dash", "-c", "yes >&2 & sleep 1; kill $!"],
    ]);
    commands[2].limit = 1;
    let equipment = with(&["dash", "sleep", "readlink", "ls", "grep", "yes"]);
    let (problems, ended) = boot("6.1", equipment, commands);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(ended[0], (End::Status(3), "yes\n".into(), "err\n".into()));
    assert_eq!(ended[1].0, End::Signal(9));
    assert_eq!(ended[2].0, End::Limit);
    assert_eq!(ended[3], (End::Status(0), "begun\n".into(), String::new()));
    // Kernel threads have no program; what is left are init, the shell and readlink.
    assert!(!ended[4].1.contains("sleep") && ended[4].1.contains("dash"), "{}", ended[4].1);
    assert_eq!(ended[5].0, End::Status(127));
    assert!(ended[5].2.contains("/no/such/program: No such file"), "{}", ended[5].2);
    assert_eq!(ended[6].1, "/dev/null\n0\n1\n2\n3\nSigBlk:\t0000000000000000\n");
    let (kept, said) = ended[7].2.split_at(1 << 20);
    assert!(kept.ends_with("y\n") && said.contains("bytes more were left out"), "{said}");
}

#[test]
fn containers_start_on_either_cgroup_version() {
    if !need::met(&NEEDS) {
        return;
    }
    // The first needs a root that can be pivoted away from, the second a controller.
    let check: &[&str] =
        &["/isolab", "check", "mntns-old-root-gone", "pids-limit-holds", "--launcher", "core"];
    let commands = commands(&[check, &["/bin/cat", "/proc/self/mounts"]]);
    for (kernel, cgroup, mounted) in
        [("5.10", CgroupVersion::V1, "/pids cgroup"), ("7.2", CgroupVersion::V2, "cgroup cgroup2")]
    {
        let (problems, ended) = boot(kernel, Equipment { cgroup, ..with(&["cat"]) }, commands.clone());
        assert_eq!(problems, Vec::<String>::new(), "{kernel}");
        assert!(ended[0].1.contains("core: 2 of 2 hold"), "{kernel}: {} {}", ended[0].1, ended[0].2);
        assert!(
            ended[1].1.contains(mounted) && ended[1].1.contains("root / tmpfs"),
            "{kernel}: {}",
            ended[1].1
        );
    }
}

#[test]
fn a_disk_is_where_scratch_files_go() {
    if !need::met(&NEEDS) || !need::met(&["mkfs.ext4"]) {
        return;
    }
    let script = "echo content > $TMPDIR/file && cat $TMPDIR/file && grep vda /proc/self/mounts";
    let equipment = Equipment { disk: Some(64 << 20), ..with(&["dash", "cat", "grep"]) };
    let (problems, ended) = boot("6.1", equipment, commands(&[&["/bin/dash", "-c", script]]));
    assert_eq!(problems, Vec::<String>::new());
    assert!(ended[0].1.starts_with("content\n/dev/vda /disk ext4"), "{:?}", ended[0]);
}

#[test]
fn an_apparmor_policy_holds() {
    if !need::met(&NEEDS) || !need::met(&["apparmor_parser"]) {
        return;
    }
    let scratch = Scratch::new().unwrap();
    let source = scratch.path().join("policy");
    fs::write(&source, "profile isolab-test { /** rix, deny /etc/hosts r, }\n").unwrap();
    let policy = apparmor::policy(&source, &Cancel::new()).unwrap();
    let script =
        "cat /etc/group; echo exec isolab-test > /proc/self/attr/exec; exec cat /etc/group /etc/hosts";
    let mut equipment = with(&["dash", "cat"]);
    equipment.apparmor.push(policy.path.to_string_lossy().into_owned());
    equipment.carried.push(policy);
    for kernel in ["5.10", "7.2"] {
        let (problems, ended) = boot(kernel, equipment.clone(), commands(&[&["/bin/dash", "-c", script]]));
        assert_eq!(problems, Vec::<String>::new(), "{kernel}");
        let (end, stdout, stderr) = &ended[0];
        assert_eq!(*end, End::Status(1), "{kernel}: {stdout} {stderr}");
        assert!(
            stdout.matches("root:x:0").count() == 2 && !stdout.contains("localhost"),
            "{kernel}: {stdout}"
        );
        assert!(stderr.contains("/etc/hosts: Permission denied"), "{kernel}: {stderr}");
    }
}

#[test]
fn what_cannot_be_prepared_is_said() {
    if !need::met(&NEEDS) {
        return;
    }
    let mut equipment = with(&["/etc/hostname"]);
    equipment.carried[0].path = "/broken".into();
    // The kernel refuses what is no policy.
    equipment.apparmor = vec!["/no/such/policy".into(), "/broken".into()];
    let (problems, _) = boot("6.1", equipment, Vec::new());
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("/no/such/policy: No such file"), "{problems:?}");
    assert!(problems[1].contains("/broken"), "{problems:?}");
}
