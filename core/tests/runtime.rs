//! `isolab-runtime` as a user calls it.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Bundle, traces};
use isolab_core::host::Host;
use isolab_core::need;
use isolab_core::sys::{process, signal};
use serde_json::json;

const RUNTIME: &str = env!("CARGO_BIN_EXE_isolab-runtime");

/// With a root directory of the bundle's own.
fn runtime(bundle: &Bundle) -> Command {
    let mut command = Command::new(RUNTIME);
    command.arg("--root").arg(bundle.dir.join("root"));
    command
}

fn run(bundle: &Bundle) -> Output {
    runtime(bundle).args(["run", "--bundle"]).arg(bundle.write()).arg(&bundle.id).output().unwrap()
}

fn status_and_error(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_workloads_status_is_the_runtimes() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    for (script, status) in
        [("exit 0", 0), ("exit 7", 7), ("kill -9 $$; busybox sleep 9 & kill -9 $!; exit 3", 3)]
    {
        let bundle = Bundle::new().with_shell(script);
        let before = traces(&host, &bundle);
        let output = run(&bundle);
        assert_eq!(output.status.code(), Some(status), "{script}: {output:?}");
        assert_eq!(traces(&host, &bundle), before);
    }
}

#[test]
fn standard_streams_are_passed_through() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let bundle = Bundle::new().with_shell("read line; echo out $line; echo err >&2");
    let mut child = runtime(&bundle)
        .args(["run", "--bundle"])
        .arg(bundle.write())
        .arg(&bundle.id)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (b"out hello\n".as_slice(), b"err\n".as_slice())
    );
}

/// A child that shares its launcher's memory shares its `oom_score_adj` too, until its exec.
#[test]
fn the_launcher_keeps_its_own_oom_score() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = Bundle::new().with_shell("cat /proc/self/oom_score_adj; read line");
    bundle.config["process"]["oomScoreAdj"] = json!(777);
    let mut child = runtime(&bundle)
        .args(["run", "--bundle"])
        .arg(bundle.write())
        .arg(&bundle.id)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut inside = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut inside).unwrap();
    let outside = fs::read_to_string(format!("/proc/{}/oom_score_adj", child.id())).unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    let own = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    assert_eq!((&inside, outside), (b"777\n", own));
}

#[test]
fn wrong_input_names_its_place_and_ends_with_one() {
    let mut bundle = Bundle::new();
    bundle.config["process"]["cwd"] = json!("tmp");
    let (status, error) = status_and_error(&run(&bundle));
    assert_eq!(status, Some(1));
    assert!(error.contains("process.cwd: \"tmp\" is not absolute"), "{error}");
    let output = Command::new(RUNTIME).args(["run", "--bundle", "/nonexistent", "x"]).output().unwrap();
    let (status, error) = status_and_error(&output);
    assert_eq!(status, Some(1));
    assert!(error.contains("/nonexistent/config.json"), "{error}");
    let output = Command::new(RUNTIME).args(["run", "--bungle", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

/// Runs a shell that says when it is up and then waits for a signal.
fn waiting(bundle: &Bundle) -> std::process::Child {
    let mut child = runtime(bundle)
        .args(["run", "--bundle"])
        .arg(bundle.write())
        .arg(&bundle.id)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut up = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
    assert_eq!(&up, b"up\n");
    child
}

#[test]
fn signals_are_passed_on() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let bundle = Bundle::new().with_shell("trap 'exit 42' TERM; echo up; while true; do read x; done");
    let mut child = waiting(&bundle);
    let launcher = process::pidfd_open(child.id().cast_signed()).unwrap();
    process::signal(&launcher, signal::TERMINATE).unwrap();
    // The shell leaves its read when the signal comes.
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn a_killed_launcher_takes_its_container_and_groups_with_it() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let bundle = Bundle::new().with_shell("echo up; while true; do busybox sleep 1; done");
    let mut child = waiting(&bundle);
    let path = bundle.config["linux"]["cgroupsPath"].as_str().unwrap().trim_start_matches('/');
    let group = host.cgroups.find("pids").unwrap().0.mount.join(path);
    assert!(fs::read_to_string(group.join("cgroup.procs")).unwrap().lines().count() > 0);
    let hierarchies = host.cgroups.v1.iter().chain(&host.cgroups.v2);
    let groups: Vec<_> = hierarchies.map(|hierarchy| hierarchy.mount.join(path)).collect();
    assert!(groups.iter().any(|group| group.exists()));
    child.kill().unwrap();
    child.wait().unwrap();
    let begun = Instant::now();
    while let Some(left) = groups.iter().find(|group| group.exists()) {
        assert!(begun.elapsed() < Duration::from_secs(2), "{} outlived its launcher", left.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The child of a launch shares its launcher's memory, and dies in its group when that is too small: alone.
#[test]
fn a_group_too_small_for_the_child_does_not_kill_the_launcher() {
    if !need::met(&["root", "cgroup memory"]) {
        return;
    }
    // 64 KiB are enough on some kernels and not on others, so that its status may be any; the launcher's own death has none.
    for (limit, enough) in [(0, false), (4096, false), (65_536, true)] {
        let mut bundle = Bundle::new();
        bundle.config["linux"]["resources"]["memory"]["limit"] = json!(limit);
        let host = Host::probe();
        let before = traces(&host, &bundle);
        let (status, error) = status_and_error(&run(&bundle));
        assert!(status.is_some_and(|status| status != 0 || enough), "limit {limit}: {status:?} {error}");
        assert_eq!(traces(&host, &bundle), before, "limit {limit}: {error}");
    }
}

#[test]
fn an_unprivileged_user_can_run_a_bundle() {
    if !need::met(&["root", "user-namespace", "busybox"]) {
        return;
    }
    const NOBODY: u32 = 65_534;
    let bundle =
        Bundle::rootless(NOBODY, NOBODY).with_shell("busybox id -u; read a < /proc/self/uid_map; echo $a");
    let program = bundle.dir.join("isolab-runtime");
    common::copy_program(RUNTIME, &program);
    std::os::unix::fs::chown(&bundle.dir, Some(NOBODY), Some(NOBODY)).unwrap();
    let output = Command::new(program)
        .arg("--root")
        .arg(bundle.dir.join("root"))
        .args(["run", "--bundle"])
        .arg(bundle.write())
        .arg(&bundle.id)
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.lines().next(), Some("0"), "{output:?}");
    assert_eq!(text.lines().nth(1), Some("0 65534 1"), "{output:?}");
}
