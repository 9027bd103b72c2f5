//! A git revision, built in a worktree of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::ready::Error;
use crate::scratch::Scratch;

/// The worktree of a revision; removed on drop.
#[derive(Debug)]
pub struct Worktree {
    /// As it was named.
    pub revision: String,
    /// Its commit.
    pub commit: String,
    path: PathBuf,
    /// Dropped last: the worktree is in it.
    _scratch: Scratch,
}

impl Worktree {
    /// Checks a revision of the repository at this directory out.
    ///
    /// # Errors
    /// When there is no such repository or revision.
    pub fn new(revision: &str) -> Result<Worktree, Error> {
        let scratch = Scratch::new().map_err(Error::io("make a scratch directory"))?;
        let path = scratch.path().join("tree");
        let named = format!("{revision}^{{commit}}");
        let commit = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &named], revision)?;
        git(&["worktree", "add", "--quiet", "--detach", &path.display().to_string(), &commit], revision)?;
        Ok(Worktree { revision: revision.into(), commit, path, _scratch: scratch })
    }

    /// Builds it with a shell's command line, in its root.
    ///
    /// # Errors
    /// When that fails, with the last lines that it said.
    pub fn build(&self, command: &str) -> Result<(), Error> {
        let mut shell = Command::new("/bin/sh");
        // What cargo set for the program that runs this is not for another tree's build.
        shell
            .args(["-c", command])
            .current_dir(&self.path)
            .env_remove("CARGO_TARGET_DIR")
            .stdin(Stdio::null());
        let output = shell.output().map_err(Error::io("run /bin/sh"))?;
        check(&output, &format!("`{command}` in {}", self.revision)).map(drop)
    }

    /// A path inside it.
    #[must_use]
    pub fn path(&self, inside: &Path) -> PathBuf {
        self.path.join(inside)
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        // The scratch directory goes with its files; this is so that the repository forgets it at once.
        drop(git(&["worktree", "remove", "--force", &self.path.display().to_string()], &self.revision));
    }
}

/// What git says.
fn git(arguments: &[&str], revision: &str) -> Result<String, Error> {
    let output = Command::new("git")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io("run git (apt-get install git)"))?;
    check(&output, &format!("revision {revision}: git {}", arguments[0]))
}

/// Its output, or its last lines of error.
fn check(output: &Output, what: &str) -> Result<String, Error> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
    let last = if last.is_empty() { "no such revision here".to_owned() } else { last };
    Err(Error::Ended { what: what.into(), how: format!("{}: {last}", output.status) })
}

/// Lines of a failed build that are quoted.
const LINES: usize = 12;
