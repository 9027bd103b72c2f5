//! Bad input that is no value of a config: files that are none, configs of a size, programs that cannot be executed, filters that
//! deny what a launch needs, hooks that talk without end, commands that make no sense. Each is refused in bounded time, says what is
//! wrong, and leaves nothing.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs;
use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::{Bundle, traces, write_program};
use isolab_core::host::Host;
use isolab_core::need;
use serde_json::{Value, json};

const RUNTIME: &str = env!("CARGO_BIN_EXE_isolab-runtime");
/// What takes longer hangs: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a command ended: its status, and what it said.
#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    said: String,
}

/// Runs a command to its end, which it must come to by itself. What it says goes to a file: a container that it leaves holds a pipe
/// open.
fn ended(command: &mut Command) -> Ended {
    let mut words = tempfile();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    words.rewind().unwrap();
    let mut said = Vec::new();
    words.read_to_end(&mut said).unwrap();
    Ended { status: status.code(), said: String::from_utf8_lossy(&said).into_owned() }
}

fn tempfile() -> fs::File {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("isolab-words-{}-{number}", std::process::id()));
    let file = fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    fs::remove_file(path).unwrap();
    file
}

/// Deletes the bundle's container at its end, and when the test fails before that.
struct Deleted<'b>(&'b Bundle);

impl Drop for Deleted<'_> {
    fn drop(&mut self) {
        runtime(self.0).args(["delete", "--force", &self.0.id]).stderr(Stdio::null()).status().ok();
    }
}

fn runtime(bundle: &Bundle) -> Command {
    let mut command = Command::new(RUNTIME);
    command.arg("--root").arg(bundle.dir.join("state"));
    command
}

/// Runs what the bundle's config file is.
fn run(bundle: &Bundle) -> Ended {
    ended(runtime(bundle).args(["run", "--bundle"]).arg(&bundle.dir).arg(&bundle.id))
}

/// Runs what the bundle's config says, and looks for what is left.
fn launched(bundle: &Bundle, host: &Host) -> Ended {
    let before = traces(host, bundle);
    bundle.write();
    let ended = run(bundle);
    assert_eq!(traces(host, bundle), before, "{ended:?}");
    assert!(is_empty(&bundle.dir.join("state")), "{ended:?}");
    ended
}

fn is_empty(state: &Path) -> bool {
    fs::read_dir(state).map_or(true, |entries| entries.flatten().next().is_none())
}

#[test]
fn a_config_that_is_none_is_refused_and_named() {
    let bundle = Bundle::new();
    let file = bundle.dir.join("config.json");
    let text = bundle.config.to_string();
    let refused = |what: &str| {
        let ended = run(&bundle);
        assert!(ended.status == Some(1) && ended.said.contains("config.json"), "{what}: {ended:?}");
        assert_eq!(ended.said.trim_end().lines().count(), 1, "{what}: {ended:?}");
    };
    refused("nothing");
    fs::create_dir(&file).unwrap();
    refused("a directory");
    fs::remove_dir(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    refused("a FIFO that nobody writes to");
    fs::remove_file(&file).unwrap();
    let (half, _) = text.split_at(text.len() / 2);
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("no JSON", b"root: rootfs\n".to_vec()),
        ("half of one", half.into()),
        ("two of them", [text.as_bytes(), text.as_bytes()].concat()),
        ("no UTF-8", text.replacen("TERM", "\u{1}", 1).into_bytes().iter().map(|byte| byte | 0x80).collect()),
        ("a string of 100 MB", format!("{{\"ociVersion\": \"{}", "x".repeat(100_000_000)).into_bytes()),
    ] {
        fs::write(&file, bytes).unwrap();
        refused(what);
    }
}

/// In two GiB of address space.
#[test]
fn a_config_of_any_size_is_taken_or_refused() {
    if !need::met(&["root", "prlimit"]) {
        return;
    }
    let host = Host::probe();
    let env = |count: usize| (0..count).map(|nth| json!(format!("N{nth}=x"))).collect::<Vec<Value>>();
    let mounts = |count: usize| {
        (0..count).map(|nth| json!({"destination": format!("/tmp/{nth}"), "type": "tmpfs", "source": "t"}))
    };
    let masked: Vec<String> = (0..10_000).map(|nth| format!("/none/{nth}")).collect();
    let mut bundle = Bundle::new();
    let all = [
        ("/process/env", Value::Array(env(300_000)), "E2BIG"),
        ("/mounts", mounts(500).collect(), ""),
        ("/linux/maskedPaths", json!(masked), ""),
    ];
    for (pointer, value, expected) in all {
        let before = (traces(&host, &bundle), bundle.config.clone());
        *bundle.config.pointer_mut(pointer).unwrap() = value;
        bundle.write();
        let mut limited = Command::new("prlimit");
        limited.arg("--as=2147483648").arg(RUNTIME).arg("--root").arg(bundle.dir.join("state"));
        let ended = ended(limited.args(["run", "--bundle"]).arg(&bundle.dir).arg(&bundle.id));
        match expected {
            "" => assert_eq!(ended.status, Some(0), "{pointer}: {ended:?}"),
            expected => {
                assert!(ended.status != Some(0) && ended.said.contains(expected), "{pointer}: {ended:?}")
            }
        }
        bundle.config = before.1;
        assert_eq!(traces(&host, &bundle), before.0, "{pointer}");
    }
}

