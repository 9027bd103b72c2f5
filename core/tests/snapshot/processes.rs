//! Processes, groups, threads, descriptors, namespaces.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use isolab_core::snapshot::{HostSnapshot, Kind};
use isolab_core::sys::{namespace, process};

use super::{Stage, apart};

/// A process that nobody waits for, with this in its environment.
fn daemon(variable: &str) -> i32 {
    let (name, value) = variable.split_once('=').unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 60 >/dev/null 2>&1 & echo $!"]).env(name, value);
    let output = command.output().unwrap();
    let pid = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    // Until it is what it will be.
    while !fs::read(format!("/proc/{pid}/cmdline")).unwrap().starts_with(b"sleep") {
        thread::yield_now();
    }
    pid
}

fn kill(pid: i32) {
    process::signal(&process::pidfd_open(pid).unwrap(), libc::SIGKILL).unwrap();
}

#[test]
fn a_daemon_is_known_by_the_token() {
    apart("processes::a_daemon_is_known_by_the_token", &["sh", "sleep"], || {
        let (mut stage, other) = (Stage::new("daemon"), Stage::new("other"));
        for thorough in [false, true] {
            stage.scope.thorough = thorough;
            let line =
                |pid: &i32| vec![format!("process {pid} (*) is left, with {}", stage.scope.variable())];
            let before = other.take();
            stage.tells(
                || daemon(&stage.scope.variable()),
                line,
                |pid| {
                    assert_eq!(other.left(&before), [""; 0], "another scope");
                    kill(pid);
                },
            );
        }
    });
}

#[test]
fn a_child_is_told_until_it_is_waited_for() {
    apart("processes::a_child_is_told_until_it_is_waited_for", &["sleep"], || {
        let stage = Stage::new("child");
        let child = || Command::new("sleep").arg("60").spawn().unwrap();
        let line =
            |child: &std::process::Child| vec![format!("process {} (*a child of this process", child.id())];
        stage.tells(child, line, |mut child| {
            child.kill().unwrap();
            child.wait().unwrap();
        });
        let dead = || {
            let mut child = child();
            child.kill().unwrap();
            child
        };
        stage.tells(dead, line, |mut child| {
            child.wait().unwrap();
        });
    });
}

#[test]
fn a_grandchild_is_told() {
    apart("processes::a_grandchild_is_told", &["sh", "sleep"], || {
        let stage = Stage::new("grandchild");
        let family = || {
            let mut command = Command::new("sh");
            let mut parent =
                command.args(["-c", "sleep 60 & echo $!; wait"]).stdout(Stdio::piped()).spawn().unwrap();
            let mut line = String::new();
            let mut said = std::io::BufReader::new(parent.stdout.take().unwrap());
            std::io::BufRead::read_line(&mut said, &mut line).unwrap();
            (parent, line.trim().parse::<i32>().unwrap())
        };
        let lines = |(parent, child): &(std::process::Child, i32)| {
            vec![
                format!("process {} (*a child of this process", parent.id()),
                format!("process {child} (*a child of {}", parent.id()),
            ]
        };
        stage.tells(family, lines, |(mut parent, child)| {
            kill(child);
            parent.wait().unwrap();
        });
    });
}

#[test]
fn groups_are_told_in_every_hierarchy_with_their_processes() {
    apart(
        "processes::groups_are_told_in_every_hierarchy_with_their_processes",
        &["root", "sh", "sleep"],
        || {
            let mut stage = Stage::new("groups");
            let name = format!("isolab-snapshot-{}", std::process::id());
            stage.scope.groups.push(name.clone().into());
            let cgroups = &stage.host.cgroups;
            let mounts: Vec<_> =
                cgroups.v1.iter().chain(&cgroups.v2).map(|tree| tree.mount.join(&name)).collect();
            assert!(!mounts.is_empty());
            let make = || {
                mounts.iter().for_each(|group| fs::create_dir_all(group.join("one")).unwrap());
                // What is beside is nobody's.
                mounts.iter().for_each(|group| fs::create_dir(group.with_extension("beside")).unwrap());
            };
            let lines = |(): &()| {
                let two = |group: &std::path::PathBuf| {
                    ["", "/one"]
                        .map(|part| format!("cgroup *: {}{part} is left, no process in it", group.display()))
                };
                mounts.iter().flat_map(two).collect()
            };
            stage.tells(make, lines, |()| {
                for group in &mounts {
                    for group in [group.join("one"), group.clone(), group.with_extension("beside")] {
                        fs::remove_dir(group).unwrap();
                    }
                }
            });
            // A process in one is told by the group, and where it is nobody's child by itself.
            let group = mounts.last().unwrap();
            fs::create_dir(group).unwrap();
            let before = stage.take();
            let pid = daemon("OTHER=1");
            fs::write(group.join("cgroup.procs"), pid.to_string()).unwrap();
            let left = stage.left(&before);
            kill(pid);
            assert!(
                left[0].starts_with(&format!("process {pid} ("))
                    && left[0].ends_with(&format!("in the group {}", group.display()))
            );
            assert!(
                left[1].contains("has changed from \"no process in it\" to \"1 process in it\"")
                    && left.len() == 2,
                "{left:?}"
            );
            while fs::remove_dir(group).is_err() {
                thread::yield_now();
            }
        },
    );
}

