//! The files: a directory of this input's own, the root directory in it, and a directory outside of that which nothing may touch.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Once;

use isolab_core::cgroup::Directory;
use isolab_core::state::{Identity, State, VERSION};

use super::input::{Drawn, Foreign, Name, Node};
use super::model::is_name;

/// Removed with all that is in it, whatever becomes of the property.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

/// What the names of such directories begin with; the process id follows.
const NAME: &str = "isolab-fuzz-state-";

impl Scratch {
    /// A new one, with what is outside.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Scratch {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let scratch = Scratch { path: place() };
        scratch.clear();
        folder(&scratch.path);
        folder(&scratch.groups());
        folder(&scratch.outside());
        for name in Name::ALL {
            let content = match name {
                Name::State => state(&SECRET, OUTSIDE),
                _ => OUTSIDE.as_bytes().to_vec(),
            };
            file(&scratch.outside().join(name.file()), &content);
        }
        folder(&scratch.outside().join("empty"));
        scratch
    }

    /// The root directory of the store.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.path.join("root")
    }

    /// Where the containers' groups would be: directories that are as easily removed.
    #[must_use]
    pub fn groups(&self) -> PathBuf {
        self.path.join("groups")
    }

    /// What nothing may touch.
    #[must_use]
    pub fn outside(&self) -> PathBuf {
        self.path.join("outside")
    }

    /// Everything but the root and the groups: names, what they are, content, and when it was last changed.
    #[must_use]
    pub fn around(&self) -> Vec<String> {
        let mut seen = names(&self.path);
        seen.retain(|name| !["root", "groups"].contains(&name.as_str()));
        for name in names(&self.outside()) {
            let path = self.outside().join(&name);
            let meta =
                fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let content = fs::read(&path).unwrap_or_default();
            let when = (meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
            seen.push(format!("{name} {:o} {when:?} {content:?}", meta.mode()));
        }
        seen
    }

    fn clear(&self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "remove {}: {error}", self.path.display());
        }
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A panic on the way would hide the one that is being told; what stays is swept by the next run.
        drop(fs::remove_dir_all(&self.path));
    }
}

/// Of this process.
fn place() -> PathBuf {
    std::env::temp_dir().join(format!("{NAME}{}", std::process::id()))
}

/// The group that a container of this name says that it has.
fn group(id: &str) -> Directory {
    let mount = place().join("groups");
    Directory { path: mount.join(id), mount, controllers: Vec::new(), v2: true, at_clone: true }
}

/// Removes what processes left that ended within the property.
fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid =
            name.to_str().and_then(|name| name.strip_prefix(NAME)).and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// A directory, for its owner alone.
///
/// # Panics
/// When it cannot be made.
pub fn folder(path: &Path) {
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    made.unwrap_or_else(|error| panic!("mkdir {}: {error}", path.display()));
}

/// A file.
///
/// # Panics
/// When it cannot be written.
pub fn file(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
}

/// The names in a directory, sorted; none where it is none.
#[must_use]
pub fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Puts something under a name in a directory, in the place of what was there.
///
/// # Panics
/// When that is not possible.
pub fn plant(directory: &Path, name: Name, node: &Node, id: &str) {
    let path = directory.join(name.file());
    match fs::symlink_metadata(&path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir(&path).unwrap_or_else(|error| panic!("{error}")),
        Ok(_) => fs::remove_file(&path).unwrap_or_else(|error| panic!("{error}")),
        Err(_) => {}
    }
    match node {
        Node::Folder => folder(&path),
        Node::Link => {
            let to = Path::new("../../outside").join(name.file());
            symlink(to, &path).unwrap_or_else(|error| panic!("{error}"));
        }
        Node::Fifo => {
            let path = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
            let made = isolab_core::sys::fs::mknodat(isolab_core::sys::here(), &path, 0o010_600, 0);
            made.unwrap_or_else(|errno| panic!("{errno}"));
        }
        node => file(&path, &content(node, id)),
    }
}

/// What a planted file holds.
#[must_use]
pub fn content(node: &Node, id: &str) -> Vec<u8> {
    const SOME: Drawn =
        Drawn { complete: true, creator: false, init: None, boot: true, foreground: false, mark: 7 };
    let text =
        |from: &str, to: &str| String::from_utf8_lossy(&state(&SOME, id)).replacen(from, to, 1).into_bytes();
    match node {
        Node::State(drawn) => state(drawn, id),
        Node::Version(version) => text("\"version\":1", &format!("\"version\":{version}")),
        Node::Cut(missing) => {
            let whole = state(&SOME, id);
            whole[..whole.len().saturating_sub(usize::from(*missing) + 1)].to_vec()
        }
        Node::File(Foreign::Empty) => Vec::new(),
        Node::File(Foreign::Null) => b"null".to_vec(),
        Node::File(Foreign::Runc) => {
            br#"{"id":"c1","init_process_pid":1,"created":"2020-01-01T00:00:00Z","config":{}}"#.to_vec()
        }
        Node::File(Foreign::Binary) => vec![0xff, 0, 0xfe, b'{'],
        Node::File(Foreign::Pid) => text("\"pid\":", "\"pid\":99999999999"),
        Node::File(Foreign::Deep) => text("\"groups\":", &format!("\"groups\":{},", "[".repeat(500))),
        Node::Folder | Node::Link | Node::Fifo => Vec::new(),
    }
}

/// What must never be read.
pub const OUTSIDE: &str = "outside";
/// The state outside.
const SECRET: Drawn =
    Drawn { complete: true, creator: false, init: None, boot: true, foreground: false, mark: 255 };

fn state(drawn: &Drawn, id: &str) -> Vec<u8> {
    serde_json::to_vec(&made(drawn, id)).unwrap_or_else(|error| panic!("{error}"))
}

/// The state that is meant.
///
/// # Panics
/// Where `/proc` is not mounted.
#[must_use]
pub fn made(drawn: &Drawn, id: &str) -> State {
    // No process has ever had this identity.
    const DEAD: Identity = Identity { pid: i32::MAX, start: 7 };
    let own = || Identity::own().unwrap_or_else(|error| panic!("{error}"));
    let process = |alive| if alive { own() } else { DEAD };
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    State {
        version: VERSION,
        id: id.to_owned(),
        oci_version: "1.2.0".into(),
        bundle: "/nowhere".into(),
        rootfs: "/nowhere/rootfs".into(),
        annotations: [("mark".to_owned(), drawn.mark.to_string())].into(),
        created: u64::from(drawn.mark),
        owner: 0,
        terminal: false,
        boot: if drawn.boot { boot.trim_end().to_owned() } else { "another".into() },
        creator: process(drawn.creator),
        watcher: None,
        init: drawn.init.map(process),
        complete: drawn.complete,
        foreground: drawn.foreground,
        groups: if is_name(id) { vec![group(id)] } else { Vec::new() },
        namespaces: Default::default(),
        poststart: Vec::new(),
        poststop: Vec::new(),
    }
}
