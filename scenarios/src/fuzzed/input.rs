//! What is launched, and what its workload does: drawn, or read from a config.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Value, json};

use super::{puppet, rules};
use crate::drawn::Launchable;

/// How many descriptors or processes a workload asks for at most.
pub const MOST: usize = 40;

/// Calls that tell something known and do no harm whatever their arguments are: they take none. With their numbers on x86_64.
pub(super) const CALLS: [(&str, u64); 5] =
    [("getpid", 39), ("getppid", 110), ("gettid", 186), ("sched_yield", 24), ("getuid", 102)];

/// A launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The config; where its groups are is not in it.
    pub spec: Value,
    /// Whether to look at all of it, from inside too, which takes longer.
    pub thorough: bool,
    /// What the workload does, one after another.
    pub acts: Vec<Act>,
    /// And how it ends then.
    pub end: End,
}

/// Something that a workload does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Opens a directory again and again until that fails, at most [`MOST`] and as many as the limits are lower.
    Open,
    /// Starts processes until that fails, at most [`MOST`].
    Fork,
    /// Makes a call that the filter may decide on.
    Call(Call),
}

/// A call with arguments that it does not look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// What it is given.
    pub args: [u64; 6],
}

impl Call {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> u64 {
        CALLS.iter().find(|(name, _)| *name == self.name).map_or(0, |(_, number)| *number)
    }
}

/// How a workload ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At the end of its input.
    Silence,
    /// By `exit_group` with this number.
    Exit(u32),
    /// By a fault of its own.
    Fault,
    /// Killed by its launcher.
    Killed,
    /// It is sent SIGTERM, which the first process of a pid namespace does not see, and then as with [`End::Silence`].
    Asked,
}

impl<'b> Arbitrary<'b> for Input {
    fn arbitrary(bytes: &mut Unstructured<'b>) -> Result<Input> {
        let thorough = bytes.int_in_range(0..=7u8)? == 7;
        let common = bytes.int_in_range(0..=1u8)? == 1;
        let mut acts = Vec::new();
        for _ in 0..bytes.int_in_range(0..=3u8)? {
            acts.push(act(bytes)?);
        }
        let end = end(bytes)?;
        let mut spec = Launchable::arbitrary(bytes)?.spec;
        if acts.iter().any(|act| matches!(act, Act::Call(_))) && spec["linux"]["seccomp"].is_object() {
            rules::draw(bytes, &mut spec["linux"]["seccomp"])?;
        }
        if common {
            make_common(&mut spec);
        }
        tame(&mut spec);
        // Sometimes there is no such program, which shows at the very end.
        if bytes.int_in_range(0..=15u8)? == 15 {
            spec["process"]["args"][0] = json!(bytes.choose(&["/none", "/etc", "/puppet/x"])?);
        }
        Ok(Input { spec, thorough, acts, end })
    }
}

impl Input {
    /// From a file's bytes: a config as JSON, which is looked at thoroughly and ends by itself, or what a fuzzer has drawn.
    ///
    /// # Errors
    /// One line, when they are neither.
    pub fn read(bytes: &[u8]) -> std::result::Result<Input, String> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            let mut spec: Value =
                serde_json::from_slice(bytes).map_err(|error| format!("no config: {error}"))?;
            if !spec["process"].is_object() {
                return Err("no config: it has no process".into());
            }
            tame(&mut spec);
            return Ok(Input { spec, thorough: true, acts: Vec::new(), end: End::Silence });
        }
        Input::arbitrary_take_rest(Unstructured::new(bytes))
            .map_err(|error| format!("no fuzz input: {error}"))
    }
}

fn act(bytes: &mut Unstructured<'_>) -> Result<Act> {
    Ok(match bytes.int_in_range(0..=7u8)? {
        0 => Act::Open,
        1 => Act::Fork,
        _ => {
            let (name, _) = *bytes.choose(&CALLS)?;
            let mut args = [0; 6];
            for argument in &mut args {
                *argument = rules::argument(bytes)?;
            }
            Act::Call(Call { name, args })
        }
    })
}

