//! Stopping a container as a whole: `cgroup.freeze` of v2 (Linux 5.2), or the freezer of v1
//! (`Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst`).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::directory::Directory;
use super::error::{Error, Result};
use super::file;

/// How long freezing and thawing may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Freezes a container or lets it go on, and waits until all of it is so.
///
/// # Errors
/// When it has no group that can be frozen, or takes longer than 10 s; it is thawed again then.
pub fn freeze(directories: &[Directory], frozen: bool) -> Result<()> {
    freeze_within(directories, frozen, LIMIT)
}

/// Whether a container is frozen. One without groups, or whose groups are gone, is not.
///
/// # Errors
/// When the groups may not be read.
pub fn is_frozen(directories: &[Directory]) -> Result<bool> {
    find(directories).map_or(Ok(false), |freezer| freezer.is_frozen())
}

/// What freezes a group.
struct Freezer {
    group: PathBuf,
    v2: bool,
}

fn find(directories: &[Directory]) -> Option<Freezer> {
    let has = |directory: &&Directory| match directory.v2 {
        true => directory.path.join("cgroup.freeze").exists(),
        false => directory.controllers.iter().any(|name| name == "freezer"),
    };
    let found = directories.iter().find(has)?;
    Some(Freezer { group: found.path.clone(), v2: found.v2 })
}

impl Freezer {
    fn set(&self, frozen: bool) -> Result<()> {
        let (file, value) = match (self.v2, frozen) {
            (true, true) => ("cgroup.freeze", "1"),
            (true, false) => ("cgroup.freeze", "0"),
            (false, true) => ("freezer.state", "FROZEN"),
            (false, false) => ("freezer.state", "THAWED"),
        };
        file::write(&self.group.join(file), value)
    }

    /// The state of all its tasks, not what was asked for.
    fn is_frozen(&self) -> Result<bool> {
        let (file, line) = if self.v2 { ("cgroup.events", "frozen 1") } else { ("freezer.state", "FROZEN") };
        let text = file::read(&self.group.join(file))?.unwrap_or_default();
        Ok(text.lines().any(|found| found == line))
    }
}

pub(super) fn freeze_within(directories: &[Directory], frozen: bool, limit: Duration) -> Result<()> {
    let Some(freezer) = find(directories) else {
        return Err(Error::Missing {
            problem: "the container has no group that can be frozen".into(),
            remedy: "mount cgroup v2 (Linux 5.2 or later) or the freezer of v1, and give it a linux.cgroupsPath",
        });
    };
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_micros(50);
    freezer.set(frozen)?;
    while freezer.is_frozen()? != frozen {
        if Instant::now() >= deadline {
            if frozen {
                freezer.set(false)?;
            }
            let operation = if frozen { "freeze" } else { "thaw" };
            let (path, seconds) = (freezer.group, limit.as_secs());
            let taken_back = frozen.then_some("it goes on");
            return Err(Error::TimedOut { operation, path, seconds, taken_back });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
        if !freezer.v2 && frozen {
            // A task that forked while it was being frozen is only taken by another attempt.
            freezer.set(true)?;
        }
    }
    Ok(())
}

/// Lets everything in freezers of v1 go on.
pub(super) fn thaw_v1(directories: &[Directory]) -> Result<()> {
    for directory in directories.iter().filter(|directory| !directory.v2 && directory.has("freezer")) {
        let state: &Path = &directory.path.join("freezer.state");
        if state.exists() {
            file::write(state, "THAWED")?;
        }
    }
    Ok(())
}
