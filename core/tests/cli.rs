//! The commands of `isolab-runtime` as engines call them.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::{Bundle, traces};
use isolab_core::host::Host;
use isolab_core::need;
use isolab_core::sys::socket;
use serde_json::{Value, json};

const RUNTIME: &str = env!("CARGO_BIN_EXE_isolab-runtime");
/// Waits for ever, and ends at SIGTERM.
/// A signal that comes just before `wait` is noticed after it.
const WAIT: &str = "trap 'exit 0' TERM; echo up; while true; do busybox sleep 1 & wait $!; done";
/// No change of a container's status takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A root directory of a test's own.
struct Root(PathBuf);

impl Root {
    fn new() -> Root {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Root(std::env::temp_dir().join(format!("isolab-root-{}-{number}", std::process::id())))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(RUNTIME);
        command.arg("--root").arg(&self.0).args(args);
        command
    }

    /// Performs a command whose output goes to files: a container keeps what it is given open, so that a pipe would not
    /// end before it does.
    fn run(&self, args: &[&str]) -> Output {
        output(&mut self.command(args))
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn create(&self, bundle: &Bundle) {
        self.ok(&["create", "--bundle", bundle.write().to_str().unwrap(), &bundle.id]);
    }

    fn start(&self, bundle: &Bundle) {
        self.create(bundle);
        self.ok(&["start", &bundle.id]);
    }

    fn state(&self, id: &str) -> Value {
        serde_json::from_str(&self.ok(&["state", id])).unwrap()
    }

    fn status(&self, id: &str) -> String {
        self.state(id)["status"].as_str().unwrap().to_owned()
    }

    /// Waits until a container is so.
    fn await_status(&self, id: &str, status: &str) {
        let until = Instant::now() + LIMIT;
        while self.status(id) != status {
            assert!(Instant::now() < until, "{id} is {} and not {status}", self.status(id));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.0).map_or(true, |mut entries| entries.next().is_none())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            self.run(&["delete", "--force", entry.file_name().to_str().unwrap()]);
        }
        fs::remove_dir_all(&self.0).ok();
    }
}

fn output(command: &mut Command) -> Output {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let file = || {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("isolab-output-{}-{number}", std::process::id()));
        let file = fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        fs::remove_file(path).unwrap();
        file
    };
    let (mut out, mut err) = (file(), file());
    command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let status = command.status().unwrap();
    let mut texts = [Vec::new(), Vec::new()];
    for (file, text) in [&mut out, &mut err].into_iter().zip(&mut texts) {
        file.rewind().unwrap();
        file.read_to_end(text).unwrap();
    }
    let [stdout, stderr] = texts;
    Output { status, stdout, stderr }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What waits to be started runs the runtime's own program, which whoever comes into the container could open by
/// `/proc/PID/exe`, and write to once nobody runs it (CVE-2019-5736).
#[test]
fn the_runtimes_own_program_cannot_be_written_to_through_a_container() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let root = Root::new();
    let bundle = Bundle::new().with_shell(WAIT);
    // A copy that nobody else runs.
    let own = bundle.dir.join("isolab-runtime");
    common::copy_program(RUNTIME, &own);
    let call = |args: &[&str]| {
        let said = output(Command::new(&own).arg("--root").arg(&root.0).args(args));
        assert!(said.status.success(), "{args:?}: {said:?}");
        said.stdout
    };
    call(&["create", "--bundle", bundle.write().to_str().unwrap(), &bundle.id]);
    let state: Value = serde_json::from_slice(&call(&["state", &bundle.id])).unwrap();
    let program = fs::File::open(format!("/proc/{}/exe", state["pid"])).unwrap();
    call(&["delete", "--force", &bundle.id]);
    let again = format!("/proc/self/fd/{}", program.as_raw_fd());
    let error = fs::File::options().write(true).open(again).unwrap_err();
    // Read-only, or sealed.
    assert!([libc::EROFS, libc::EPERM].contains(&error.raw_os_error().unwrap()), "{error}");
}

