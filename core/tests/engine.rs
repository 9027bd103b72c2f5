//! The ways in which a process comes to be in a container: created and started later, joined to namespaces that others
//! made, added to a running container, with a terminal.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Bundle, running, traces};
use isolab_core::host::Host;
use isolab_core::launch::{Container, Error, Exit, Options, create, launch};
use isolab_core::need;
use isolab_core::observe::Observation;
use isolab_core::plan::{Plan, order};
use isolab_core::sys::process;
use serde_json::json;

fn null() -> OwnedFd {
    File::options().read(true).write(true).open("/dev/null").unwrap().into()
}

/// A FIFO in a bundle, open as a launcher has it.
fn fifo(bundle: &Bundle) -> (PathBuf, File) {
    let path = bundle.dir.join("start");
    let name = CString::new(path.to_str().unwrap()).unwrap();
    isolab_core::sys::fs::mknodat(isolab_core::sys::here(), &name, libc::S_IFIFO | 0o600, 0).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    (path, file)
}

fn give_start(path: &Path) {
    let mut file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
    file.write_all(b"0").unwrap();
}

/// Waits for a child that no `Container` stands for.
fn reap(pid: i32) -> Exit {
    let pidfd = process::pidfd_open(pid).unwrap();
    assert_eq!(process::poll(&[pidfd.as_fd()], Some(Duration::from_secs(10))).unwrap(), Some(0), "hangs");
    match process::wait(pidfd.as_fd(), true).unwrap() {
        Some(process::Change::Ended(exit)) => exit,
        other => panic!("{other:?}"),
    }
}

fn remove_groups(plan: &Plan) {
    for directory in &plan.directories {
        let deadline = Instant::now() + Duration::from_secs(5);
        while fs::remove_dir(&directory.path).is_err() {
            assert!(Instant::now() < deadline, "{}", directory.path.display());
        }
        fs::remove_dir(directory.path.parent().unwrap()).unwrap();
    }
}

#[test]
fn a_created_container_waits_and_is_started() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new().with_shell("echo started > /made; exit 7");
    bundle.config["root"]["readonly"] = json!(false);
    let plan = bundle.plan(&host);
    assert_eq!(order::violations(&plan.waiting()), Vec::<String>::new());
    let (path, start) = fifo(&bundle);
    let null = null();
    let created = create(&plan, &Options::new([null.as_fd(); 3]), start.as_fd()).unwrap();
    let seen = Observation::of(created.pid, &host.cgroups).unwrap();
    // It is complete, and holds nothing but its streams, what it waits at, and the closed way to its launcher.
    assert_eq!(seen.status.nspid.last(), Some(&1));
    assert_eq!(seen.fds.len(), 5, "{:?}", seen.fds);
    std::thread::sleep(Duration::from_millis(50));
    assert!(!bundle.dir.join("rootfs/made").exists());
    drop(start);
    give_start(&path);
    assert_eq!(reap(created.pid), Exit::Code(7));
    assert_eq!(fs::read_to_string(bundle.dir.join("rootfs/made")).unwrap(), "started\n");
    remove_groups(&plan);
}

#[test]
fn a_missing_program_is_seen_at_the_creation_and_leaves_nothing() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new();
    bundle.config["process"]["args"] = json!(["/none"]);
    let before = traces(&host, &bundle);
    let (_, start) = fifo(&bundle);
    let null = null();
    let error = create(&bundle.plan(&host), &Options::new([null.as_fd(); 3]), start.as_fd()).unwrap_err();
    assert_eq!(error.exit_status(), 127, "{error}");
    assert_eq!(traces(&host, &bundle), before);
}

/// A container that runs until it is killed.
fn sleeping(bundle: Bundle, host: &Host) -> (Bundle, Plan, Container) {
    let bundle = bundle.with_shell("exec /bin/busybox sleep 60");
    let plan = bundle.plan(host);
    let null = null();
    let container = launch(&plan, &Options::new([null.as_fd(); 3])).unwrap();
    (bundle, plan, container)
}

