//! What the kernel keeps elsewhere: System V objects, keys, programs, terminals, loop devices, and its log.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use isolab_core::cgroup::devices::Instruction;
use isolab_core::snapshot::{HostSnapshot, Kind};
use isolab_core::sys::bpf;
use isolab_core::sys::trial::{Argument, Trial, number, trial};

use super::{Stage, apart};

/// A call of a forked child: what it makes outlives the child.
fn call(name: &str, arguments: &[Argument<'_>]) -> i64 {
    match trial(number(name).unwrap(), arguments).unwrap() {
        Trial::Returned(value) => value,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn system_v_objects_are_told_by_their_key() {
    apart("kernel::system_v_objects_are_told_by_their_key", &[], || {
        let stage = Stage::new("ipc");
        let key = |key: i32| Argument::Number(u64::from(key.cast_unsigned()));
        let create = Argument::Number((libc::IPC_CREAT | libc::IPC_EXCL | 0o600) as u64);
        let [size, one, remove, zero] = [4096, 1, libc::IPC_RMID as u64, 0].map(Argument::Number);
        let other = key(stage.scope.ipc_key().wrapping_add(2));
        let make = || {
            let ours = key(stage.scope.ipc_key());
            let shared = [ours, other].map(|key| call("shmget", &[key, size, create]));
            (shared, call("semget", &[ours, one, create]), call("msgget", &[ours, create]))
        };
        let lines = |([shm, _], sem, msg): &([i64; 2], i64, i64)| {
            let line =
                |table, id| format!("System V {table} {id} is left, with key {}*", stage.scope.ipc_key());
            vec![line("shm", shm), line("sem", sem), line("msg", msg)]
        };
        stage.tells(make, lines, |(shared, sem, msg)| {
            let id = |id: i64| Argument::Number(id as u64);
            for shm in shared {
                call("shmctl", &[id(shm), remove, zero]);
            }
            call("semctl", &[id(sem), zero, remove]);
            call("msgctl", &[id(msg), remove, zero]);
        });
    });
}

#[test]
fn keys_are_told_by_the_token() {
    apart("kernel::keys_are_told_by_the_token", &["root", "/proc/keys"], || {
        let mut stage = Stage::new("keys");
        stage.scope.thorough = true;
        // keyctl(2): KEY_SPEC_USER_KEYRING and KEYCTL_INVALIDATE.
        let ring = Argument::Number(-4i64 as u64);
        let [zero, invalidate] = [0, 21].map(Argument::Number);
        let add = || {
            let name = CString::new(format!("key-{}", stage.scope.token)).unwrap();
            call("add_key", &[Argument::Text(c"keyring"), Argument::Text(&name), zero, zero, ring])
        };
        let lines = |key: &i64| vec![format!("key {key:08x} is left, keyring key-{}*", stage.scope.token)];
        stage.tells(add, lines, |key| {
            call("keyctl", &[invalidate, Argument::Number(key as u64)]);
        });
    });
}

#[test]
fn programs_and_terminals_are_told_where_nobody_else_is_at_work() {
    apart("kernel::programs_and_terminals_are_told_where_nobody_else_is_at_work", &["root"], || {
        let mut stage = Stage::new("alone");
        stage.scope.alone = true;
        // r0 = 0; exit
        let none = Instruction { code: 0xb7, registers: 0, offset: 0, operand: 0 };
        let end = Instruction { code: 0x95, ..none };
        let before = stage.take();
        let program = bpf::load_device_program(&[none, end], c"isolab_test").unwrap();
        let terminal = File::options().read(true).write(true).open("/dev/ptmx").unwrap();
        // Others are at work here, so nothing is said of what they may have left meanwhile.
        let new = |kind: &str, after: &HostSnapshot| {
            let of = |snapshot: &HostSnapshot| -> Vec<String> {
                let objects = snapshot.of(Kind::Objects).map(|(what, _)| what.to_owned());
                objects.filter(|what| what.starts_with(kind)).collect()
            };
            let old = of(&before);
            of(after).into_iter().filter(|what| !old.contains(what)).collect::<Vec<_>>()
        };
        let held = stage.take();
        let (programs, terminals) = (new("BPF program", &held), new("terminal /dev/pts/", &held));
        assert!(!programs.is_empty() && !terminals.is_empty(), "{programs:?} {terminals:?}");
        drop((program, terminal));
        // The kernel frees a program after a grace period.
        let gone = |now: &HostSnapshot| {
            programs.iter().any(|what| !new("BPF program", now).contains(what))
                && terminals.iter().any(|what| !new("terminal", now).contains(what))
        };
        assert!((0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            gone(&stage.take())
        }));
    });
}

/// Loop devices are the whole host's.
#[test]
fn loop_devices_are_told_by_their_files() {
    apart(
        "kernel::loop_devices_are_told_by_their_files",
        &["root", "guest", "losetup", "/dev/loop-control"],
        || {
            let mut stage = Stage::new("loop");
            stage.scope.thorough = true;
            let image = stage.dir.join("image");
            fs::write(&image, [0; 4096]).unwrap();
            let attach = || {
                let output = Command::new("losetup").args(["--find", "--show"]).arg(&image).output().unwrap();
                String::from_utf8(output.stdout).unwrap().trim().to_owned()
            };
            let line = |device: &String| {
                vec![format!(
                    "loop device {} is left, on {}",
                    device.trim_start_matches("/dev/"),
                    image.display()
                )]
            };
            stage.tells(attach, line, |device| {
                assert!(Command::new("losetup").arg("--detach").arg(device).status().unwrap().success());
            });
        },
    );
}

/// The log is the whole host's, and what is written there stays.
#[test]
fn alarms_in_the_log_are_told() {
    apart("kernel::alarms_in_the_log_are_told", &["root", "guest"], || {
        let stage = Stage::new("log");
        let before = stage.take();
        assert!(!before.of(Kind::Unseen).any(|(what, _)| what == "/dev/kmsg"), "{before:?}");
        let mut log = File::options().write(true).open("/dev/kmsg").unwrap();
        // Without the end of its line a record can still grow, and is not shown.
        for line in ["isolab test: all is well\n", "isolab test: a page is leaked\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        drop(log);
        let left = stage.left(&before);
        assert!(
            left.len() == 1 && left[0].contains("the kernel's log says: isolab test: a page is leaked"),
            "{left:?}"
        );
    });
}