#[test]
fn the_life_of_a_container() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let (root, host) = (Root::new(), Host::probe());
    let bundle = Bundle::new().with_shell(WAIT);
    let before = traces(&host, &bundle);
    let id = bundle.id.as_str();
    root.create(&bundle);
    let state = root.state(id);
    let pid = state["pid"].as_i64().unwrap();
    let program = || fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    let workload = std::path::Path::new("/bin/busybox");
    assert_ne!(program(), workload, "the workload ran before its start");
    let expected = json!({
        "ociVersion": "1.0.2-dev", "id": id, "pid": pid, "status": "created", "bundle": bundle.dir,
        "rootfs": bundle.dir.join("rootfs"), "created": state["created"], "owner": "root",
    });
    assert_eq!(state, expected);
    let list: Value = serde_json::from_str(&root.ok(&["list", "--format", "json"])).unwrap();
    assert_eq!(list, json!([expected]));
    assert_eq!(root.ok(&["list", "--quiet"]), format!("{id}\n"));
    root.ok(&["start", id]);
    assert_eq!(root.status(id), "running");
    assert_eq!(program().file_name().unwrap(), "busybox");
    let again = root.run(&["start", id]);
    assert!(again.status.code() == Some(1) && said(&again).contains("running already"), "{again:?}");
    let busy = root.run(&["delete", id]);
    assert!(
        busy.status.code() == Some(1) && said(&busy).contains("that is not stopped: running"),
        "{busy:?}"
    );
    root.ok(&["kill", id]);
    root.await_status(id, "stopped");
    assert_eq!(root.state(id)["pid"], 0);
    let late = root.run(&["kill", id, "KILL"]);
    assert!(late.status.code() == Some(1) && said(&late).contains("container not running"), "{late:?}");
    root.ok(&["delete", id]);
    assert!(root.is_empty());
    assert_eq!(traces(&host, &bundle), before);
    for command in ["state", "start", "kill", "delete", "pause", "resume", "ps", "events", "update"] {
        let none = root.run(&[command, id]);
        assert!(
            none.status.code() == Some(1) && said(&none).contains("does not exist"),
            "{command}: {none:?}"
        );
    }
    root.ok(&["delete", "--force", id]);
}

#[test]
fn an_empty_list_is_as_runcs() {
    let root = Root::new();
    assert_eq!(root.ok(&["list"]), "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
    assert_eq!(root.ok(&["list", "-f", "json"]), "null\n");
    assert_eq!(root.ok(&["list", "-q"]), "");
}

#[test]
fn a_container_that_was_never_started_is_deleted_with_its_process() {
    if !need::met(&["root"]) {
        return;
    }
    let (root, host, bundle) = (Root::new(), Host::probe(), Bundle::new());
    let before = traces(&host, &bundle);
    root.create(&bundle);
    let pid = root.state(&bundle.id)["pid"].as_i64().unwrap();
    root.ok(&["delete", &bundle.id]);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
    assert_eq!(traces(&host, &bundle), before);
}

#[test]
fn of_many_creates_of_one_name_exactly_one_wins() {
    if !need::met(&["root"]) {
        return;
    }
    let root = Root::new();
    let mut bundles: Vec<Bundle> = (0..20).map(|_| Bundle::new()).collect();
    for bundle in &mut bundles {
        bundle.id = "same".into();
    }
    let children: Vec<(Child, PathBuf)> = bundles
        .iter()
        .map(|bundle| {
            let errors = bundle.dir.join("errors");
            let child = root
                .command(&["create", "--bundle", bundle.write().to_str().unwrap(), "same"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(fs::File::create(&errors).unwrap())
                .spawn()
                .unwrap();
            (child, errors)
        })
        .collect();
    let mut won = 0;
    for (mut child, errors) in children {
        let status = child.wait().unwrap().code();
        let said = fs::read_to_string(errors).unwrap();
        match status {
            Some(0) => won += 1,
            Some(1) => assert!(said.contains("exists already"), "{said}"),
            other => panic!("{other:?} {said}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(root.status("same"), "created");
}

#[test]
fn commands_at_the_same_time_see_a_whole_container_or_none() {
    if !need::met(&["root"]) {
        return;
    }
    let root = &Root::new();
    let allowed = ["does not exist", "exists already", "has stopped", "running already", "is being created"];
    let perform = |args: &[&str]| {
        let output = root.run(args);
        let said = said(&output);
        assert!(
            output.status.success() || allowed.iter().any(|words| said.contains(words)),
            "{args:?}: {output:?}"
        );
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..6 {
                    let mut bundle = Bundle::new();
                    bundle.id = "busy".into();
                    perform(&["create", "--bundle", bundle.write().to_str().unwrap(), "busy"]);
                    perform(&["start", "busy"]);
                    perform(&["delete", "--force", "busy"]);
                }
            });
        }
        for args in [["state", "busy"].as_slice(), &["list", "-f", "json"], &["delete", "-f", "busy"]] {
            scope.spawn(move || (0..20).for_each(|_| perform(args)));
        }
    });
    root.ok(&["delete", "--force", "busy"]);
    assert!(root.is_empty());
}

/// System calls that change something, or wait.
const CALLS: [&str; 18] = [
    "mkdirat",
    "openat",
    "mknodat",
    "fcntl",
    "write",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "clone",
    "clone3",
    "recvfrom",
    "sendto",
    "pidfd_open",
    "pidfd_send_signal",
    "ppoll",
    "close",
    "exit_group",
];

/// Performs a command that is killed where it is about to make a system call for the so-manieth time.
fn killed_at(root: &Root, call: &str, when: u32, args: &[&str]) -> Output {
    // A question mark: not all architectures have them all.
    let inject = format!("inject=?{call}:signal=SIGKILL:when={when}");
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "-e", &inject, RUNTIME, "--root"]).arg(&root.0).args(args);
    output(&mut command)
}

