//! Root file systems that mean harm: whatever is planted in one, a launch touches, makes and reads nothing outside it,
//! and comes to its end.
//!
//! The oracle is a canary tree outside of the root: owners, modes, sizes, inodes, all three times (its access times are
//! older than its changes, so that a first read shows) and its list of names before and after.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File, FileTimes};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use common::Bundle;
use isolab_core::exit;
use isolab_core::host::Host;
use isolab_core::launch::{Error, Exit, Options, launch};
use isolab_core::need;
use isolab_core::sys::fs::exchange;
use serde_json::json;

/// A tree that nobody may touch.
struct Canary {
    path: PathBuf,
    known: Vec<PathBuf>,
    before: RefCell<Vec<String>>,
}

const NAMES: [&str; 5] = ["", "file", "dir", "dir/inner", "dir/below"];

impl Canary {
    fn new() -> Canary {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("isolab-canary-{}-{number}", std::process::id()));
        fs::create_dir_all(path.join("dir/below")).unwrap();
        for name in ["file", "dir/inner"] {
            fs::write(path.join(name), "alive").unwrap();
        }
        let known: Vec<PathBuf> = NAMES.iter().map(|name| path.join(name)).collect();
        let canary = Canary { path, known, before: RefCell::default() };
        canary.arm();
        canary
    }

    /// Notes how everything is, never read so far.
    fn arm(&self) {
        for path in &self.known {
            let times = FileTimes::new().set_accessed(UNIX_EPOCH + Duration::from_secs(1_000_000_000));
            File::open(path).unwrap().set_times(times).unwrap();
        }
        self.before.replace(self.known.iter().map(|path| state(path)).collect());
    }

    fn check(&self, what: &str) {
        let after: Vec<String> = self.known.iter().map(|path| state(path)).collect();
        assert_eq!(after, *self.before.borrow(), "{what}");
        let names = |path: &str| {
            let entries = fs::read_dir(self.path.join(path)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(""), ["dir", "file"], "{what}");
        assert_eq!(names("dir"), ["below", "inner"], "{what}");
        assert!(names("dir/below").is_empty(), "{what}");
        for name in ["file", "dir/inner"] {
            assert_eq!(fs::read(self.path.join(name)).unwrap(), b"alive", "{what}");
        }
        // Looking was reading.
        self.arm();
    }

    fn at(&self, name: &str) -> String {
        self.path.join(name).to_str().unwrap().trim_end_matches('/').to_owned()
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).unwrap();
    }
}

fn state(path: &Path) -> String {
    let file = fs::symlink_metadata(path).unwrap();
    let times =
        [file.atime(), file.atime_nsec(), file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
    let (inode, mode, links) = (file.ino(), file.mode(), file.nlink());
    format!("{inode} {mode:o} {links} {}:{} {} {times:?}", file.uid(), file.gid(), file.len())
}

fn null() -> OwnedFd {
    File::options().read(true).write(true).open("/dev/null").unwrap().into()
}

/// Launches; whatever comes of it, it must come within the time limit.
fn end(bundle: &Bundle, host: &Host, what: &str) -> Result<(), Error> {
    let null = null();
    let mut options = Options::new([null.as_fd(); 3]);
    options.timeout = Duration::from_secs(20);
    options.accept_gaps = true;
    match launch(&bundle.plan(host), &options) {
        Ok(mut container) => {
            let exit = container.wait(Some(Duration::from_secs(20))).unwrap();
            container.remove().unwrap();
            assert_eq!(exit, Some(Exit::Code(0)), "{what}");
            Ok(())
        }
        Err(error) => {
            assert!(!matches!(error, Error::TimedOut { .. } | Error::Died { .. }), "{what}: {error}");
            Err(error)
        }
    }
}

/// A bundle with something at each kind of place: mounts of directories and files, made and found, copied up, devices,
/// masked and read-only paths. What a test plants takes the place of one of [`PLACES`].
fn bundle(canary: &Canary) -> Bundle {
    let mut bundle = Bundle::new();
    let config = &mut bundle.config;
    config["root"]["readonly"] = json!(false);
    config["linux"].as_object_mut().unwrap().retain(|key, _| key != "resources" && key != "cgroupsPath");
    let source = bundle.dir.join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "").unwrap();
    let mounts = config["mounts"].as_array_mut().unwrap();
    mounts.extend([
        json!({"destination": "/bound", "type": "bind", "source": source, "options": ["bind", "ro"]}),
        json!({"destination": "/etc/hosts", "type": "bind", "source": source.join("file"), "options": ["bind", "ro"]}),
        json!({"destination": "/made/on/the/way", "type": "tmpfs", "source": "t"}),
        json!({"destination": "/made/file", "type": "bind", "source": source.join("file"), "options": ["bind"]}),
        json!({"destination": "/copied", "type": "tmpfs", "source": "t", "options": ["tmpcopyup", "size=1m"]}),
    ]);
    config["linux"]["devices"] = json!([
        {"path": "/node", "type": "c", "major": 1, "minor": 3},
        {"path": "/nodes/fifo", "type": "p", "major": 0, "minor": 0},
    ]);
    let linux = &mut config["linux"];
    for (list, paths) in
        [("maskedPaths", ["/masked", "/masked-too"]), ("readonlyPaths", ["/frozen", "/frozen/too"])]
    {
        linux[list].as_array_mut().unwrap().extend(paths.map(|path| json!(path)));
    }
    assert!(canary.path.is_dir());
    bundle
}