/// Runs a plan and returns what it writes.
fn output(plan: &Plan) -> (String, Exit) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let null = null();
    let options = Options::new([null.as_fd(), writer.as_fd(), writer.as_fd()]);
    let mut container = launch(plan, &options).unwrap();
    drop(writer);
    let exit = container.wait(Some(Duration::from_secs(10))).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    container.remove().unwrap();
    (text, exit.unwrap())
}

const KINDS: [(&str, &str); 8] = [
    ("pid", "pid"),
    ("network", "net"),
    ("ipc", "ipc"),
    ("uts", "uts"),
    ("user", "user"),
    ("time", "time"),
    ("cgroup", "cgroup"),
    ("mount", "mnt"),
];

fn with_user_and_time(mut bundle: Bundle) -> Bundle {
    let map = json!([{"containerID": 0, "hostID": 200_000, "size": 65536}]);
    let linux = bundle.config["linux"].as_object_mut().unwrap();
    linux.insert("uidMappings".into(), map.clone());
    linux.insert("gidMappings".into(), map);
    linux.insert("timeOffsets".into(), json!({"monotonic": {"secs": 86_400}}));
    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.push(json!({"type": "user"}));
    namespaces.push(json!({"type": "time"}));
    bundle
}

/// As engines make pods: everything but the file systems is another container's.
#[test]
fn every_kind_of_namespace_is_joined_by_path() {
    if !need::met(&["root", "user-namespace", "time-namespace", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let (_first, _, container) = sleeping(with_user_and_time(Bundle::new()), &host);
    let first = Observation::of(container.pid(), &host.cgroups).unwrap();
    let joined = |kinds: &[&str]| {
        let mut bundle = Bundle::new().with_shell("exec /bin/busybox sleep 60");
        bundle.config["linux"].as_object_mut().unwrap().remove("timeOffsets");
        let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|entry| !kinds.iter().any(|kind| entry["type"] == **kind));
        for (kind, link) in KINDS.into_iter().filter(|(kind, _)| kinds.contains(kind)) {
            namespaces.push(json!({"type": kind, "path": format!("/proc/{}/ns/{link}", container.pid())}));
        }
        if kinds.contains(&"uts") {
            bundle.config["hostname"] = json!("");
            bundle.config["domainname"] = json!("");
        }
        bundle
    };
    for kinds in [
        vec!["pid"],
        vec!["network", "ipc", "uts"],
        vec!["time"],
        vec!["user"],
        vec!["pid", "network", "ipc", "uts", "user", "time", "cgroup"],
    ] {
        let bundle = joined(&kinds);
        let plan = bundle.plan(&host);
        assert_eq!(order::violations(&plan), Vec::<String>::new());
        let null = null();
        let mut second = launch(&plan, &Options::new([null.as_fd(); 3])).unwrap_or_else(|error| {
            panic!("{kinds:?}: {error}\n{plan}");
        });
        // Both sides tell the time by the same clock, also where the child's own is a day ahead.
        let last = second.timeline().steps.iter().map(|step| step.start).max().unwrap();
        assert!(last <= second.timeline().exec, "{kinds:?}: {:?}", second.timeline());
        let seen = Observation::of(second.pid(), &host.cgroups).unwrap();
        for (kind, link) in KINDS {
            let same = seen.namespaces[link] == first.namespaces[link];
            assert_eq!(same, kinds.contains(&kind), "{kind} of {kinds:?}");
        }
        second.kill().unwrap();
        second.wait(None).unwrap();
        second.remove().unwrap();
    }
    container.remove().unwrap();
}

#[test]
fn a_path_that_is_no_such_namespace_is_an_error_with_a_remedy() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new();
    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|entry| entry["type"] != "network");
    namespaces.push(json!({"type": "network", "path": "/proc/self/ns/ipc"}));
    let null = null();
    let error = launch(&bundle.plan(&host), &Options::new([null.as_fd(); 3])).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("setns to the network namespace") && text.contains("of this kind"), "{text}");
}

