//! The store, with every crash between two of its writes.
//!
//! A crash is what is on disk when a command dies: so a test writes the first few things of a command, in the order of the
//! command, under the name of a creator that is dead, and lets go. The locks of one process never exclude each other, so
//! who is kept out by whom is tested by commands, in `tests/cli.rs`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::sys::process;

/// A store of its own for a test.
struct Scratch(Store, PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("isolab-state-{}-{number}", std::process::id()));
        Scratch(Store::new(path.clone()), path)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.1.join("c1")).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.1).ok();
    }
}

/// No process has ever had this identity.
const DEAD: Identity = Identity { pid: i32::MAX, start: 7 };

fn state(creator: Identity) -> State {
    State {
        version: VERSION,
        id: "c1".into(),
        oci_version: "1.0.2".into(),
        bundle: "/bundle".into(),
        rootfs: "/bundle/rootfs".into(),
        annotations: BTreeMap::new(),
        created: 1,
        owner: 0,
        terminal: false,
        boot: status::boot(),
        creator,
        watcher: None,
        init: None,
        complete: false,
        foreground: false,
        groups: Vec::new(),
        namespaces: BTreeMap::new(),
        poststart: Vec::new(),
        poststop: Vec::new(),
    }
}

/// A process that waits until it is killed.
struct Sleeper(std::process::Child);

impl Sleeper {
    fn new() -> Sleeper {
        Sleeper(std::process::Command::new("/bin/sleep").arg("1000").spawn().unwrap())
    }