/// Kills a command at each of its system calls, one after the other.
fn killed_everywhere(root: &Root, args: &[&str], mut check: impl FnMut(&str, u32)) {
    let mut killed = 0;
    for call in CALLS {
        for when in 1.. {
            let Output { status, stderr, .. } = killed_at(root, call, when, args);
            check(call, when);
            if status.success() {
                break;
            }
            let said = String::from_utf8_lossy(&stderr);
            assert_eq!(status.signal(), Some(9), "{call} {when}: {status}: {said}");
            killed += 1;
        }
    }
    assert!(killed > 30, "killed {killed} times only");
}

#[test]
fn a_create_killed_anywhere_can_be_deleted_and_repeated() {
    if !need::met(&["root", "strace"]) {
        return;
    }
    let (root, host, bundle) = (Root::new(), Host::probe(), Bundle::new());
    let before = traces(&host, &bundle);
    let (path, id) = (bundle.write().to_str().unwrap(), bundle.id.as_str());
    killed_everywhere(&root, &["create", "--bundle", path, id], |call, when| {
        let list = root.run(&["list", "-f", "json"]);
        assert!(list.status.success() && list.stderr.is_empty(), "{call} {when}: {list:?}");
        root.ok(&["delete", "--force", id]);
        assert!(root.is_empty(), "{call} {when}");
        assert_eq!(traces(&host, &bundle), before, "{call} {when}");
    });
}

