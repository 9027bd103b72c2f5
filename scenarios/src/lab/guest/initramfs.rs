//! The initramfs: everything that a guest has, in one archive.
//!
//! It is not compressed: the guest would take longer to unpack it than QEMU takes to load it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::carry::{Carried, Content};
use super::cpio::Archive;
use super::error::Error;
use super::job::{self, Job};

/// What goes into an initramfs.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// The isolab to run as init, and as `/isolab`; static.
    pub program: &'a Path,
    /// What the guest is to do.
    pub job: &'a Job,
    /// Modules by name, uncompressed; they lie at [`module_path()`].
    pub modules: &'a [(String, Vec<u8>)],
    /// What else is carried in.
    pub files: &'a [Carried],
}

/// Where a module lies in the guest.
#[must_use]
pub fn module_path(name: &str) -> String {
    format!("/lib/modules/{name}.ko")
}

/// Directories that every guest has, with their permissions.
const DIRECTORIES: [(&str, u32); 16] = [
    ("dev", 0o755),
    ("disk", 0o755),
    ("etc", 0o755),
    ("mnt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/lib64", 0o755),
    ("usr/sbin", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

/// Links that every guest has. With merged `/usr`, as every current distribution has it, a program finds its loader
/// and its libraries by either name.
const LINKS: [(&str, &str); 6] = [
    ("bin", "usr/bin"),
    ("init", "isolab"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("sbin", "usr/sbin"),
    ("var/run", "/run"),
];

/// Small files that every guest has. User 1000 and its subordinate ids are there for what is tried without root.
const TEXTS: [(&str, &str); 7] = [
    ("etc/group", "root:x:0:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n"),
    ("etc/hostname", "isolab\n"),
    ("etc/hosts", "127.0.0.1 localhost isolab\n::1 localhost\n"),
    (
        "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n",
    ),
    ("etc/resolv.conf", ""),
    ("etc/subgid", "user:100000:65536\n"),
    ("etc/subuid", "user:100000:65536\n"),
];

/// Writes an initramfs to the file `out`.
///
/// # Errors
/// When a file cannot be read, `out` cannot be written, or two things want one place.
pub fn build(contents: &Contents<'_>, out: &Path) -> Result<(), Error> {
    let write = || Error::io("write", out);
    let mut archive = Archive::new(BufWriter::new(File::create(out).map_err(write())?));
    for (path, content) in &members(contents)? {
        let name = path.to_str().ok_or_else(|| Error::carry(path, "its name is not UTF-8"))?;
        match content {
            Content::Directory { mode } => archive.directory(name, *mode).map_err(write())?,
            Content::Link { target } => archive.link(name, target).map_err(write())?,
            Content::Bytes { mode, bytes } => {
                archive.file(name, *mode, bytes.len() as u64, bytes.as_slice()).map_err(write())?;
            }
            Content::File { from } => {
                let file = File::open(from).map_err(Error::io("open", from))?;
                let metadata = file.metadata().map_err(Error::io("look at", from))?;
                let mode = metadata.permissions().mode() & 0o7777;
                archive.file(name, mode, metadata.len(), file).map_err(Error::io("copy", from))?;
            }
        }
    }
    // The kernel opens it as init's standard streams before anything is mounted.
    archive.character_device("dev/console", 0o600, (5, 1)).map_err(write())?;
    archive.finish().map_err(write())
}

/// Everything by its path without the leading slash, parents before what is in them.
fn members(contents: &Contents<'_>) -> Result<BTreeMap<PathBuf, Content>, Error> {
    let mut members = BTreeMap::new();
    members.extend(DIRECTORIES.map(|(path, mode)| (path.into(), Content::Directory { mode })));
    members.extend(LINKS.map(|(path, target)| (path.into(), Content::Link { target: target.into() })));
    let job = serde_json::to_vec(contents.job)
        .map_err(|error| Error::carry(Path::new(job::PATH), error.to_string()))?;
    let own = [
        Carried { path: "/isolab".into(), content: Content::File { from: contents.program.to_owned() } },
        Carried { path: job::PATH.into(), content: Content::Bytes { mode: 0o644, bytes: job } },
    ];
    let modules = contents.modules.iter().map(|(name, bytes)| Carried {
        path: module_path(name).into(),
        content: Content::Bytes { mode: 0o644, bytes: bytes.clone() },
    });
    for carried in own.into_iter().chain(modules).chain(contents.files.iter().cloned()) {
        place(&mut members, carried)?;
    }
    for (path, text) in TEXTS {
        let text = Content::Bytes { mode: 0o644, bytes: text.into() };
        // One that was carried in is wanted instead.
        members.entry(path.into()).or_insert(text);
    }
    Ok(members)
}

/// Puts one thing at its place, with the directories that lead there.
fn place(members: &mut BTreeMap<PathBuf, Content>, carried: Carried) -> Result<(), Error> {
    let Carried { path, content } = carried;
    let at = merged(&path);
    for parent in at.ancestors().skip(1).filter(|parent| *parent != Path::new("")) {
        let directory = members.entry(parent.to_owned()).or_insert(Content::Directory { mode: 0o755 });
        if !matches!(directory, Content::Directory { .. }) {
            return Err(Error::carry(&path, "something else is where its directory would be"));
        }
    }
    match (members.get(&at), &content) {
        (None, _) => drop(members.insert(at, content)),
        (Some(Content::Directory { .. }), Content::Directory { .. }) => {}
        // A library that two programs need.
        (Some(there), _) if *there == content => {}
        (Some(_), _) => return Err(Error::carry(&path, "something else is there already")),
    }
    Ok(())
}

/// A path of the guest as the archive has it: without the leading slash, and with `/usr` merged.
fn merged(path: &Path) -> PathBuf {
    let path = path.strip_prefix("/").unwrap_or(path);
    let moved = ["bin", "lib", "lib64", "sbin"].iter().any(|name| path.starts_with(name));
    if moved { Path::new("usr").join(path) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::lab::guest::CgroupVersion;
    use crate::scratch::Scratch;

    fn job() -> Job {
        Job {
            cgroup: CgroupVersion::V2,
            modules: Vec::new(),
            apparmor: Vec::new(),
            disk: false,
            delay: 0,
            commands: Vec::new(),
        }
    }

    fn bytes(path: &str, text: &str) -> Carried {
        Carried { path: path.into(), content: Content::Bytes { mode: 0o600, bytes: text.into() } }
    }

    #[test]
    fn cpio_reads_what_was_written_and_equal_contents_give_equal_bytes() {
        if !isolab_core::need::met(&["cpio"]) {
            return;
        }
        let scratch = Scratch::new().unwrap();
        let program = scratch.path().join("program");
        fs::write(&program, "12345").unwrap();
        let files = [bytes("/bin/x", "abc"), bytes("/opt/deep/y", ""), bytes("/usr/bin/x", "abc")];
        let contents = Contents { program: &program, job: &job(), modules: &[], files: &files };
        let [one, two] = ["one", "two"].map(|name| scratch.path().join(name));
        build(&contents, &one).unwrap();
        build(&contents, &two).unwrap();
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
        let mut list = Command::new("cpio");
        list.args(["-itv", "--quiet"]).env("TZ", "UTC").stdin(Stdio::from(File::open(&one).unwrap()));
        let listed = list.output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let has = |words: &[&str]| listed.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(has(&["-rw-------", " 3 Jan  1  1970 usr/bin/x"]), "{listed}");
        assert!(
            has(&["drwxrwxrwt", " tmp"]) && has(&["init -> isolab"]) && has(&[" opt/deep/y"]),
            "{listed}"
        );
        assert!(has(&["crw-------", "5,   1", "dev/console"]), "{listed}");
        assert_eq!(listed.matches("usr/bin/x").count(), 1);
    }

    #[test]
    fn a_place_is_taken_once() {
        let refused = |files: &[Carried]| {
            let contents = Contents { program: Path::new("/p"), job: &job(), modules: &[], files };
            members(&contents).err().map(|error| error.to_string())
        };
        assert_eq!(refused(&[bytes("/etc/hosts", "other")]), None);
        let twice = refused(&[bytes("/bin/x", "a"), bytes("/usr/bin/x", "b")]).unwrap();
        assert_eq!(twice, "/usr/bin/x cannot be carried into the guest: something else is there already");
        assert!(refused(&[bytes("/opt", "a"), bytes("/opt/x", "b")]).unwrap().contains("directory"));
        assert!(refused(&[bytes("/isolab", "a")]).is_some());
    }
}
