//! Files: all in the scope's directories, which only the run may write to, by type, size and mode; what concerns the scope
//! in `/dev/shm` and `/dev/mqueue`; and System V objects with the scope's key, or of which a process of the scope is the
//! creator.
//!
//! What is mounted in a directory is not gone into: it is told as a mount.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Kind;
use super::look::{Look, has_gone};

/// How many files are looked at in each of the scope's directories.
const MOST: usize = 20_000;

pub(super) fn look(look: &mut Look<'_>) {
    for directory in &look.scope.directories {
        match directory.symlink_metadata() {
            Ok(meta) => {
                let mut rest = MOST;
                look.saw(Kind::Files, directory.display().to_string(), describe(&meta));
                walk(look, directory, meta.dev(), &mut rest);
                if rest == 0 {
                    look.unseen(directory.display().to_string(), format!("more than {MOST} files"));
                }
            }
            Err(error) if has_gone(&error) => {}
            Err(error) => look.unseen(directory.display().to_string(), error),
        }
    }
    for shared in ["/dev/shm", "/dev/mqueue"] {
        for name in look.names(shared) {
            if look.scope.concerns(&name) {
                let path = Path::new(shared).join(name);
                look.saw(Kind::Files, path.display().to_string(), "shared memory or a message queue");
            }
        }
    }
    for table in ["shm", "sem", "msg"] {
        system_v(look, table);
    }
}

fn walk(look: &mut Look<'_>, directory: &Path, device: u64, rest: &mut usize) {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if has_gone(&error) => return,
        Err(error) => return look.unseen(directory.display().to_string(), error),
    };
    for entry in entries.flatten() {
        if *rest == 0 {
            return;
        }
        *rest -= 1;
        let Ok(meta) = entry.metadata() else { continue };
        let path = entry.path();
        look.saw(Kind::Files, path.display().to_string(), describe(&meta));
        if meta.is_dir() && meta.dev() == device {
            walk(look, &path, device, rest);
        }
    }
}

/// The size of a directory depends on what has ever been in it.
fn describe(meta: &Metadata) -> String {
    let mode = meta.mode() & 0o7777;
    let owner = format!("mode {mode:o}, of {}:{}", meta.uid(), meta.gid());
    match meta.mode() & libc::S_IFMT {
        libc::S_IFDIR => format!("a directory, {owner}"),
        libc::S_IFREG => format!("a file of {} bytes, {owner}", meta.size()),
        libc::S_IFLNK => "a symbolic link".to_owned(),
        libc::S_IFIFO => format!("a FIFO, {owner}"),
        libc::S_IFSOCK => format!("a socket, {owner}"),
        _ => format!("a device, {owner}"),
    }
}

/// A table of `proc_sysvipc(5)`: key and number are the first columns, and only segments have a creator.
fn system_v(look: &mut Look<'_>, table: &str) {
    let text = look.read(format!("/proc/sysvipc/{table}")).unwrap_or_default();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[key, id, ..] = fields.as_slice() else { continue };
        let creator = fields.get(4).filter(|_| table == "shm").and_then(|pid| pid.parse::<i32>().ok());
        let created =
            creator.is_some_and(|pid| look.members.contains(&pid) || (look.scope.own && pid == look.pid));
        if look.scope.alone || created || key.parse() == Ok(look.scope.ipc_key()) {
            let by = creator.map(|pid| format!(", made by process {pid}")).unwrap_or_default();
            look.saw(Kind::Files, format!("System V {table} {id}"), format!("with key {key}{by}"));
        }
    }
}