/// Recovers until nothing is left, for as long as what a killed command has left takes to end.
fn recovered(root: &Root) -> Vec<String> {
    let (begun, mut names) = (Instant::now(), Vec::new());
    loop {
        names.extend(root.ok(&["recover"]).lines().map(str::to_owned));
        if root.is_empty() || begun.elapsed() > Duration::from_secs(5) {
            return names;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_killed_anywhere_is_recovered() {
    if !need::met(&["root", "strace"]) {
        return;
    }
    let (root, host, bundle) = (Root::new(), Host::probe(), Bundle::new());
    let before = traces(&host, &bundle);
    let (path, id) = (bundle.write().to_str().unwrap(), bundle.id.as_str());
    let mut left = 0;
    killed_everywhere(&root, &["run", "--bundle", path, id], |call, when| {
        let names = recovered(&root);
        assert!(root.is_empty(), "{call} {when}");
        assert_eq!(traces(&host, &bundle), before, "{call} {when}");
        assert!(names.iter().all(|name| name == id) && names.len() < 2, "{names:?}");
        left += names.len();
    });
    assert!(left > 10, "{left} left");
}

#[test]
fn recovery_touches_nothing_that_has_an_owner() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let (root, created, running) =
        (Root::new(), Bundle::new().with_shell(WAIT), Bundle::new().with_shell(WAIT));
    root.create(&created);
    root.start(&running);
    let ended = Bundle::new().with_shell("exit 3");
    root.start(&ended);
    while root.status(&ended.id) != "stopped" {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(root.ok(&["recover"]), "");
    let states = [&created, &running, &ended].map(|bundle| root.status(&bundle.id));
    assert_eq!(states, ["created", "running", "stopped"]);
    // After a restart of the machine nothing has an owner, and the numbers of its processes are those of others.
    let pid = root.state(&running.id)["pid"].clone();
    let kept = [&running, &ended].map(|bundle| {
        let file = root.0.join(&bundle.id).join("state.json");
        let whole = fs::read(&file).unwrap();
        let mut state: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        state["boot"] = serde_json::json!("another");
        fs::write(&file, state.to_string()).unwrap();
        (file, whole)
    });
    assert_eq!(root.ok(&["recover"]).lines().count(), 2);
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert!(exe.ends_with("busybox"), "{exe:?}");
    for (file, whole) in kept {
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(&file, whole).unwrap();
    }
    for bundle in [&created, &running, &ended] {
        root.ok(&["delete", "--force", &bundle.id]);
    }
    assert!(root.is_empty());
}

#[test]
fn a_start_killed_anywhere_leaves_a_container_that_is_created_or_not() {
    if !need::met(&["root", "busybox", "strace"]) {
        return;
    }
    let (root, bundle) = (Root::new(), Bundle::new().with_shell(WAIT));
    let id = bundle.id.as_str();
    for call in CALLS {
        for when in 1.. {
            root.create(&bundle);
            let killed = killed_at(&root, call, when, &["start", id]).status;
            match root.status(id).as_str() {
                // Until it has told the container, another can. One that was told may be about to go on.
                "created" => {
                    let start = root.run(&["start", id]);
                    let there = start.status.success() || said(&start).contains("running already");
                    assert!(there, "{call} {when}: {start:?}");
                }
                "running" => {}
                other => panic!("{call} {when}: {other}"),
            }
            await_program(&format!("/proc/{}/exe", root.state(id)["pid"]), "busybox");
            let again = root.run(&["start", id]);
            assert!(said(&again).contains("running already"), "{call} {when}: {again:?}");
            root.ok(&["delete", "--force", id]);
            if killed.success() {
                break;
            }
        }
    }
}

/// Waits until a process has executed a program.
fn await_program(link: &str, program: &str) {
    let begun = Instant::now();
    while !fs::read_link(link).unwrap().ends_with(program) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{link} still waits");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_delete_killed_anywhere_can_be_repeated() {
    if !need::met(&["root", "busybox", "strace"]) {
        return;
    }
    let (root, host, bundle) = (Root::new(), Host::probe(), Bundle::new().with_shell(WAIT));
    let before = traces(&host, &bundle);
    let id = bundle.id.as_str();
    root.start(&bundle);
    killed_everywhere(&root, &["delete", "--force", id], |call, when| {
        let list = root.run(&["list", "-f", "json"]);
        assert!(list.status.success() && list.stderr.is_empty(), "{call} {when}: {list:?}");
        root.ok(&["delete", "--force", id]);
        assert!(root.is_empty(), "{call} {when}");
        assert_eq!(traces(&host, &bundle), before, "{call} {when}");
        root.start(&bundle);
    });
}

#[test]
fn exec_gives_the_process_and_its_status() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let root = Root::new();
    let bundle = Bundle::new().with_shell(WAIT);
    let id = bundle.id.as_str();
    root.start(&bundle);
    let shell = |flags: &[&str], script: &str| {
        root.run(&[&["exec"], flags, &[id, "/bin/busybox", "sh", "-c", script]].concat())
    };
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    assert_eq!(text(shell(&["--env", "A=b", "--cwd", "/tmp"], "echo $A $PWD")), "b /tmp\n");
    let identity = text(shell(&["--user", "7:8", "-g", "9"], "busybox id"));
    assert_eq!(identity, "uid=7 gid=8 groups=9\n");
    assert_eq!(shell(&[], "exit 7").status.code(), Some(7));
    assert_eq!(shell(&[], "kill -TERM $$").status.code(), Some(128 + 15));
    // As a shell has it, and then as runc.
    assert_eq!(root.run(&["exec", id, "/nowhere"]).status.code(), Some(127));
    assert_eq!(root.run(&["exec", id, "/bin"]).status.code(), Some(126));
    assert_eq!(root.run(&["exec", id]).status.code(), Some(255));
    assert_eq!(root.run(&["exec", "--cgroup", "../x", id, "/exit"]).status.code(), Some(255));
    let process = bundle.dir.join("process.json");
    fs::write(
        &process,
        json!({"args": ["/bin/busybox", "pwd"], "cwd": "/bin", "user": {"uid": 1, "gid": 1}}).to_string(),
    )
    .unwrap();
    assert_eq!(root.ok(&["exec", "--process", process.to_str().unwrap(), id]), "/bin\n");
    let pid_file = bundle.dir.join("pid");
    let detached =
        ["exec", "-d", "--pid-file", pid_file.to_str().unwrap(), id, "/bin/busybox", "sleep", "1000"];
    root.ok(&detached);
    let pid: i64 = fs::read_to_string(&pid_file).unwrap().parse().unwrap();
    let pids: Vec<i64> = serde_json::from_str(&root.ok(&["ps", "--format", "json", id])).unwrap();
    assert!(pids.contains(&pid) && pids.contains(&root.state(id)["pid"].as_i64().unwrap()), "{pids:?}");
    root.ok(&["kill", id, "KILL"]);
    root.await_status(id, "stopped");
    let late = shell(&[], "true");
    assert!(late.status.code() == Some(255) && said(&late).contains("cannot exec in a stopped"), "{late:?}");
}

#[test]
fn a_paused_container_stands_still() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let root = Root::new();
    let bundle = Bundle::new().with_shell(WAIT);
    let id = bundle.id.as_str();
    root.start(&bundle);
    root.ok(&["pause", id]);
    assert_eq!(root.status(id), "paused");
    let again = root.run(&["pause", id]);
    assert!(again.status.code() == Some(1) && said(&again).contains("not running but paused"), "{again:?}");
    assert_eq!(root.run(&["exec", id, "/exit"]).status.code(), Some(255));
    // It takes no notice as long as it is frozen.
    root.ok(&["kill", id, "TERM"]);
    assert_eq!(root.status(id), "paused");
    root.ok(&["resume", id]);
    root.await_status(id, "stopped");
    let late = root.run(&["resume", id]);
    assert!(late.status.code() == Some(1) && said(&late).contains("not paused but stopped"), "{late:?}");
}

#[test]
fn a_paused_container_can_be_killed_and_deleted() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let root = Root::new();
    for last in [["kill", "KILL"], ["delete", "--force"]] {
        let bundle = Bundle::new().with_shell(WAIT);
        root.start(&bundle);
        root.ok(&["pause", &bundle.id]);
        match last {
            ["kill", signal] => {
                root.ok(&["kill", &bundle.id, signal]);
                root.await_status(&bundle.id, "stopped");
                root.ok(&["delete", &bundle.id]);
            }
            [command, flag] => drop(root.ok(&[command, flag, &bundle.id])),
        }
    }
    assert!(root.is_empty());
}