fn end(bytes: &mut Unstructured<'_>) -> Result<End> {
    Ok(match bytes.int_in_range(0..=7u8)? {
        0 | 1 => End::Silence,
        2 => End::Fault,
        3 => End::Killed,
        4 => End::Asked,
        _ => End::Exit(*bytes.choose(&[0, 1, 2, 7, 126, 127, 128, 137, 255, 256, 511, u32::MAX])?),
    })
}

/// Gives a config the puppet for its program, limits on processes and memory, and no core files.
fn tame(spec: &mut Value) {
    let process = &mut spec["process"];
    let mut args = vec![json!(puppet::PATH)];
    args.extend(process["args"].as_array().cloned().unwrap_or_default());
    process["args"] = Value::Array(args);
    process["terminal"] = json!(false);
    let mut limits = process["rlimits"].as_array().cloned().unwrap_or_default();
    limits.retain(|limit| limit["type"] != "RLIMIT_CORE");
    limits.push(json!({"type": "RLIMIT_CORE", "soft": 0, "hard": 0}));
    process["rlimits"] = Value::Array(limits);
    let resources = &mut spec["linux"]["resources"];
    if !resources["pids"].is_object() {
        resources["pids"] = json!({"limit": 128});
    }
    if !resources["memory"].is_object() {
        resources["memory"] = json!({"limit": 64 << 20});
    }
}

/// Takes out what other launchers are known to refuse: time namespaces, ids that are no positive `int`, what is inheritable though
/// the bounding set lacks it. There would be nothing to compare.
fn make_common(spec: &mut Value) {
    if let Some(kinds) = spec["linux"]["namespaces"].as_array_mut() {
        kinds.retain(|kind| kind["type"] != "time");
    }
    if let Some(linux) = spec["linux"].as_object_mut() {
        linux.remove("timeOffsets");
    }
    let user = &mut spec["process"]["user"];
    for name in ["uid", "gid"] {
        lower(&mut user[name]);
    }
    // By `get_mut`: an index would put a null where there is nothing.
    user.get_mut("additionalGids").and_then(Value::as_array_mut).into_iter().flatten().for_each(lower);
    let sets = &mut spec["process"]["capabilities"];
    let bounding = sets["bounding"].as_array().cloned().unwrap_or_default();
    for set in ["inheritable", "ambient"] {
        if let Some(names) = sets.get_mut(set).and_then(Value::as_array_mut) {
            names.retain(|name| bounding.contains(name));
        }
    }
}

fn lower(id: &mut Value) {
    if id.as_u64().is_some_and(|id| id > i32::MAX.cast_unsigned().into()) {
        *id = json!(1000);
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Input { spec, thorough, acts, end } = self;
        writeln!(f, "{spec:#}")?;
        writeln!(f, "the workload does: {acts:?}, then {end:?}")?;
        write!(f, "looked at {}", if *thorough { "from inside too" } else { "from outside" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_configs_are_read_and_other_things_are_not() {
        let drawn = Input::read(&[7; 300]).unwrap();
        assert_eq!(drawn.spec["process"]["args"][0], puppet::PATH);
        let config =
            json!({"process": {"args": ["sh"], "rlimits": [{"type": "RLIMIT_CORE", "soft": 9, "hard": 9}]}});
        let read = Input::read(config.to_string().as_bytes()).unwrap();
        assert_eq!(read.spec["process"]["args"], json!([puppet::PATH, "sh"]));
        assert_eq!(read.spec["process"]["rlimits"].as_array().unwrap().len(), 1);
        assert_eq!(read.spec["linux"]["resources"]["pids"]["limit"], 128);
        assert!(Input::read(b" {").unwrap_err().contains("no config"));
        assert!(Input::read(b"{}").unwrap_err().contains("no process"));
    }
}