    fn identity(&self) -> Identity {
        Identity::of(self.0.id().cast_signed()).unwrap()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_name_is_claimed_once_and_free_again_when_it_is_removed() {
    let scratch = Scratch::new();
    let entry = scratch.0.claim("c1").unwrap();
    entry.write(&state(Identity::own().unwrap())).unwrap();
    assert!(matches!(scratch.0.claim("c1"), Err(Error::InUse(_))));
    let (found, read) = scratch.0.find("c1").unwrap();
    assert_eq!((read.status(&found), &read), (Status::Creating, &state(Identity::own().unwrap())));
    entry.remove().unwrap();
    assert!(matches!(scratch.0.find("c1"), Err(Error::NotFound(_))));
    assert!(matches!(scratch.0.lock("c1"), Err(Error::NotFound(_))));
    scratch.0.claim("c1").unwrap().remove().unwrap();
    assert_eq!(fs::read_dir(&scratch.1).unwrap().count(), 0);
}

/// A FIFO that this process has never had open: what other tests fork would have it open too, until its exec.
fn fifo(entry: &Entry) {
    let path =
        std::ffi::CString::new(entry.path().join("start").into_os_string().into_encoded_bytes()).unwrap();
    crate::sys::fs::mknodat(crate::sys::here(), &path, libc::S_IFIFO | 0o600, 0).unwrap();
}

/// The writes of a create, in its order.
const CREATE: [fn(&Entry); 4] = [
    |entry| entry.write(&state(DEAD)).unwrap(),
    |entry| entry.write_config(b"{}").unwrap(),
    fifo,
    |entry| fs::write(entry.path().join("state.json.new"), b"{\"ver").unwrap(),
];

#[test]
fn whatever_a_dead_creator_left_is_seen_as_stopped_and_taken_over() {
    for count in 0..=CREATE.len() {
        let scratch = Scratch::new();
        let entry = scratch.0.claim("c1").unwrap();
        CREATE[..count].iter().for_each(|write| write(&entry));
        drop(entry);
        let listed = scratch.0.list().unwrap();
        let seen: Vec<Status> =
            listed.iter().map(|(entry, state)| state.as_ref().unwrap().status(entry)).collect();
        assert_eq!(seen, if count == 0 { vec![] } else { vec![Status::Stopped] }, "after {count} writes");
        let again = scratch.0.claim("c1").unwrap();
        assert_eq!(scratch.files(), ["lock"], "after {count} writes");
        again.remove().unwrap();
    }
}

#[test]
fn whatever_a_dead_creator_left_can_be_deleted() {
    for count in 0..=CREATE.len() {
        let scratch = Scratch::new();
        let entry = scratch.0.claim("c1").unwrap();
        CREATE[..count].iter().for_each(|write| write(&entry));
        drop(entry);
        let entry = match scratch.0.lock("c1").unwrap() {
            Found::Empty(entry) if count == 0 => entry,
            Found::Container(entry, state) if count > 0 => {
                assert_eq!(state.status(&entry), Status::Stopped);
                entry
            }
            other => panic!("after {count} writes: {other:?}"),
        };
        entry.remove().unwrap();
        assert_eq!(fs::read_dir(&scratch.1).unwrap().count(), 0, "after {count} writes");
    }
}

#[test]
fn groups_of_another_boot_are_left_to_whose_they_are_now() {
    let scratch = Scratch::new();
    let path = scratch.1.join("group");
    fs::create_dir_all(&path).unwrap();
    let (mount, v2) = (scratch.1.clone(), false);
    let group = cgroup::Directory { path: path.clone(), mount, controllers: Vec::new(), v2, at_clone: false };
    let before = State { boot: "another".into(), groups: vec![group.clone()], ..state(DEAD) };
    before.remove_own_groups();
    assert!(path.exists());
    State { groups: vec![group], ..state(DEAD) }.remove_own_groups();
    assert!(!path.exists());
}

/// Whoever removes what was left is done before the next container of that name can be made.
#[test]
fn a_watcher_of_a_dead_creator_is_waited_for() {
    let mut watcher = std::process::Command::new("/bin/sleep").arg("0.3").spawn().unwrap();
    let watched = |creator| State { watcher: Identity::of(watcher.id().cast_signed()), ..state(creator) };
    let (left, under_way) = (watched(DEAD), watched(Identity::own().unwrap()));
    under_way.await_watcher();
    assert!(watcher.try_wait().unwrap().is_none());
    left.await_watcher();
    assert!(watcher.try_wait().unwrap().is_some());
    left.await_watcher();
}

#[test]
fn what_a_dead_delete_left_is_still_a_container_or_free() {
    // In the order of a removal.
    let files = ["start", "config.json", "state.json.new", "state.json", "lock"];
    for count in 0..=files.len() {
        let scratch = Scratch::new();
        let entry = scratch.0.claim("c1").unwrap();
        CREATE.iter().for_each(|write| write(&entry));
        let complete = State { complete: true, init: Some(DEAD), ..state(DEAD) };
        fs::remove_file(entry.path().join("state.json.new")).unwrap();
        entry.write(&complete).unwrap();
        fs::write(entry.path().join("state.json.new"), b"").unwrap();
        drop(entry);
        files[..count].iter().for_each(|name| fs::remove_file(scratch.1.join("c1").join(name)).unwrap());
        let kept = count < 4;
        assert_eq!(scratch.0.find("c1").is_ok(), kept, "{count} removed");
        assert_eq!(matches!(scratch.0.claim("c1"), Err(Error::InUse(_))), kept, "{count} removed");
        match scratch.0.lock("c1").unwrap() {
            Found::Container(entry, _) | Found::Empty(entry) => entry.remove().unwrap(),
        }
        assert_eq!(fs::read_dir(&scratch.1).unwrap().count(), 0, "{count} removed");
    }
}

#[test]
fn a_finished_container_is_what_its_process_is() {
    let scratch = Scratch::new();
    let entry = scratch.0.claim("c1").unwrap();
    let sleeper = Sleeper::new();
    let init = sleeper.identity();
    let own = Identity::own().unwrap();
    let complete = State { complete: true, init: Some(init), ..state(own) };
    assert_eq!(complete.status(&entry), Status::Running);
    // Not by its number alone, and not in another boot.
    let reused = State { init: Some(Identity { start: init.start + 1, ..init }), ..complete.clone() };
    assert_eq!(reused.status(&entry), Status::Stopped);
    let rebooted = State { boot: "another".into(), ..complete.clone() };
    assert_eq!(rebooted.status(&entry), Status::Stopped);
    drop(sleeper);
    assert_eq!(complete.status(&entry), Status::Stopped);
}

#[test]
fn it_is_created_while_someone_waits_at_the_fifo() {
    let scratch = Scratch::new();
    let entry = scratch.0.claim("c1").unwrap();
    let own = Identity::own().unwrap();
    let complete = State { complete: true, init: Some(own), ..state(own) };
    let waits = entry.make_start().unwrap();
    assert_eq!(complete.status(&entry), Status::Created);
    let told = entry.start().unwrap().unwrap();
    assert_eq!(complete.status(&entry), Status::Running);
    let mut byte = [0];
    assert_eq!(crate::sys::fs::read(std::os::fd::AsFd::as_fd(&waits), &mut byte), Ok(b"1".as_slice()));
    // Its end is seen to be closed.
    let end = [std::os::fd::AsFd::as_fd(&told)];
    assert_eq!(process::poll(&end, Some(std::time::Duration::ZERO)), Ok(None));
    drop(waits);
    // What other tests have just forked has a copy of it, until its exec.
    assert_eq!(process::poll(&end, None), Ok(Some(0)));
    assert!(entry.start().unwrap().is_none(), "a second start finds nobody");
    // A start that died before it removed the FIFO: nobody waits there.
    fifo(&entry);
    assert_eq!(complete.status(&entry), Status::Running);
}

#[test]
fn what_waits_at_the_fifo_of_a_dead_creator_is_ended() {
    let scratch = Scratch::new();
    let entry = scratch.0.claim("c1").unwrap();
    entry.write(&state(DEAD)).unwrap();
    fifo(&entry);
    let bystander = Sleeper::new();
    let script = format!("exec sleep 1000 <> {}", entry.path().join("start").display());
    let mut waiting = std::process::Command::new("/bin/sh").args(["-c", &script]).spawn().unwrap();
    let identity = Identity::of(waiting.id().cast_signed()).unwrap();
    while !entry.is_waiting() {
        std::thread::yield_now();
    }
    drop(entry);
    let again = scratch.0.claim("c1").unwrap();
    assert!(!identity.is_alive(), "the orphan was left");
    assert!(bystander.identity().is_alive());
    waiting.wait().unwrap();
    again.remove().unwrap();
}

#[test]
fn links_and_strange_names_are_no_containers() {
    let scratch = Scratch::new();
    scratch.0.claim("c0").unwrap().remove().unwrap();
    let elsewhere = scratch.1.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, scratch.1.join("c1")).unwrap();
    fs::write(scratch.1.join("c2"), b"").unwrap();
    for id in ["c1", "c2"] {
        for error in [scratch.0.claim(id).err(), scratch.0.find(id).err(), scratch.0.lock(id).err()] {
            assert!(matches!(error, Some(Error::System { .. })), "{id}: {error:?}");
        }
    }
    assert!(fs::read_dir(&elsewhere).unwrap().next().is_none());
    for id in ["", ".", "..", "a/b", "-a", ".a", &"a".repeat(129)] {
        assert!(matches!(scratch.0.claim(id), Err(Error::Name(_))), "{id:?}");
        assert!(matches!(scratch.0.find(id), Err(Error::Name(_))), "{id:?}");
    }
    assert!(scratch.0.list().unwrap().is_empty());
}

#[test]
fn a_state_of_another_version_is_neither_read_nor_taken_over() {
    let scratch = Scratch::new();
    let entry = scratch.0.claim("c1").unwrap();
    entry.write(&State { version: VERSION + 1, ..state(DEAD) }).unwrap();
    drop(entry);
    let said = scratch.0.find("c1").unwrap_err().to_string();
    assert!(said.contains("another isolab-runtime wrote it"), "{said}");
    assert!(matches!(scratch.0.claim("c1"), Err(Error::Unreadable { .. })));
    let listed = scratch.0.list().unwrap();
    assert!(matches!(listed.as_slice(), [(_, Err(Error::Unreadable { .. }))]));
}

#[test]
fn a_store_that_is_not_there_has_no_containers() {
    let scratch = Scratch::new();
    assert!(scratch.0.list().unwrap().is_empty());
    assert!(matches!(scratch.0.find("c1"), Err(Error::NotFound(_))));
}