const PLACES: [&str; 17] = [
    "proc",
    "sys",
    "dev",
    "bound",
    "etc",
    "etc/hosts",
    "made",
    "made/on",
    "made/on/the/way",
    "made/file",
    "copied",
    "node",
    "nodes",
    "nodes/fifo",
    "masked",
    "frozen",
    "frozen/too",
];

/// A fresh root file system for another launch; a bundle of its own would probe the host again.
fn renew(bundle: &Bundle) {
    let root = bundle.dir.join("rootfs");
    fs::remove_dir_all(&root).unwrap();
    for name in ["proc", "sys", "dev", "tmp", "bin"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    common::write_program(&exit::elf(std::env::consts::ARCH).unwrap(), &root.join(&exit::PATH[1..]));
}

/// Makes way for something at a place of the root.
fn clear(bundle: &Bundle, place: &str) -> PathBuf {
    let path = bundle.dir.join("rootfs").join(place);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(&path).unwrap(),
        Ok(_) => fs::remove_file(&path).unwrap(),
        Err(_) => {}
    }
    path
}

#[test]
fn links_lead_nowhere_outside() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let canary = Canary::new();
    let up = "../".repeat(20);
    let links = [
        canary.at("dir"),
        canary.at("file"),
        canary.at("dir/new"),
        format!("{up}{}", canary.at("dir").trim_start_matches('/')),
        format!("/proc/self/root{}", canary.at("dir")),
        format!("/proc/1/root{}", canary.at("dir")),
        format!("/proc/self/cwd{}", canary.at("dir")),
        "/proc/self/fd/3".into(),
        "/proc/self/fd".into(),
        "/proc/self/exe".into(),
    ];
    let bundle = bundle(&canary);
    for place in PLACES {
        for link in links.iter().chain([&place.rsplit('/').next().unwrap().to_owned()]) {
            renew(&bundle);
            symlink(link, clear(&bundle, place)).unwrap();
            let what = format!("{place} -> {link}");
            let ended = end(&bundle, &host, &what);
            canary.check(&what);
            if ["proc", "sys"].contains(&place) {
                assert!(ended.unwrap_err().to_string().contains("ELOOP"), "{what}");
            }
        }
    }
}

/// Anything can stand where a launch looks for something else; nothing of it is waited for.
#[test]
fn objects_of_the_wrong_kind_are_errors_or_covered_and_never_waited_for() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let canary = Canary::new();
    type Plant = fn(&Path);
    let busybox = |arguments: &[&str]| {
        assert!(Command::new("/bin/busybox").args(arguments).status().unwrap().success())
    };
    let kinds: [(&str, Plant); 6] = [
        ("fifo", |path| {
            assert!(Command::new("/bin/busybox").arg("mkfifo").arg(path).status().unwrap().success())
        }),
        ("socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("file", |path| fs::write(path, "x").unwrap()),
        ("directory", |path| fs::create_dir(path).unwrap()),
        ("terminal", |path| {
            assert!(
                Command::new("/bin/busybox")
                    .arg("mknod")
                    .arg(path)
                    .args(["c", "5", "0"])
                    .status()
                    .unwrap()
                    .success()
            );
        }),
        ("disk", |path| {
            assert!(
                Command::new("/bin/busybox")
                    .arg("mknod")
                    .arg(path)
                    .args(["b", "7", "0"])
                    .status()
                    .unwrap()
                    .success()
            );
        }),
    ];
    let bundle = bundle(&canary);
    for place in PLACES {
        for (kind, plant) in kinds {
            renew(&bundle);
            let path = clear(&bundle, place);
            plant(&path);
            drop(end(&bundle, &host, &format!("a {kind} at {place}")));
            // What was planted is as it was, covered or not, unless it was a directory to be filled.
            let there = fs::symlink_metadata(&path).unwrap();
            assert_eq!(there.is_dir(), kind == "directory", "a {kind} at {place}");
            if kind == "file" {
                assert_eq!(fs::read(&path).unwrap(), b"x", "{place}");
            }
        }
    }
    // In a directory that is copied up.
    renew(&bundle);
    let copied = clear(&bundle, "copied");
    fs::create_dir(&copied).unwrap();
    busybox(&["mkfifo", copied.join("fifo").to_str().unwrap()]);
    busybox(&["mknod", copied.join("terminal").to_str().unwrap(), "c", "5", "0"]);
    symlink(canary.at("dir"), copied.join("link")).unwrap();
    symlink(canary.at("file"), copied.join("to-file")).unwrap();
    symlink("to-itself", copied.join("to-itself")).unwrap();
    fs::write(copied.join("n".repeat(255)), "x").unwrap();
    assert_eq!(end(&bundle, &host, "copied up"), Ok(()));
    canary.check("copied up");
    fs::create_dir_all(copied.join("d/".repeat(80))).unwrap();
    let error = end(&bundle, &host, "copied up, deep").unwrap_err().to_string();
    assert!(error.contains("ENAMETOOLONG"), "{error}");
}