#[test]
fn errors_are_one_json_object_in_an_engines_log() {
    let root = Root::new();
    let log = std::env::temp_dir().join(format!("isolab-log-{}", std::process::id()));
    let mut command = root.command(&["--log", log.to_str().unwrap(), "--log-format", "json", "state", "x"]);
    assert_eq!(output(&mut command).status.code(), Some(1));
    let line: Value = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
    assert_eq!((&line["level"], &line["msg"]), (&json!("error"), &json!("container \"x\" does not exist")));
    assert!(line["time"].as_str().unwrap().ends_with('Z'));
    let mut command = root.command(&["--log", log.to_str().unwrap(), "state", "x"]);
    assert_eq!(output(&mut command).status.code(), Some(1));
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    assert!(
        text.lines().nth(1).unwrap().ends_with(r#"level=error msg="container \"x\" does not exist""#),
        "{text}"
    );
}

#[test]
fn what_cannot_be_honoured_is_refused_with_one() {
    let root = Root::new();
    for args in [
        ["--systemd-cgroup", "list"].as_slice(),
        &["--rootless", "maybe", "list"],
        &["--bogus"],
        &["frobnicate"],
        &["kill", "x", "NOSIGNAL"],
        &["events", "--interval", "soon", "x"],
        &["state", "../x"],
        &["create", "--bundle", "/nonexistent", "x"],
    ] {
        let output = root.run(args);
        assert!(output.status.code() == Some(1) && !output.stderr.is_empty(), "{args:?}: {output:?}");
    }
    let version = root.ok(&["--version"]);
    let names: Vec<&str> = version.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["isolab-runtime", "commit:", "spec:"]);
    assert!(version.starts_with("isolab-runtime version "));
}

