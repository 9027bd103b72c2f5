//! Mounts, in the mount namespace of the calling thread and in that of process 1 where it is another.
//!
//! A mount counts when its target, root or source concerns the scope: mounts in its directories, overlays of them, bind mounts
//! of its files or groups. And so that a host's own mounts are not taken away or changed (which parallel runs do not do
//! either), the root and what is mounted at or below `/dev`, `/proc` and `/sys` always counts.
//!
//! Limit: a namespace that is kept by a mount elsewhere (`/run/netns`) is nobody's unless its name has the token.

use std::path::Path;

use super::Kind;
use super::look::Look;
use super::scope::has_path;
use crate::observe::mountinfo;

pub(super) fn look(look: &mut Look<'_>) {
    table(look, "/proc/thread-self/mountinfo", "");
    let own = look.link("/proc/thread-self/ns/mnt");
    // Only a privileged process may see where process 1 is; it need not.
    let first = std::fs::read_link("/proc/1/ns/mnt").map(|link| link.to_string_lossy().into_owned()).ok();
    if first.is_none() || own != first {
        table(look, "/proc/1/mountinfo", " of process 1");
    }
}

fn table(look: &mut Look<'_>, path: &str, whose: &str) {
    let text = look.read(path).unwrap_or_default();
    // Those that the kernel writes otherwise than everybody else.
    let directories = look.scope.directories.iter().filter_map(|path| escaped(path));
    let directories: Vec<String> = directories.collect();
    // Before they are parsed: of all mounts, of which a host may have thousands.
    let ours = |line: &&str| {
        look.scope.concerns(line) || is_of_system(line) || directories.iter().any(|path| has_path(line, path))
    };
    let lines: Vec<&str> = text.lines().filter(ours).collect();
    for line in lines {
        // Of one line one mount, or none when it is malformed.
        for mount in mountinfo(line) {
            let what = format!("mount{whose} at {} ({}, id {})", mount.target, mount.fstype, mount.id);
            let flags: Vec<&str> =
                mount.options.iter().chain(&mount.propagation).map(String::as_str).collect();
            let state = format!("of {} in {}, {}", mount.root, mount.source, flags.join(" "));
            look.saw(Kind::Mounts, what, state);
        }
    }
}

/// As the kernel writes it (`proc_pid_mountinfo(5)`), where that is not as it is.
fn escaped(path: &Path) -> Option<String> {
    const STRANGE: [(char, &str); 4] = [('\\', "\\134"), (' ', "\\040"), ('\t', "\\011"), ('\n', "\\012")];
    let path = path.to_string_lossy();
    let one = |text: String, (plain, octal): &(char, &str)| text.replace(*plain, octal);
    path.contains(STRANGE.map(|(plain, _)| plain)).then(|| STRANGE.iter().fold(path.into_owned(), one))
}

/// Whether the target, the fifth field, is one of a system's own.
fn is_of_system(line: &str) -> bool {
    let target = line.split(' ').nth(4).unwrap_or_default();
    let below =
        |place: &str| target.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    target == "/" || ["/dev", "/proc", "/sys"].into_iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_paths_are_written_as_the_kernel_does() {
        assert_eq!(escaped(Path::new("/a b\\c")).as_deref(), Some(r"/a\040b\134c"));
        assert_eq!(escaped(Path::new("/a-b")), None);
    }

    #[test]
    fn the_systems_mounts_are_told_from_others() {
        let line = |target: &str| format!("24 27 0:6 / {target} rw - tmpfs tmpfs rw");
        assert!(["/", "/dev", "/dev/shm", "/sys/fs/cgroup"].map(line).iter().all(|line| is_of_system(line)));
        assert!(!["/device", "/mnt/proc", "/tmp"].map(line).iter().any(|line| is_of_system(line)));
    }
}
