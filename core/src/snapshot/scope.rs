//! What belongs to a run, so that what others do on the same host is not taken for its leftovers.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;

use super::log::Log;
use super::processes::last_pid;

/// The environment variable with a scope's token, by which processes are known wherever they have gone.
pub const VARIABLE: &str = "ISOLAB_TOKEN";

/// What belongs to a run, and how closely it is looked at.
///
/// By itself cheap enough to be looked at after each of thousands of launches. [`Scope::thorough`] is for the end.
#[derive(Debug)]
pub struct Scope {
    /// A word that is nowhere else on the host: in the environment of the run's processes ([`Scope::variable`]), in the names
    /// of its abstract sockets, of its files in `/dev/shm`, and of its keys.
    pub token: String,
    /// The run's control groups, with all in them: paths from the root of each hierarchy.
    pub groups: Vec<PathBuf>,
    /// The run's directories, with all in them: absolute paths without symbolic links, as the kernel shows them.
    pub directories: Vec<PathBuf>,
    /// How names of the run's virtual network links begin.
    pub links: Vec<String>,
    /// Whether this process's descriptors, threads and descendants are the run's. Not where other threads do other things.
    pub own: bool,
    /// Looks at what is slow to look at, too: the environment of every process instead of those born later than the scope,
    /// addresses, routes and rules, loop devices, keys.
    pub thorough: bool,
    /// Looks at `/proc/sys`, which takes some ten milliseconds.
    pub parameters: bool,
    /// Nobody else is at work on this host, which is a guest or a container: everything counts.
    pub alone: bool,
    /// The last process id that had been given out.
    pub(super) since: i32,
    pub(super) log: Log,
}

impl Scope {
    /// With a random token and nothing else, from now on.
    #[must_use]
    pub fn new() -> Scope {
        // The hasher's keys are random, and others at each call.
        let token = format!("isolab-{:016x}", RandomState::new().build_hasher().finish());
        Scope {
            token,
            groups: Vec::new(),
            directories: Vec::new(),
            links: Vec::new(),
            own: true,
            thorough: false,
            parameters: false,
            alone: false,
            since: last_pid(&std::fs::read_to_string("/proc/loadavg").unwrap_or_default()).unwrap_or(0),
            log: Log::new(),
        }
    }

    /// `ISOLAB_TOKEN=…`, for the environment of what the run launches.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{VARIABLE}={}", self.token)
    }

    /// The key of the run's System V objects (`svipc(7)`), which have no names: by what follows from the token.
    #[must_use]
    pub fn ipc_key(&self) -> i32 {
        // FNV-1a. Never 0, which is IPC_PRIVATE.
        let hash = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        (self.token.bytes().fold(0x811c_9dc5, hash) | 1).cast_signed()
    }

    /// Whether a path or a name is of the run: it has the token in it, or the path of one of the run's directories.
    pub(super) fn concerns(&self, text: &str) -> bool {
        let has = |path: &PathBuf| path.to_str().is_some_and(|path| has_path(text, path));
        self.alone || text.contains(&self.token) || self.directories.iter().any(has)
    }
}

impl Default for Scope {
    fn default() -> Scope {
        Scope::new()
    }
}

/// Whether a path stands in a text, and not only the start of the name of another.
pub(super) fn has_path(text: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || "-_.".contains(next));
    !path.is_empty() && text.match_indices(path).any(|(at, _)| !goes_on(&text[at + path.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_not_the_start_of_another() {
        assert!(has_path("1 2 /tmp/a/b rw", "/tmp/a") && has_path("upperdir=/tmp/a,workdir=x", "/tmp/a/"));
        assert!(!has_path("/tmp/a1 /tmp/a-b /tmp/a.c", "/tmp/a") && !has_path("/tmp", ""));
        assert!(has_path("/tmp/a1 /tmp/a", "/tmp/a"));
    }

    #[test]
    fn tokens_and_keys_differ() {
        let (one, other) = (Scope::new(), Scope::new());
        assert_ne!(one.token, other.token);
        assert_ne!(one.ipc_key(), other.ipc_key());
        assert!(one.concerns(&one.variable()) && !one.concerns(&other.variable()));
    }
}
