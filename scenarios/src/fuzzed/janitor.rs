//! A process that cleans up after this one, however that ends: a fuzzer ends by `abort`, and a static value is never dropped.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, which the kernel closes with its parent, then ends what is in the groups and removes
/// them, which may take the kernel some time, and the directory.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
while read -r _; do :; done
directory=$1
shift
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    left=
    for group; do
        [ -d "$group" ] || continue
        for procs in "$group"/*/cgroup.procs; do
            [ -e "$procs" ] && while read -r pid; do kill -9 "$pid"; done <"$procs"
        done
        rmdir "$group"/*/ "$group"
        [ -d "$group" ] && left=1
    done
    [ -z "$left" ] && break
    sleep 0.1
done
[ -d "$directory" ] && rm -rf --one-file-system "$directory"
exit 0
"#;

/// The process. Once this is dropped it is at work, or done where nothing was left to it.
#[derive(Debug)]
pub(super) struct Janitor(Child);

impl Janitor {
    /// For a scratch directory and groups with groups in them.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub(super) fn new(directory: &Path, groups: &[PathBuf]) -> io::Result<Janitor> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "isolab-janitor"]).arg(directory).args(groups);
        // Out of reach of an interrupt from the terminal.
        command.process_group(0).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Janitor(command.spawn()?))
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It ends by itself; what it could not remove, the next sweep does.
        let _status = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_removed_when_the_input_ends() {
        let directory = std::env::temp_dir().join(format!("isolab-janitor-{}", std::process::id()));
        let group = directory.with_extension("group");
        for path in [directory.join("a/b"), group.join("one")] {
            std::fs::create_dir_all(path).unwrap();
        }
        let janitor = Janitor::new(&directory, std::slice::from_ref(&group)).unwrap();
        assert!(directory.exists());
        drop(janitor);
        assert!(!directory.exists() && !group.exists());
    }
}
