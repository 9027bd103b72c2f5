//! Hooks: programs that the config wants run at points of a container's life (runtime-spec, `config.md`, "POSIX-platform
//! Hooks").
//!
//! Here is what they are, for all six points, and the running of those that run outside: `prestart`, `createRuntime`,
//! `poststart`, `poststop`. `createContainer` and `startContainer` run in the container's namespaces, on its way to the
//! exec, so the launch runs them.

#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;
#[cfg(feature = "launch")]
mod run;

use std::fmt;
use std::path::{Path, PathBuf};

use oci_spec::runtime::Hook as Spec;
use serde::{Deserialize, Serialize};

use crate::config::Reader;

pub use plan::{About, Op};
pub(crate) use plan::{about, open, plan_before_entry, plan_start};
#[cfg(feature = "launch")]
pub use run::{Error, run};

/// When a hook runs, in the order of a container's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// As `createRuntime`, before it.
    Prestart,
    /// The namespaces are made and the root is not entered yet; in the launcher's namespaces.
    CreateRuntime,
    /// At the same time, in the container's namespaces.
    CreateContainer,
    /// The container is started and the workload is not executed yet; in the container.
    StartContainer,
    /// The workload runs; in the launcher's namespaces.
    Poststart,
    /// The container is gone; in the launcher's namespaces.
    Poststop,
}

impl Point {
    /// All of them.
    pub const ALL: [Point; 6] = [
        Point::Prestart,
        Point::CreateRuntime,
        Point::CreateContainer,
        Point::StartContainer,
        Point::Poststart,
        Point::Poststop,
    ];

    /// Its name in the config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Point::Prestart => "prestart",
            Point::CreateRuntime => "createRuntime",
            Point::CreateContainer => "createContainer",
            Point::StartContainer => "startContainer",
            Point::Poststart => "poststart",
            Point::Poststop => "poststop",
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The program, an absolute path.
    pub path: PathBuf,
    /// Its arguments, its own name first; never empty.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: Vec<String>,
    /// Seconds after which it is killed; never 0.
    pub timeout: Option<u32>,
}

/// A container's hooks, each list in the order in which it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hooks {
    /// See [`Point::Prestart`].
    pub prestart: Vec<Hook>,
    /// See [`Point::CreateRuntime`].
    pub create_runtime: Vec<Hook>,
    /// See [`Point::CreateContainer`].
    pub create_container: Vec<Hook>,
    /// See [`Point::StartContainer`].
    pub start_container: Vec<Hook>,
    /// See [`Point::Poststart`].
    pub poststart: Vec<Hook>,
    /// See [`Point::Poststop`].
    pub poststop: Vec<Hook>,
}

impl Hooks {
    /// The hooks of a point.
    #[must_use]
    pub fn at(&self, point: Point) -> &[Hook] {
        match point {
            Point::Prestart => &self.prestart,
            Point::CreateRuntime => &self.create_runtime,
            Point::CreateContainer => &self.create_container,
            Point::StartContainer => &self.start_container,
            Point::Poststart => &self.poststart,
            Point::Poststop => &self.poststop,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Hooks {
        let Some(hooks) = reader.spec.hooks().as_ref() else { return Hooks::default() };
        #[allow(deprecated, reason = "the spec keeps prestart for old configs")]
        let prestart = hooks.prestart();
        Hooks {
            prestart: list(reader, Point::Prestart, prestart.as_deref()),
            create_runtime: list(reader, Point::CreateRuntime, hooks.create_runtime().as_deref()),
            create_container: list(reader, Point::CreateContainer, hooks.create_container().as_deref()),
            start_container: list(reader, Point::StartContainer, hooks.start_container().as_deref()),
            poststart: list(reader, Point::Poststart, hooks.poststart().as_deref()),
            poststop: list(reader, Point::Poststop, hooks.poststop().as_deref()),
        }
    }
}

fn list(reader: &mut Reader<'_>, point: Point, hooks: Option<&[Spec]>) -> Vec<Hook> {
    let hooks = hooks.unwrap_or_default().iter().enumerate();
    hooks.map(|(index, hook)| one(reader, &format!("hooks.{point}[{index}]"), hook)).collect()
}

fn one(reader: &mut Reader<'_>, at: &str, hook: &Spec) -> Hook {
    // Checks it too: absolute, no NUL, not too long.
    reader.path_inside(&format!("{at}.path"), hook.path());
    let args = hook.args().clone().filter(|args| !args.is_empty());
    let args = args.unwrap_or_else(|| vec![name(hook.path())]);
    for (index, arg) in args.iter().enumerate() {
        reader.text(&format!("{at}.args[{index}]"), arg);
    }
    let env = hook.env().clone().unwrap_or_default();
    for (index, entry) in env.iter().enumerate() {
        let at = format!("{at}.env[{index}]");
        if entry.find('=').is_none_or(|position| position == 0) {
            reader.refuse(at.as_str(), format!("{entry:?} is not NAME=value"));
        }
        reader.text(&at, entry);
    }
    let timeout = hook.timeout().map(|seconds| {
        u32::try_from(seconds).ok().filter(|seconds| *seconds > 0).unwrap_or_else(|| {
            reader.refuse(format!("{at}.timeout"), format!("{seconds} is not a number of seconds above 0"));
            1
        })
    });
    Hook { path: hook.path().clone(), args, env, timeout }
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::oci;

    fn config(hooks: &str) -> Result<Config, crate::config::Violations> {
        let text = format!(
            r#"{{"ociVersion":"1.0.2","root":{{"path":"r"}},
                "process":{{"args":["/x"],"cwd":"/","user":{{"uid":0,"gid":0}}}},"hooks":{hooks}}}"#
        );
        Config::new(&oci::parse(text.as_bytes()).unwrap(), Path::new("/bundle"), "c1")
    }

    #[test]
    fn every_point_is_read_and_arguments_begin_with_the_program() {
        for point in Point::ALL {
            let hooks = config(&format!(r#"{{"{point}":[{{"path":"/bin/x","timeout":3}}]}}"#)).unwrap().hooks;
            let hook = Hook {
                path: "/bin/x".into(),
                args: vec!["/bin/x".into()],
                env: Vec::new(),
                timeout: Some(3),
            };
            assert_eq!(hooks.at(point), [hook]);
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let hooks = r#"{"poststop":[{"path":"/ok"},{"path":"x","env":["A=1","=b"],"timeout":0}]}"#;
        let said = config(hooks).unwrap_err().to_string();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(
            lines,
            [
                r#"hooks.poststop[1].path: "x" is not absolute"#,
                r#"hooks.poststop[1].env[1]: "=b" is not NAME=value"#,
                "hooks.poststop[1].timeout: 0 is not a number of seconds above 0",
            ]
        );
    }
}
