//! The operations that a launch performs on cgroups.

use std::ffi::CString;
use std::fmt;

use super::devices::Program;

/// One operation on cgroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Makes a group. It must not exist; missing groups above it are made too.
    Create {
        /// The group.
        path: CString,
        /// The groups above it, outermost first, without the root of the hierarchy.
        above: Vec<CString>,
        /// A new v1 cpuset has no CPUs and no memory: it is given its parent's.
        fill_cpuset: bool,
    },
    /// Makes controllers available below a v2 group.
    Enable {
        /// `cgroup.subtree_control` of the group.
        file: CString,
        /// `+cpu +memory`.
        controllers: CString,
        /// Whether it fails if one of them cannot be had; otherwise each is tried.
        must: bool,
    },
    /// Writes a value.
    Write {
        /// The file.
        file: CString,
        /// What.
        value: CString,
        /// What to do where there is no such file.
        without: Without,
    },
    /// Loads a program that decides on devices, and attaches it to the v2 group.
    Devices {
        /// The group.
        group: CString,
        /// What it decides.
        program: Program,
    },
    /// Opens the v2 group for the clone.
    OpenGroup(CString),
    /// Opens the file by which the child moves itself into a group, which differs between v1 and v2.
    OpenJoin(CString),
    /// The child moves itself into a group, through the file that was opened as the n-th.
    Join {
        /// Which of those opened.
        nth: usize,
        /// The group.
        group: CString,
    },
}

/// What to do where there is no file for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Without {
    /// Fail.
    Fail,
    /// Go on: without it everything is as asked.
    GoOn,
    /// Write another one.
    Write {
        /// The file.
        file: CString,
        /// What.
        value: CString,
    },
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Create { path, .. } => write!(f, "mkdir {}", path.to_string_lossy()),
            Op::Enable { file, controllers, must } => {
                write!(f, "write {}: {}", file.to_string_lossy(), controllers.to_string_lossy())?;
                if *must { Ok(()) } else { write!(f, ", as far as they can be had") }
            }
            Op::Write { file, value, without } => {
                write!(f, "write {}: {}", file.to_string_lossy(), value.to_string_lossy())?;
                match without {
                    Without::Fail => Ok(()),
                    Without::GoOn => write!(f, ", if there is such a file"),
                    Without::Write { file, value } => {
                        write!(f, ", or else {}: {}", file.to_string_lossy(), value.to_string_lossy())
                    }
                }
            }
            Op::Devices { group, program } => {
                let (count, group) = (program.instructions.len(), group.to_string_lossy());
                write!(f, "attach a device program of {count} instructions to {group}:")?;
                for rule in &program.rules {
                    write!(f, " {rule},")?;
                }
                write!(f, " then what every container may use")
            }
            Op::OpenGroup(path) | Op::OpenJoin(path) => write!(f, "open {}", path.to_string_lossy()),
            Op::Join { group, .. } => write!(f, "join {}", group.to_string_lossy()),
        }
    }
}