#[test]
fn what_is_added_has_the_posture_of_the_first_process() {
    if !need::met(&["root", "user-namespace", "time-namespace", "busybox"]) {
        return;
    }
    let host = Host::probe();
    for bundle in [Bundle::new(), with_user_and_time(Bundle::new())] {
        let (bundle, plan, mut container) = sleeping(bundle, &host);
        let first = Observation::of(container.pid(), &host.cgroups).unwrap();
        let config = bundle.config().unwrap();
        let added = Plan::exec(&config, &host, &running(&plan, container.pid())).unwrap();
        assert_eq!(order::violations(&added), Vec::<String>::new());
        let null = null();
        let mut options = Options::new([null.as_fd(); 3]);
        options.hold_at_exec = true;
        let mut second = launch(&added, &options).unwrap_or_else(|error| panic!("{error}\n{added}"));
        let seen = Observation::of(second.pid(), &host.cgroups).unwrap();
        assert_eq!(seen.namespaces, first.namespaces);
        assert_eq!(seen.cgroups, first.cgroups);
        assert_eq!((&seen.mounts, &seen.uid_map), (&first.mounts, &first.uid_map));
        assert_eq!((&seen.rlimits, &seen.fds.len()), (&first.rlimits, &3));
        let posture = |seen: &Observation| {
            let mut status = seen.status.clone();
            status.nspid.clear();
            status
        };
        assert_eq!(posture(&seen), posture(&first));
        second.release().unwrap();
        // Ending it does not end the container.
        second.remove().unwrap();
        assert_eq!(container.wait(Some(Duration::from_millis(20))).unwrap(), None);
        container.remove().unwrap();
    }
}

#[test]
fn what_is_added_runs_inside_and_its_status_comes_back() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let (mut bundle, plan, container) = sleeping(Bundle::new(), &host);
    bundle.config["process"]["args"] = json!(["/bin/busybox", "sh", "-c", "hostname; exit 3"]);
    let added = Plan::exec(&bundle.config().unwrap(), &host, &running(&plan, container.pid())).unwrap();
    let (text, exit) = output(&added);
    assert_eq!((text.trim_end(), exit), (bundle.config["hostname"].as_str().unwrap(), Exit::Code(3)));
    container.remove().unwrap();
}

/// The number of a process that has ended may be another's.
#[test]
fn nothing_is_added_to_another_process_of_the_same_number() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let (bundle, plan, container) = sleeping(Bundle::new(), &host);
    let mut running = running(&plan, container.pid());
    running.started += 1;
    let added = Plan::exec(&bundle.config().unwrap(), &host, &running).unwrap();
    let null = null();
    let error = launch(&added, &Options::new([null.as_fd(); 3])).unwrap_err();
    assert!(matches!(error, Error::Step { .. }) && error.to_string().contains("has ended"), "{error}");
    container.remove().unwrap();
}

/// Receives one descriptor.
fn receive(socket: &UnixStream) -> File {
    let mut byte = [0u8; 16];
    isolab_core::sys::socket::receive_descriptor(socket.as_fd(), &mut byte).unwrap().into()
}

#[test]
fn a_terminal_is_sent_away_and_controls_the_workload() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let script =
        "test -t 0 && test -c /dev/console && stty size && tty && echo done > /dev/tty; ls -l /dev/console";
    let mut bundle = Bundle::new().with_shell(
        &script
            .replace("stty", "/bin/busybox stty")
            .replace(" tty ", " /bin/busybox tty ")
            .replace("; ls", "; /bin/busybox ls"),
    );
    bundle.config["process"]["terminal"] = json!(true);
    bundle.config["process"]["consoleSize"] = json!({"height": 33, "width": 77});
    let plan = bundle.plan(&host);
    assert_eq!(order::violations(&plan), Vec::<String>::new());
    let null = null();
    let mut options = Options::new([null.as_fd(); 3]);
    assert!(matches!(launch(&plan, &options), Err(Error::NoConsole)));
    let (ours, theirs) = UnixStream::pair().unwrap();
    options.console = Some(theirs.as_fd());
    let mut container = launch(&plan, &options).unwrap();
    let mut terminal = receive(&ours);
    assert_eq!(container.wait(Some(Duration::from_secs(10))).unwrap(), Some(Exit::Code(0)));
    let mut text = Vec::new();
    // EIO is how the controlling side reads the end.
    assert_eq!(terminal.read_to_end(&mut text).unwrap_err().raw_os_error(), Some(libc::EIO));
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("33 77") && text.contains("/dev/pts/0") && text.contains("done"), "{text}");
    container.remove().unwrap();
}