#[test]
fn a_program_that_cannot_be_executed_is_told_apart() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new();
    let bin = bundle.dir.join("rootfs/bin");
    let foreign = if cfg!(target_arch = "x86_64") { "aarch64" } else { "x86_64" };
    write_program(&isolab_core::exit::elf(foreign).unwrap(), &bin.join("foreign"));
    write_program(b"#!/bin/none\n", &bin.join("script"));
    write_program(b"", &bin.join("empty"));
    fs::write(bin.join("plain"), "x").unwrap();
    fs::set_permissions(bin.join("plain"), PermissionsExt::from_mode(0o644)).unwrap();
    fs::create_dir(bin.join("directory")).unwrap();
    for (name, status, errno) in [
        ("none", 127, "ENOENT"),
        ("script", 127, "ENOENT"),
        ("plain", 126, "EACCES"),
        ("directory", 126, "EACCES"),
        ("foreign", 126, "ENOEXEC"),
        ("empty", 126, "ENOEXEC"),
    ] {
        bundle.config["process"]["args"] = json!([format!("/bin/{name}")]);
        let ended = launched(&bundle, &host);
        assert!(ended.status == Some(status) && ended.said.contains(errno), "{name}: {ended:?}");
        assert!(ended.said.contains(&format!("/bin/{name}")), "{name}: {ended:?}");
    }
}

/// The filter is there before the exec, and judges whatever comes after it.
#[test]
fn a_filter_that_denies_what_a_launch_needs_ends_it() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let rule = |name: &str, action: &str| json!([{"names": [name], "action": action}]);
    for (default, rules, status) in [
        ("SCMP_ACT_ALLOW", rule("execve", "SCMP_ACT_ERRNO"), &[126, 127, 1][..]),
        ("SCMP_ACT_ALLOW", rule("execve", "SCMP_ACT_KILL_PROCESS"), &[159, 1]),
        ("SCMP_ACT_KILL_PROCESS", json!([]), &[159, 1]),
        ("SCMP_ACT_ERRNO", json!([]), &[126, 127, 1]),
        // The program gets its answer, and goes on or ends as it can.
        ("SCMP_ACT_ALLOW", rule("exit_group", "SCMP_ACT_KILL_PROCESS"), &[159]),
        ("SCMP_ACT_ALLOW", rule("write", "SCMP_ACT_KILL_PROCESS"), &[159]),
    ] {
        let mut bundle = Bundle::new().with_shell("echo x; exit 3");
        bundle.config["linux"]["seccomp"] = json!({"defaultAction": default, "syscalls": rules});
        let ended = launched(&bundle, &host);
        assert!(ended.status.is_some_and(|code| status.contains(&code)), "{default} {rules}: {ended:?}");
    }
}

#[test]
fn a_hook_that_talks_without_end_is_ended_at_its_time() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new();
    let hook = json!([{"path": "/bin/busybox", "args": ["yes", "yes"], "timeout": 1}]);
    bundle.config["hooks"] = json!({"createRuntime": hook});
    let ended = launched(&bundle, &host);
    assert!(
        ended.status == Some(1) && ended.said.contains("createRuntime /bin/busybox: killed after 1 s"),
        "{ended:?}"
    );
    assert!(ended.said.len() < 64 << 10, "{} bytes of a hook's words", ended.said.len());
}

#[test]
fn commands_that_make_no_sense_have_no_effect() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let bundle = Bundle::new().with_shell("while true; do read x || sleep 1; done");
    let before = traces(&host, &bundle);
    bundle.write();
    let _deleted = Deleted(&bundle);
    let does = |words: &[&str]| ended(runtime(&bundle).args(words));
    let dir = bundle.dir.to_str().unwrap();
    let refused = |words: &[&str], reason: &str| {
        let ended = does(words);
        assert!(ended.status.is_some_and(|status| status != 0), "{words:?}: {ended:?}");
        assert!(ended.said.contains(reason), "{words:?}: {ended:?}");
    };
    let id = bundle.id.as_str();
    for command in ["start", "state", "kill", "delete", "pause", "resume", "ps"] {
        refused(&[command, "nobody"], "nobody");
    }
    for id in ["", ".", "..", "a/b", "../x", "a\nb", "é", &"x".repeat(300)] {
        refused(&["run", "--bundle", dir, "--", id], "");
    }
    refused(&["create", "--bundle", dir, "--pid-file", dir, id], "--pid-file");
    assert!(is_empty(&bundle.dir.join("state")));

    assert_eq!(does(&["create", "--bundle", dir, id]).status, Some(0));
    refused(&["resume", id], "");
    refused(&["delete", id, "--bungle"], "bungle");
    assert_eq!(does(&["start", id]).status, Some(0));
    refused(&["start", id], "running");
    refused(&["delete", id], "running");
    for signal in ["65", "-1", "KILLL", "99999999999"] {
        refused(&["kill", id, signal], signal);
    }
    refused(&["exec", "--cwd", "relative", id, "/bin/busybox", "true"], "relative");
    refused(&["exec", "--user", "nobody-of-this-name", id, "/bin/busybox", "true"], "nobody-of-this-name");
    refused(&["exec", "--user", "4294967295", id, "/bin/busybox", "true"], "4294967295");
    refused(&["exec", "--preserve-fds", "1000", id, "/bin/busybox", "true"], "");
    refused(&["exec", id, "/bin/none"], "/bin/none");
    refused(&["create", "--bundle", dir, id], id);
    // It stands as it did.
    assert_eq!(does(&["exec", id, "/bin/busybox", "true"]).status, Some(0));
    assert_eq!(does(&["delete", "--force", id]).status, Some(0));
    assert!(is_empty(&bundle.dir.join("state")));
    assert_eq!(traces(&host, &bundle), before);
}
