//! What a guarantee launches, and what is done around it.

use std::collections::BTreeMap;

use isolab_core::plan::Mutation;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::check::act::Act;
use crate::edit::Edit;
use crate::expect::Expect;
use crate::path::Path;
use crate::probe::Question;

/// Something that is made in the launch's own directory before it. Relative paths are below it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Make {
    /// Where; directories on the way are made, what was there is replaced. Ends in a slash for a directory.
    pub path: String,
    /// Content of a file.
    #[serde(default)]
    pub text: String,
    /// A symbolic link to this.
    pub link: Option<String>,
    /// A copy of the program that the probe is.
    #[serde(default)]
    pub program: bool,
    /// A device node: `c 1:3` or `b 8:0`; `p` for a FIFO.
    pub device: Option<String>,
    /// A tmpfs of this size in bytes is mounted there, in isolab's own mount namespace.
    pub tmpfs: Option<u64>,
    /// The directory is a mount of its own, whose propagation is `shared`.
    #[serde(default)]
    pub shared: bool,
    /// Permissions, as text: `4755`.
    pub mode: Option<String>,
    /// Owner and group.
    pub owner: Option<u32>,
    /// Extended attributes, in hexadecimal.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// This many of it; `{n}` in the path is the number, from 0.
    pub count: Option<usize>,
}

/// A variant of the launch. All of them must be as expected.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is different, in a word or two.
    pub name: String,
    /// Made after what the guarantee makes.
    #[serde(default)]
    pub make: Vec<Make>,
    /// Edits after the guarantee's own.
    #[serde(default)]
    pub config: Vec<Edit>,
    /// Asked in place of the guarantee's questions of the same name, or beside them.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Question>")]
    pub ask: BTreeMap<String, Value>,
    /// Done in place of the guarantee's acts of the same name, or beside them.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Act>")]
    pub act: BTreeMap<String, Value>,
    /// The same before the launch.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Act>")]
    pub before: BTreeMap<String, Value>,
    /// Expected beside what the guarantee expects.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Expect>")]
    pub expect: BTreeMap<Path, Expect>,
}

/// A positive control, or mutant: the same launch with one protection missing or wrong, in which the guarantee must break.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// What is missing or wrong, in words.
    pub without: String,
    /// Whether it is a small mistake (a wrong flag, one entry, the order) and not a missing step.
    #[serde(default)]
    pub subtle: bool,
    /// Other guarantees that it breaks too, by their ids, for the reason that follows from what is missing.
    #[serde(default)]
    pub breaks: Vec<String>,
    /// Edits on top of the guarantee's own, seen by the launcher but not by the expectations.
    #[serde(default)]
    pub config: Vec<Edit>,
    /// Changes to the plan that core makes of the config: a launcher that forgets a step.
    #[serde(default)]
    pub plan: Vec<PlanEdit>,
    /// Made on top of what the guarantee makes.
    #[serde(default)]
    pub make: Vec<Make>,
    /// Questions asked instead of the guarantee's, for faults that no config can describe.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Question>")]
    pub ask: BTreeMap<String, Value>,
    /// Acts in place of the guarantee's, by the same names.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Act>")]
    pub act: BTreeMap<String, Value>,
    /// Acts before the launch in place of the guarantee's, by the same names.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Act>")]
    pub before: BTreeMap<String, Value>,
    /// Acts after the end in place of the guarantee's, by the same names.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Act>")]
    pub after: BTreeMap<String, Value>,
    /// Changes to the second container alone.
    #[serde(default)]
    pub second: Vec<Edit>,
    /// What is different around the launch.
    pub rig: Option<Rig>,
}

impl Control {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let same = Control { without: self.without.clone(), ..Control::default() };
        Control { subtle: false, breaks: Vec::new(), ..self.clone() } == same
    }

    /// Whether only core can be made to do it.
    #[must_use]
    pub fn is_of_core(&self) -> bool {
        !self.plan.is_empty()
    }
}

/// A change to a plan: `drop`, or `move` with `after` or `before`. Steps are named by a part of the line that `isolab plan`
/// prints of them.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanEdit {
    drop: Option<String>,
    #[serde(rename = "move")]
    moved: Option<String>,
    after: Option<String>,
    before: Option<String>,
}

impl PlanEdit {
    /// As the plan takes it.
    ///
    /// # Errors
    /// When it is neither.
    pub fn mutation(&self) -> Result<Mutation, &'static str> {
        match self.clone() {
            PlanEdit { drop: Some(text), moved: None, after: None, before: None } => Ok(Mutation::Drop(text)),
            PlanEdit { drop: None, moved: Some(text), after: Some(other), before: None } => {
                Ok(Mutation::After(text, other))
            }
            PlanEdit { drop: None, moved: Some(text), after: None, before: Some(other) } => {
                Ok(Mutation::Before(text, other))
            }
            _ => Err("a plan edit is `drop`, or `move` with `after` or `before`"),
        }
    }
}

/// A container beside the first, from the same config with edits of its own, alive until the first has ended.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Second {
    /// Edits after the guarantee's own.
    #[serde(default)]
    pub config: Vec<Edit>,
    /// Its questions.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Question>")]
    pub ask: BTreeMap<String, Value>,
    /// Whether it answers while the first does, instead of before the first is launched.
    #[serde(default)]
    pub together: bool,
}

/// What stands around a launch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rig {
    /// The container has a terminal, whose controlling side goes to a console socket. It is created first, and started then.
    #[serde(default)]
    pub terminal: bool,
    /// The launcher has a controlling terminal, which is its standard input too.
    #[serde(default)]
    pub caller_terminal: bool,
    /// What standard output is: a `pipe`, a `file` or a `socket`.
    #[serde(default)]
    pub stdout: Output,
    /// A seccomp agent takes the listener at `{dir}/agent` and is gone.
    #[serde(default)]
    pub agent: bool,
}

/// What standard output is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// A pipe.
    #[default]
    Pipe,
    /// A regular file.
    File,
    /// A stream socket.
    Socket,
}

/// Two paths that are exchanged with each other, over and over, while launches begin (`renameat2(2)`).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// The one, relative to the launch's directory.
    pub one: String,
    /// The other.
    pub other: String,
}