#[test]
fn features_are_those_of_the_spec_and_of_this_launcher() {
    let text = Root::new().ok(&["features"]);
    let features: oci_spec::runtime::Features = serde_json::from_str(&text).unwrap();
    let linux = features.linux().as_ref().unwrap();
    assert_eq!(linux.namespaces().as_ref().unwrap().len(), 8);
    assert_eq!(linux.capabilities().as_ref().unwrap().len(), 41);
    let seccomp = linux.seccomp().as_ref().unwrap();
    assert_eq!(seccomp.operators().as_ref().unwrap().len(), 7);
    assert!(seccomp.actions().as_ref().unwrap().len() >= 8);
    let options = features.mount_options().as_ref().unwrap();
    for option in ["ro", "rro", "rslave", "bind", "rbind", "nosymfollow"] {
        assert_eq!(options.iter().filter(|known| *known == option).count(), 1, "{option}");
    }
    assert!(features.hooks().as_ref().unwrap().contains(&"poststop".to_owned()));
}

#[test]
fn the_config_to_begin_with_can_be_run() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let (root, bundle) = (Root::new(), Bundle::new().with_shell(""));
    let path = bundle.dir.to_str().unwrap();
    root.ok(&["spec", "--bundle", path]);
    let again = root.run(&["spec", "--bundle", path]);
    assert!(again.status.code() == Some(1) && said(&again).contains("exists already"), "{again:?}");
    std::os::unix::fs::symlink("busybox", bundle.dir.join("rootfs/bin/sh")).unwrap();
    // `sh` on a terminal, as it stands, without one to read from.
    let mut child = root.command(&["run", "--bundle", path, &bundle.id]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"echo $((6*7)); tty; exit 5\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("\r\n42\r\n"), "{text:?}");
    assert_eq!(output.status.code(), Some(5), "{text:?}");
    assert!(root.is_empty());
}

#[test]
fn the_rootless_config_can_be_run_without_privileges() {
    if !need::met(&["root", "user-namespace", "busybox"]) {
        return;
    }
    const NOBODY: u32 = 65_534;
    let bundle = Bundle::new().with_shell("");
    let runtime = bundle.dir.join("isolab-runtime");
    common::copy_program(RUNTIME, &runtime);
    std::os::unix::fs::chown(&bundle.dir, Some(NOBODY), Some(NOBODY)).unwrap();
    let perform = |args: &[&str]| {
        let mut command = Command::new(&runtime);
        command.arg("--root").arg(bundle.dir.join("root")).args(args).uid(NOBODY).gid(NOBODY);
        output(command.current_dir(&bundle.dir))
    };
    let written = perform(&["spec", "--rootless"]);
    assert!(written.status.success(), "{written:?}");
    let path = bundle.dir.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["/bin/busybox", "id", "-u"]);
    fs::write(&path, config.to_string()).unwrap();
    let ran = perform(&["run", &bundle.id]);
    assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(0), b"0\n".as_slice()), "{ran:?}");
}

#[test]
fn a_terminal_goes_to_the_console_socket() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let root = Root::new();
    let mut bundle = Bundle::new().with_shell("read line; echo got $line; read line");
    bundle.config["process"]["terminal"] = json!(true);
    let path = bundle.dir.join("console");
    let listener = UnixListener::bind(&path).unwrap();
    let pid_file = bundle.dir.join("pid");
    let refused = root.run(&["create", "--bundle", bundle.write().to_str().unwrap(), &bundle.id]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("--console-socket"), "{refused:?}");
    root.ok(&[
        "create",
        "--bundle",
        bundle.write().to_str().unwrap(),
        "--console-socket",
        path.to_str().unwrap(),
        "--pid-file",
        pid_file.to_str().unwrap(),
        &bundle.id,
    ]);
    let (connection, _) = listener.accept().unwrap();
    let terminal = socket::receive_descriptor(connection.as_fd(), &mut [0; 64]).unwrap();
    let pid: i64 = fs::read_to_string(pid_file).unwrap().parse().unwrap();
    assert_eq!(root.state(&bundle.id)["pid"], pid);
    root.ok(&["start", &bundle.id]);
    let mut terminal = fs::File::from(terminal);
    terminal.write_all(b"word\n").unwrap();
    let mut text = String::new();
    while !text.contains("got word") {
        let mut some = [0; 64];
        let count = terminal.read(&mut some).unwrap();
        text += &String::from_utf8_lossy(&some[..count]);
    }
    assert_eq!(text.matches("word").count(), 2, "echoed and answered: {text:?}");
}