#[test]
fn long_names_and_deep_trees_are_made_or_refused() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let canary = Canary::new();
    let name = "n".repeat(255);
    for (path, made) in [
        (format!("/{name}/{name}"), true),
        ("/d".repeat(500), true),
        (format!("/{name}n"), false),
        (format!("/{}", "../".repeat(900)), true),
        (format!("/{}{}", "../".repeat(900), canary.at("dir")), true),
    ] {
        let mut bundle = bundle(&canary);
        let mounts = bundle.config["mounts"].as_array_mut().unwrap();
        mounts.push(json!({"destination": path.clone() + "/x", "type": "tmpfs", "source": "t"}));
        assert_eq!(end(&bundle, &host, &path).is_ok(), made, "{path}");
        canary.check(&path);
    }
}

/// What a container says in a shell, whose root may be written to.
fn said(bundle: &Bundle) -> Result<String, Error> {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let null = null();
    let mut options = Options::new([null.as_fd(), writer.as_fd(), writer.as_fd()]);
    options.accept_gaps = true;
    let launched = launch(&bundle.plan(&Host::probe()), &options);
    drop(writer);
    let container = launched?;
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    container.remove().unwrap();
    Ok(said)
}

/// A root file system's own `/proc` and `/dev/null` are not taken for the kernel's.
#[test]
fn a_fake_proc_and_a_fake_null_device_are_not_believed() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let canary = Canary::new();
    let mut bundle =
        bundle(&canary).with_shell("/bin/busybox cat /masked /dev/null; /bin/busybox stat -c %t:%T /masked");
    let root = bundle.dir.join("rootfs");
    fs::remove_dir_all(root.join("proc")).unwrap();
    let fakes = [
        "proc/self/oom_score_adj",
        "proc/self/fd/3",
        "proc/self/attr/exec",
        "proc/keys",
        "dev/null",
        "masked",
    ];
    for name in fakes {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), "fake\n").unwrap();
    }
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| {
        let at = mount["destination"].as_str().unwrap();
        at != "/proc" && !at.starts_with("/dev")
    });
    // A null device that is a file is no null device, and is covered with one.
    assert_eq!(said(&bundle).unwrap(), "1:3\n");
    assert_eq!(fs::read(root.join("dev/null")).unwrap(), b"fake\n");
    fs::remove_file(root.join("dev/null")).unwrap();
    let node = |number: [&str; 3]| {
        let path = root.join("dev/null");
        assert!(Command::new("/bin/busybox").arg("mknod").arg(path).args(number).status().unwrap().success());
    };
    node(["c", "1", "5"]);
    assert!(said(&bundle).unwrap_err().to_string().contains("EEXIST"));
    fs::remove_file(root.join("dev/null")).unwrap();
    symlink(canary.at("file"), root.join("dev/null")).unwrap();
    assert!(said(&bundle).unwrap_err().to_string().contains("EEXIST"));
    fs::remove_file(root.join("dev/null")).unwrap();
    node(["c", "1", "3"]);
    assert_eq!(said(&bundle).unwrap(), "1:3\n");
    for name in fakes.into_iter().filter(|name| *name != "dev/null") {
        assert_eq!(fs::read(root.join(name)).unwrap(), b"fake\n", "{name}");
    }
    canary.check("fakes");
}