/// A root file system with something else in place of the multiplexer.
#[test]
fn a_false_multiplexer_is_no_terminal() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new().with_shell("true");
    bundle.config["process"]["terminal"] = json!(true);
    bundle.config["mounts"]
        .as_array_mut()
        .unwrap()
        .retain(|mount| !mount["destination"].as_str().unwrap().starts_with("/dev"));
    bundle.config["linux"].as_object_mut().unwrap().remove("devices");
    let fake = CString::new(bundle.dir.join("rootfs/dev/ptmx").to_str().unwrap()).unwrap();
    isolab_core::sys::fs::mknodat(isolab_core::sys::here(), &fake, libc::S_IFIFO | 0o666, 0).unwrap();
    let null = null();
    let (_ours, theirs) = UnixStream::pair().unwrap();
    let mut options = Options::new([null.as_fd(); 3]);
    options.console = Some(theirs.as_fd());
    let text = launch(&bundle.plan(&host), &options).unwrap_err().to_string();
    assert!(text.contains("/dev/ptmx") && text.contains("ENODEV") && text.contains("devpts"), "{text}");
}

/// A hook that keeps what it is told, and says in which mount namespace it ran.
fn keeping(shell: &str, into: &str) -> serde_json::Value {
    let script = format!("{shell} cat > {into}; {shell} readlink /proc/self/ns/mnt > {into}.ns");
    json!({"path": shell, "args": ["sh", "-c", script], "env": ["A=b"], "timeout": 10})
}

#[test]
fn hooks_run_in_their_places_and_are_told_of_the_container() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new().with_shell("/bin/busybox readlink /proc/self/ns/mnt > /workload; exit 0");
    bundle.config["root"]["readonly"] = json!(false);
    bundle.config["annotations"] = json!({"a": "b"});
    let outside = |name: &str| bundle.dir.join(name).display().to_string();
    bundle.config["hooks"] = json!({
        "prestart": [keeping("/bin/busybox", &outside("prestart"))],
        "createRuntime": [keeping("/bin/busybox", &outside("createRuntime"))],
        "createContainer": [keeping("/bin/busybox", &outside("createContainer"))],
        "startContainer": [keeping("/bin/busybox", "/startContainer")],
    });
    let plan = bundle.plan(&host);
    assert_eq!(order::violations(&plan), Vec::<String>::new());
    assert_eq!(order::violations(&plan.waiting()), Vec::<String>::new());
    let read = |path: PathBuf| {
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let check = |pid: i32| {
        let own = fs::read_link("/proc/self/ns/mnt").unwrap();
        let inside = read(bundle.dir.join("rootfs/workload"));
        for (place, status, within) in [
            ("prestart", "creating", false),
            ("createRuntime", "creating", false),
            ("createContainer", "creating", true),
            ("rootfs/startContainer", "created", true),
        ] {
            let state: serde_json::Value = serde_json::from_str(&read(bundle.dir.join(place))).unwrap();
            assert_eq!(state["pid"], pid, "{place}");
            assert_eq!((&state["status"], &state["id"]), (&json!(status), &json!(bundle.id)), "{place}");
            assert_eq!(
                (&state["annotations"]["a"], &state["bundle"]),
                (&json!("b"), &json!(bundle.dir)),
                "{place}"
            );
            let namespace = read(bundle.dir.join(format!("{place}.ns")));
            assert_eq!(namespace == inside, within, "{place}: {namespace}");
            assert_eq!(Path::new(namespace.trim_end()) == own, !within, "{place}: {namespace}");
        }
    };
    let null = null();
    let options = Options::new([null.as_fd(); 3]);
    let mut container = launch(&plan, &options).unwrap();
    assert_eq!(container.wait(Some(Duration::from_secs(10))).unwrap(), Some(Exit::Code(0)));
    check(container.pid());
    container.remove().unwrap();
    fs::remove_file(bundle.dir.join("rootfs/startContainer")).unwrap();
    let (path, start) = fifo(&bundle);
    let created = create(&plan, &options, start.as_fd()).unwrap();
    assert!(!bundle.dir.join("rootfs/startContainer").exists());
    give_start(&path);
    assert_eq!(reap(created.pid), Exit::Code(0));
    check(created.pid);
    remove_groups(&plan);
}