#[test]
fn a_descriptor_a_thread_and_a_terminal_are_told() {
    apart("processes::a_descriptor_a_thread_and_a_terminal_are_told", &[], || {
        let mut stage = Stage::new("own");
        let number = |file: &File| std::os::fd::AsRawFd::as_raw_fd(file);
        let open = |path| move || File::options().read(true).write(true).open(path).unwrap();
        stage.tells(
            open("/dev/null"),
            |file| vec![format!("descriptor {} is left, open on /dev/null", number(file))],
            drop,
        );
        let before = stage.take();
        let opened = open("/dev/ptmx")();
        let (left, start) =
            (stage.left(&before), format!("descriptor {} is left, open on /dev/p", number(&opened)));
        let whole = left.len() == 1 && left[0].starts_with(&start);
        assert!(whole && left[0].contains("ptmx, of the terminal /dev/pts/"), "{left:?}");
        drop(opened);
        assert_eq!(stage.left(&before), [""; 0]);

        let (stop, stopped) = mpsc::channel::<()>();
        let (say, said) = mpsc::channel();
        let thread = || {
            let wait = move || {
                // By now it has its name.
                say.send(()).unwrap();
                stopped.recv().unwrap_or_default();
            };
            let thread = thread::Builder::new().name("idle".into()).spawn(wait).unwrap();
            said.recv().unwrap();
            thread
        };
        let line = |_: &thread::JoinHandle<()>| vec!["thread * is left, named idle".to_owned()];
        stage.tells(thread, line, |thread| {
            drop(stop);
            thread.join().unwrap();
        });
        // Where other threads do other things none of it is told.
        stage.scope.own = false;
        let before = stage.take();
        let file = open("/dev/null")();
        assert_eq!(stage.left(&before), [""; 0]);
        drop(file);
    });
}

#[test]
fn namespaces_are_told_with_who_holds_them() {
    apart("processes::namespaces_are_told_with_who_holds_them", &["root", "unshare", "sleep"], || {
        let stage = Stage::new("namespaces");
        // Of a thread that is gone.
        let descriptor = || {
            let inside = || {
                namespace::unshare(libc::CLONE_NEWUTS as u64).unwrap();
                File::open("/proc/thread-self/ns/uts").unwrap()
            };
            thread::spawn(inside).join().unwrap()
        };
        let before = stage.take();
        let file = descriptor();
        let left = stage.left(&before);
        assert!(left.len() == 2 && left[1].contains("open on uts:["), "{left:?}");
        assert!(
            left[0].starts_with("namespace uts:[")
                && left[0].ends_with("held by a descriptor of this process")
        );
        drop(file);
        assert_eq!(stage.left(&before), [""; 0]);
        // The own one is another.
        namespace::unshare(libc::CLONE_NEWIPC as u64).unwrap();
        let after = stage.take();
        let changed = before.diff(&after);
        assert!(
            changed.iter().any(|left| left.kind == Kind::Namespaces && left.what == "own ipc namespace"),
            "{changed:?}"
        );
        // And a child's, by the child.
        let child = Command::new("unshare").args(["--net", "sleep", "60"]).spawn();
        let mut child = child.unwrap();
        let told = format!("held by process {}", child.id());
        let has = |snapshot: &HostSnapshot| {
            snapshot
                .of(Kind::Namespaces)
                .any(|(what, how)| what.starts_with("namespace net:[") && how == told)
        };
        let seen = (0..1000).any(|_| {
            thread::sleep(std::time::Duration::from_millis(2));
            has(&stage.take())
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen && !has(&stage.take()));
    });
}