/// A working directory is inside, or there is no launch (CVE-2024-21626).
#[test]
fn a_working_directory_leads_nowhere_outside() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let canary = Canary::new();
    for link in (3..20)
        .map(|fd| format!("/proc/self/fd/{fd}"))
        .chain(["/proc/self/cwd".into(), "/proc/1/root".into()])
    {
        for through_link in [true, false] {
            let mut bundle = bundle(&canary).with_shell("/bin/busybox pwd");
            symlink(&link, bundle.dir.join("rootfs/away")).unwrap();
            bundle.config["process"]["cwd"] = json!(if through_link { "/away" } else { &link });
            let error = said(&bundle).unwrap_err().to_string();
            assert!(error.contains("ELOOP") || error.contains("ENOENT"), "{link}: {error}");
        }
    }
}

#[test]
fn a_root_that_is_a_link_is_the_directory_that_it_leads_to() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let canary = Canary::new();
    let mut bundle = bundle(&canary).with_shell("/bin/busybox ls -d /exit /.. /source");
    symlink("rootfs", bundle.dir.join("link")).unwrap();
    bundle.config["root"]["path"] = json!("link");
    let said = said(&bundle).unwrap();
    assert!(said.contains("/exit") && said.contains("/source: No such file"), "{said}");
    canary.check("a root that is a link");
}

/// Swaps two names until it is told to stop; how often.
fn flip(stop: &AtomicBool, one: &Path, other: &Path) -> u32 {
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap();
    let (one, other) = (text(one), text(other));
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        exchange(&one, &other).unwrap();
        count += 1;
    }
    count
}

/// Stops a thread when a test ends, also by a failed assertion.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// While directories become links to the outside and back, hundreds of launches end, well or not, and none of them
/// reaches out.
#[test]
fn directories_swapped_with_links_during_launches_lead_nowhere_outside() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let canary = Canary::new();
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for (place, link) in [
        ("made", canary.at("dir")),
        ("made/on", format!("../../../../../../../..{}", canary.at("dir"))),
        ("nodes", canary.at("dir")),
        ("etc", canary.at("dir")),
        ("copied/inner", canary.at("dir")),
        ("frozen", canary.at("dir")),
    ] {
        let bundle = bundle(&canary);
        let directory = clear(&bundle, place);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("inner"), "").unwrap();
        let aside = bundle.dir.join("rootfs/aside");
        symlink(&link, &aside).unwrap();
        let stop = AtomicBool::new(false);
        let count = std::thread::scope(|scope| {
            let flipper = scope.spawn(|| flip(&stop, &directory, &aside));
            let _stop = Stop(&stop);
            for _ in 0..40 {
                let kind = match end(&bundle, &host, place) {
                    Ok(()) => "launched".to_owned(),
                    Err(Error::Step { errno, .. }) => errno.name().unwrap_or("unknown").to_owned(),
                    Err(other) => other.to_string(),
                };
                *outcomes.entry(kind).or_default() += 1;
            }
            stop.store(true, Ordering::Relaxed);
            flipper.join().unwrap()
        });
        canary.check(place);
        assert!(count > 40, "{place}: swapped too seldom to mean anything");
    }
    // Some launches must have come through, or nothing was tried.
    assert!(outcomes.get("launched").is_some_and(|count| *count > 0), "{outcomes:?}");
}

/// A proc that is moved aside while it is mounted and masked is masked wherever it is.
#[test]
fn a_proc_that_is_swapped_during_launches_is_masked_all_the_same() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let canary = Canary::new();
    let bundle = bundle(&canary);
    let (directory, aside) = (bundle.dir.join("rootfs/proc"), bundle.dir.join("rootfs/aside"));
    fs::create_dir(&aside).unwrap();
    let null = null();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    options.accept_gaps = true;
    let stop = AtomicBool::new(false);
    let mut launched = 0;
    let swapped = std::thread::scope(|scope| {
        let flipper = scope.spawn(|| flip(&stop, &directory, &aside));
        let _stop = Stop(&stop);
        for _ in 0..60 {
            let Ok(container) = launch(&bundle.plan(&host), &options) else { continue };
            launched += 1;
            // One look at one moment: afterwards the names are swapped again.
            let seen = fs::read_to_string(format!("/proc/{}/mountinfo", container.pid())).unwrap();
            let targets = |kind: &str| -> Vec<String> {
                let lines = seen.lines().filter(|line| line.contains(kind));
                lines.map(|line| line.split(' ').nth(4).unwrap().to_owned()).collect()
            };
            // Everything below is on one directory, so it moves with it: /proc or /aside.
            let names: Vec<String> =
                targets("").iter().map(|target| target.replacen("/aside", "/proc", 1)).collect();
            for path in ["/proc/keys", "/proc/sys", "/proc/irq"] {
                assert!(names.iter().any(|name| name == path), "{path} is open: {seen}");
            }
            container.remove().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        flipper.join().unwrap()
    });
    assert!(launched > 0 && swapped > 60, "{launched} launched, {swapped} swapped");
    canary.check("a swapped proc");
}
