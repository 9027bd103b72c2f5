//! What a guest is to do, and what it says of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where the job lies in the initramfs.
pub const PATH: &str = "/job.json";

/// What a guest is to do: prepare, run the commands one after another, power off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Which cgroup version to mount at `/sys/fs/cgroup`.
    pub cgroup: CgroupVersion,
    /// Paths of kernel modules in the initramfs, in the order in which they are to be loaded.
    pub modules: Vec<String>,
    /// Paths of compiled AppArmor policies in the initramfs.
    pub apparmor: Vec<String>,
    /// Whether `/dev/vda` is an ext4 file system that scratch files are to go to (as `TMPDIR`).
    pub disk: bool,
    /// Microseconds to wait before the first command.
    pub delay: u32,
    /// What to run.
    pub commands: Vec<Command>,
}

/// Which cgroup version a guest uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CgroupVersion {
    /// One hierarchy per controller.
    V1,
    /// The unified hierarchy.
    #[default]
    V2,
}

/// One program to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments; the program's path is absolute.
    pub argv: Vec<String>,
    /// Added to the environment.
    pub env: BTreeMap<String, String>,
    /// Seconds of the guest's time after which it is killed.
    pub limit: u64,
}

/// What a guest says, one after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Message {
    /// It is prepared.
    Ready {
        /// `uname -r`.
        release: String,
        /// What could not be prepared, each with its reason: a module that would not load, a file system that would not mount.
        problems: Vec<String>,
    },
    /// A command begins.
    Begun {
        /// Its place in the job.
        command: usize,
    },
    /// A command has ended.
    Ended {
        /// Its place in the job.
        command: usize,
        /// How it ended.
        end: End,
        /// What it printed.
        stdout: String,
        /// What it printed to standard error.
        stderr: String,
    },
    /// All commands have ended, and the guest powers off.
    Done,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "value")]
pub enum End {
    /// With an exit status.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// Killed at its limit.
    Limit,
}
