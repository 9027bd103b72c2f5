//! What a launch does about hooks.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{Hook, Point};
use crate::config::Config;
use crate::plan::{self, Side, Step};

/// What is said of a container to its hooks: its state (runtime-spec, runtime.md, "State") without process id and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Version of the spec that its config follows.
    pub version: String,
    /// Its id.
    pub id: String,
    /// Its bundle's directory.
    pub bundle: PathBuf,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// One operation on hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Opens memory for the state that hooks in the container are given.
    OpenState,
    /// Writes the state there, now that the process id is known.
    WriteState(About),
    /// Runs a program in the launcher's namespaces.
    Outside {
        /// When.
        point: Point,
        /// The program.
        hook: Hook,
        /// What it is told.
        about: About,
    },
    /// Runs a program in the container's namespaces.
    Inside {
        /// When.
        point: Point,
        /// Its place among these.
        nth: usize,
        /// The program.
        path: CString,
        /// Its arguments, its own name first.
        args: Vec<CString>,
        /// Its whole environment.
        env: Vec<CString>,
        /// Seconds after which it is killed.
        timeout: Option<u32>,
    },
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::OpenState => write!(f, "open memory for the state that hooks are given"),
            Op::WriteState(about) => write!(f, "write the state of {} for its hooks", about.id),
            Op::Outside { point, hook, .. } => write!(f, "run the hook {point} {}", hook.path.display()),
            Op::Inside { point, path, .. } => {
                write!(f, "run the hook {point} {} in the container", path.to_string_lossy())
            }
        }
    }
}

/// What is said of a container.
pub(crate) fn about(config: &Config) -> About {
    About {
        version: config.version.clone(),
        id: config.id.clone(),
        bundle: config.bundle.clone(),
        annotations: config.annotations.clone(),
    }
}

fn is_inside(point: Point) -> bool {
    matches!(point, Point::CreateContainer | Point::StartContainer)
}

/// Whether some hook runs in the container.
fn any_inside(config: &Config) -> bool {
    Point::ALL.into_iter().filter(|point| is_inside(*point)).any(|point| !config.hooks.at(point).is_empty())
}

/// The parent's operation before the clone.
pub(crate) fn open(config: &Config, steps: &mut Vec<Step>) {
    if any_inside(config) {
        steps.push(Step::new(Side::Parent, plan::Op::Hook(Op::OpenState)));
    }
}

/// The hooks of the creation: everything is in place, and the root is not entered yet.
pub(crate) fn plan_before_entry(config: &Config, steps: &mut Vec<Step>) {
    if any_inside(config) {
        steps.push(Step::new(Side::Parent, plan::Op::Hook(Op::WriteState(about(config)))));
    }
    for point in [Point::Prestart, Point::CreateRuntime] {
        for hook in config.hooks.at(point) {
            let op = Op::Outside { point, hook: hook.clone(), about: about(config) };
            steps.push(Step::new(Side::Parent, plan::Op::Hook(op)));
        }
    }
    inside(config, Point::CreateContainer, 0, steps);
}

/// The hooks of the start.
pub(crate) fn plan_start(config: &Config, steps: &mut Vec<Step>) {
    inside(config, Point::StartContainer, config.hooks.create_container.len(), steps);
}

fn inside(config: &Config, point: Point, first: usize, steps: &mut Vec<Step>) {
    // Texts without NUL, or the config would have been refused.
    let text = |text: &[u8]| CString::new(text).unwrap_or_default();
    let texts = |list: &[String]| list.iter().map(|entry| text(entry.as_bytes())).collect();
    for (index, hook) in config.hooks.at(point).iter().enumerate() {
        let op = Op::Inside {
            point,
            nth: first + index,
            path: text(hook.path.as_os_str().as_bytes()),
            args: texts(&hook.args),
            env: texts(&hook.env),
            timeout: hook.timeout,
        };
        steps.push(Step::new(Side::Child, plan::Op::Hook(op)));
    }
}