#[test]
fn a_hook_that_fails_ends_the_launch_and_leaves_nothing() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let hook = |script: &str| json!([{"path": "/bin/busybox", "args": ["sh", "-c", script], "timeout": 1}]);
    for (point, script, said) in [
        ("prestart", "echo why >&2; exit 3", "exit status 3; it said: why"),
        ("createRuntime", "exit 3", "exit status 3"),
        ("createContainer", "exit 3", "ended with another status than 0"),
        ("createContainer", "exec /bin/busybox sleep 60", "killed after its timeout"),
        ("startContainer", "exit 3", "ended with another status than 0"),
    ] {
        let mut bundle = Bundle::new().with_shell("exit 0");
        bundle.config["hooks"] = json!({point: hook(script)});
        let before = traces(&host, &bundle);
        let null = null();
        let error = launch(&bundle.plan(&host), &Options::new([null.as_fd(); 3])).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(point), "{point} {script}: {error}");
        assert_eq!(traces(&host, &bundle), before, "{point}");
    }
}

/// Answers every call that it is asked about with one errno.
fn agent(path: &Path, errno: i32) -> std::thread::JoinHandle<serde_json::Value> {
    use isolab_core::sys::seccomp::{Answer, answer, receive};
    let socket = std::os::unix::net::UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        let (connection, _) = socket.accept().unwrap();
        let mut bytes = vec![0u8; 64 * 1024];
        let listener = isolab_core::sys::socket::receive_descriptor(connection.as_fd(), &mut bytes).unwrap();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        let asked = receive(listener.as_fd()).unwrap();
        answer(listener.as_fd(), asked.id, Answer::Fail(isolab_core::sys::Errno::new(errno))).unwrap();
        serde_json::from_slice(&bytes[..end]).unwrap()
    })
}

#[test]
fn an_agent_is_sent_the_listener_of_a_filter() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    for created in [false, true] {
        // The agent's errno is what mkdir says.
        let mut bundle = Bundle::new().with_shell("mkdir /tmp/x 2>/tmp/said; exit 0");
        bundle.config["root"]["readonly"] = json!(false);
        let path = bundle.dir.join("agent");
        let agent = agent(&path, libc::EXDEV);
        bundle.config["linux"]["seccomp"] = json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": path,
            "listenerMetadata": "meta",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}],
        });
        bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] != "/tmp");
        let plan = bundle.plan(&host);
        let null = null();
        let options = Options::new([null.as_fd(); 3]);
        let pid = if created {
            let (path, start) = fifo(&bundle);
            let created = create(&plan, &options, start.as_fd()).unwrap();
            give_start(&path);
            assert_eq!(reap(created.pid), Exit::Code(0));
            remove_groups(&plan);
            created.pid
        } else {
            let mut container = launch(&plan, &options).unwrap();
            assert_eq!(container.wait(Some(Duration::from_secs(10))).unwrap(), Some(Exit::Code(0)));
            let pid = container.pid();
            container.remove().unwrap();
            pid
        };
        let said = agent.join().unwrap();
        assert_eq!(
            (&said["pid"], &said["metadata"], &said["fds"][0]),
            (&json!(pid), &json!("meta"), &json!("seccompFd"))
        );
        assert_eq!(said["state"]["id"], bundle.id);
        let text = fs::read_to_string(bundle.dir.join("rootfs/tmp/said")).unwrap();
        assert!(text.contains("Invalid cross-device link"), "{text}");
    }
}

#[test]
fn without_its_agent_nothing_runs() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new();
    bundle.config["linux"]["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": bundle.dir.join("none"),
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
    });
    let before = traces(&host, &bundle);
    let null = null();
    let error = launch(&bundle.plan(&host), &Options::new([null.as_fd(); 3])).unwrap_err().to_string();
    assert!(error.contains("agent") && error.contains("listenerPath"), "{error}");
    assert_eq!(traces(&host, &bundle), before);
}
