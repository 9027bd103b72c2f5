//! Engines on `isolab-runtime`: Podman with conmon, and Buildah, as Debian has them.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs;
use std::process::{Command, Output, Stdio};

use common::Bundle;
use isolab_core::need;

const RUNTIME: &str = env!("CARGO_BIN_EXE_isolab-runtime");

/// An engine with storage and settings of a test's own.
struct Engine {
    bundle: Bundle,
    program: &'static str,
}

impl Engine {
    fn new(program: &'static str) -> Engine {
        let bundle = Bundle::new().with_shell("");
        std::os::unix::fs::symlink("busybox", bundle.dir.join("rootfs/bin/sh")).unwrap();
        // Engines raise limits to what the kernel allows at most, which takes a capability that not every root has.
        let settings = "[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=1024:1024\"]\n";
        fs::write(bundle.dir.join("containers.conf"), settings).unwrap();
        Engine { bundle, program }
    }

    fn run(&self, args: &[&str]) -> Output {
        let at = |name: &str| self.bundle.dir.join(name).into_os_string();
        let mut command = Command::new(self.program);
        command.env("CONTAINERS_CONF", at("containers.conf")).stdin(Stdio::null());
        command.arg("--root").arg(at("storage")).arg("--runroot").arg(at("run"));
        command.args(["--storage-driver", "vfs"]).args(args);
        command.output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn podman_runs_execs_pauses_stops_and_removes() {
    if !need::met(&["root", "busybox", "podman"]) {
        return;
    }
    let engine = Engine::new("podman");
    let global = ["--runtime", RUNTIME, "--cgroup-manager=cgroupfs"];
    let podman = |args: &[&str]| engine.run(&[&global, args].concat());
    let ok = |args: &[&str]| engine.ok(&[&global, args].concat());
    let rootfs = engine.bundle.dir.join("rootfs");
    let rootfs = rootfs.to_str().unwrap();
    let once = |flags: &[&str], script: &str| {
        let run = ["run", "--rm", "--network=none"];
        podman(&[&run, flags, &["--rootfs", rootfs, "/bin/sh", "-c", script]].concat())
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said(&once(&[], "echo hello")), "hello\n");
    assert_eq!(once(&[], "exit 7").status.code(), Some(7));
    assert!(said(&once(&["-t"], "busybox tty")).starts_with("/dev/pts/"));
    assert_eq!(said(&once(&["--user", "7:8", "--hostname", "h"], "busybox id -u; hostname")), "7\nh\n");
    let missing = podman(&["run", "--rm", "--network=none", "--rootfs", rootfs, "/nowhere"]);
    assert_eq!(missing.status.code(), Some(127), "{missing:?}");

    let script = "trap 'exit 0' TERM; echo up; while true; do busybox sleep 1000 & wait $!; done";
    let id = ok(&["run", "-d", "--network=none", "--rootfs", rootfs, "/bin/sh", "-c", script]);
    let id = id.trim();
    assert_eq!(ok(&["exec", id, "/bin/sh", "-c", "echo in"]), "in\n");
    assert_eq!(podman(&["exec", id, "/bin/sh", "-c", "exit 5"]).status.code(), Some(5));
    assert_eq!(podman(&["exec", id, "/nowhere"]).status.code(), Some(127));
    assert!(ok(&["exec", "-t", id, "/bin/busybox", "tty"]).starts_with("/dev/pts/"));
    assert!(ok(&["top", id, "pid", "comm"]).contains("busybox"));
    let status = || ok(&["inspect", "--format", "{{.State.Status}}", id]);
    ok(&["pause", id]);
    assert_eq!(status(), "paused\n");
    ok(&["unpause", id]);
    assert_eq!(status(), "running\n");
    ok(&["stop", "-t", "60", id]);
    assert_eq!(ok(&["inspect", "--format", "{{.State.ExitCode}}", id]), "0\n");
    assert_eq!(ok(&["logs", id]), "up\n");
    ok(&["start", id]);
    ok(&["rm", "-f", "-t", "0", id]);
    assert_eq!(ok(&["ps", "-aq"]), "");
}

#[test]
fn buildah_runs() {
    if !need::met(&["root", "busybox", "buildah"]) {
        return;
    }
    let engine = Engine::new("buildah");
    let container = engine.ok(&["from", "scratch"]);
    let container = container.trim();
    let rootfs = engine.bundle.dir.join("rootfs");
    engine.ok(&["copy", container, rootfs.to_str().unwrap(), "/"]);
    let run = |script: &str| {
        let run = ["run", "--runtime", RUNTIME, "--isolation", "oci", "--network", "none", container];
        engine.run(&[&run[..], &["/bin/sh", "-c", script]].concat())
    };
    let hello = run("echo hello; busybox id -u");
    assert_eq!(String::from_utf8_lossy(&hello.stdout), "hello\n0\n", "{hello:?}");
    let failed = run("exit 5");
    assert!(!failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains("status 5"));
    engine.ok(&["rm", container]);
}