#[test]
fn descriptors_are_passed_on_as_asked() {
    if !need::met(&["root", "busybox", "sh"]) {
        return;
    }
    let root = Root::new();
    let script =
        "echo $LISTEN_FDS $LISTEN_PID; read a <&3; read b <&4; echo $a $b; ls /proc/self/fd | busybox wc -l";
    let bundle = Bundle::new().with_shell(script);
    let (path, id) = (bundle.write().to_str().unwrap(), bundle.id.as_str());
    let with = |fds: &str, variables: &str| {
        let script = format!(
            "exec {fds}; {variables} exec {RUNTIME} --root {} run --bundle {path} --preserve-fds 1 {id}",
            root.0.display()
        );
        output(Command::new("/bin/sh").args(["-c", &script]).current_dir(&bundle.dir))
    };
    fs::write(bundle.dir.join("a"), "one\n").unwrap();
    fs::write(bundle.dir.join("b"), "two\n").unwrap();
    let given = with("3<a 4<b 5<b 7<b", "LISTEN_FDS=1");
    assert_eq!(String::from_utf8_lossy(&given.stdout), "1 1\none two\n6\n", "{given:?}");
    let missing = with("3<a", "LISTEN_FDS=1");
    assert!(
        missing.status.code() == Some(1) && said(&missing).contains("descriptor 4 is not open"),
        "{missing:?}"
    );
}

#[test]
fn hooks_of_the_end_run_once_with_the_state() {
    if !need::met(&["root", "busybox", "sh"]) {
        return;
    }
    let root = Root::new();
    let mut bundle = Bundle::new().with_shell(WAIT);
    let file = bundle.dir.join("said");
    let hook = |name: &str, more: &str| {
        let script = format!("echo {name} $(cat) >> {}; {more}", file.display());
        json!([{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}])
    };
    let inside = format!("{RUNTIME} --root {} state {} >> {}", root.0.display(), bundle.id, file.display());
    bundle.config["hooks"] =
        json!({"poststart": hook("poststart", &inside), "poststop": hook("poststop", "exit 3")});
    root.start(&bundle);
    root.ok(&["kill", &bundle.id, "KILL"]);
    root.await_status(&bundle.id, "stopped");
    let deleted = root.run(&["delete", &bundle.id]);
    assert!(deleted.status.success() && said(&deleted).contains("exit status 3"), "{deleted:?}");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!((text.matches("poststart {").count(), text.matches("poststop {").count()), (1, 1), "{text}");
    // What the spec gives a hook, and then what `state` says from within one.
    assert_eq!(
        text.matches(r#""status":"running""#).count() + text.matches(r#""status": "running""#).count(),
        2
    );
    assert_eq!(text.matches(r#""status":"stopped""#).count(), 1, "{text}");
}

#[test]
fn a_container_in_the_foreground_can_be_seen_and_is_gone_at_its_end() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let root = Root::new();
    let bundle = Bundle::new().with_shell(WAIT);
    let id = bundle.id.as_str();
    let mut child = root
        .command(&["run", "--bundle", bundle.write().to_str().unwrap(), id])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
    // The workload may be faster than the note of it.
    root.await_status(id, "running");
    let other = root.run(&["create", "--bundle", bundle.dir.to_str().unwrap(), id]);
    assert!(other.status.code() == Some(1) && said(&other).contains("exists already"), "{other:?}");
    root.ok(&["kill", id]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(root.is_empty());
    // Its launcher killed, it is gone too, and can be deleted.
    let mut child = root
        .command(&["run", "--bundle", bundle.dir.to_str().unwrap(), id])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    root.await_status(id, "stopped");
    root.ok(&["delete", id]);
    assert!(root.is_empty());
}

#[test]
fn detached_and_kept_containers_stay() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let root = Root::new();
    let bundle = Bundle::new().with_shell(WAIT);
    let id = bundle.id.as_str();
    root.ok(&["run", "--detach", "--bundle", bundle.write().to_str().unwrap(), id]);
    assert_eq!(root.status(id), "running");
    root.ok(&["delete", "--force", id]);
    let kept = Bundle::new();
    root.ok(&["run", "--keep", "--bundle", kept.write().to_str().unwrap(), &kept.id]);
    assert_eq!(root.status(&kept.id), "stopped");
    root.ok(&["delete", &kept.id]);
    assert!(root.is_empty());
}

#[test]
fn limits_can_be_changed() {
    if !need::met(&["root", "busybox", "cgroup pids", "cgroup memory"]) {
        return;
    }
    let (root, host) = (Root::new(), Host::probe());
    let bundle = Bundle::new().with_shell(WAIT);
    let id = bundle.id.as_str();
    root.start(&bundle);
    let path = bundle.config["linux"]["cgroupsPath"].as_str().unwrap().trim_start_matches('/');
    let read = |controller: &str, v1: &str, v2: &str| {
        let (hierarchy, is_v2) = host.cgroups.find(controller).unwrap();
        let file = hierarchy.mount.join(path).join(if is_v2 { v2 } else { v1 });
        fs::read_to_string(file).unwrap().trim().to_owned()
    };
    let memory = || read("memory", "memory.limit_in_bytes", "memory.max");
    root.ok(&["update", "--pids-limit", "50", "--memory", "96m", id]);
    assert_eq!((read("pids", "pids.max", "pids.max"), memory()), ("50".into(), (96 << 20).to_string()));
    let file = bundle.dir.join("resources.json");
    fs::write(&file, json!({"memory": {"limit": 64 << 20}}).to_string()).unwrap();
    root.ok(&["update", "--resources", file.to_str().unwrap(), id]);
    assert_eq!((read("pids", "pids.max", "pids.max"), memory()), ("50".into(), (64 << 20).to_string()));
    let wrong = root.run(&["update", "--memory", "much", id]);
    assert!(wrong.status.code() == Some(1) && said(&wrong).contains("not a size"), "{wrong:?}");
    let wrong = root.run(&["update", "--pids-limit", "-7", id]);
    assert!(wrong.status.code() == Some(1) && said(&wrong).contains("pids.limit"), "{wrong:?}");
}

#[test]
fn what_is_used_is_told_and_when_memory_ran_out() {
    if !need::met(&["root", "busybox", "cgroup memory", "cgroup pids"]) {
        return;
    }
    let root = Root::new();
    let mut bundle = Bundle::new().with_shell(WAIT);
    bundle.config["linux"]["resources"]["memory"] = json!({"limit": 64 << 20});
    bundle.config["linux"]["resources"]["pids"] = json!({"limit": 33});
    let id = bundle.id.as_str();
    root.start(&bundle);
    let stats: Value = serde_json::from_str(&root.ok(&["events", "--stats", id])).unwrap();
    assert_eq!((&stats["type"], &stats["id"]), (&json!("stats"), &json!(id)));
    assert_eq!(stats["data"]["pids"]["limit"], 33);
    assert_eq!(stats["data"]["memory"]["usage"]["limit"], 64 << 20);
    let mut events = root
        .command(&["events", "--interval", "50ms", id])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(events.stdout.take().unwrap()).lines();
    // It watches from before its first line.
    assert!(lines.next().unwrap().unwrap().contains("stats"));
    let large = ["exec", id, "/bin/busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=128M", "count=1"];
    assert_eq!(root.run(&large).status.code(), Some(128 + 9));
    let oom = format!(r#"{{"id":"{id}","type":"oom"}}"#);
    assert!(lines.by_ref().map(Result::unwrap).any(|line| line == oom), "it ended without a word of it");
    root.ok(&["delete", "--force", id]);
    // It ends with the container.
    assert!(lines.map(Result::unwrap).all(|line| line.contains("stats")));
    assert!(events.wait().unwrap().success());
}

#[test]
fn a_failed_create_leaves_nothing() {
    if !need::met(&["root"]) {
        return;
    }
    let (root, host) = (Root::new(), Host::probe());
    let mut bundle = Bundle::new();
    let before = traces(&host, &bundle);
    bundle.config["process"]["args"] = json!(["/nowhere"]);
    let path = bundle.write().to_str().unwrap().to_owned();
    let create = |more: &[&str]| root.run(&[&["create", "--bundle", &path], more, &[&bundle.id]].concat());
    assert_eq!(create(&[]).status.code(), Some(127));
    assert!(root.is_empty());
    bundle.config["process"]["args"] = json!(["/exit"]);
    bundle.write();
    // The container is set up when its number cannot be written.
    let failed = create(&["--pid-file", "/nonexistent/pid"]);
    assert!(failed.status.code() == Some(1) && said(&failed).contains("--pid-file"), "{failed:?}");
    assert!(root.is_empty());
    assert_eq!(traces(&host, &bundle), before);
}
