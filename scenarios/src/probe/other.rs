//! Questions that are asked of other processes: as another user, in namespaces of their own, one after the other.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use isolab_core::namespace::Kind;
use isolab_core::sys::namespace;
use serde_json::{Value, json};

use super::calls::killed_by;
use super::{Answers, PROGRAM, Question, Questions, errno_name, error_name, outcome};

/// The name of the one check that is asked of another process.
const ASKED: &str = "asked";

pub(super) fn in_child(question: &Question) -> Value {
    as_user(None, None, &BTreeMap::from([("child".to_owned(), question.clone())]))
        .map_or_else(|problem| problem, |answers| answers.get("child").cloned().unwrap_or(Value::Null))
}

pub(super) fn script(questions: &[Question]) -> Value {
    let numbered = |(index, question): (usize, &Question)| (format!("{index:03}"), question.clone());
    let asked = questions.iter().enumerate().map(numbered).collect();
    as_user(None, None, &asked)
        .map_or_else(|problem| problem, |answers| Value::Array(answers.into_values().collect()))
}

pub(super) fn run(uid: Option<u32>, program: Option<&str>, ask: &BTreeMap<String, Question>) -> Value {
    as_user(uid, program, ask).map_or_else(|problem| problem, |answers| json!(answers))
}

/// The answers of another process; when there are none, what is to be said instead: the error's name, or the signal.
fn as_user(
    uid: Option<u32>,
    program: Option<&str>,
    ask: &BTreeMap<String, Question>,
) -> Result<BTreeMap<String, Value>, Value> {
    ask_other(uid, program, ask).unwrap_or_else(|error| Err(json!(error_name(&error))))
}

fn ask_other(
    uid: Option<u32>,
    program: Option<&str>,
    ask: &BTreeMap<String, Question>,
) -> io::Result<Result<BTreeMap<String, Value>, Value>> {
    let questions = serde_json::to_string(&Questions::from([(ASKED.to_owned(), ask.clone())]))?;
    let mut command = Command::new(program.map_or_else(own_program, |program| Ok(program.into()))?);
    command.args(["inside", "probe", &questions]);
    command.stdin(null()).stdout(Stdio::piped()).stderr(null());
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    let mut child = command.spawn()?;
    drop(child.stdin.take());
    let mut line = String::new();
    if let Some(stdout) = child.stdout.as_mut() {
        stdout.read_to_string(&mut line)?;
    }
    let status = child.wait()?;
    if let Some(signal) = status.signal() {
        return Ok(Err(json!(killed_by(signal))));
    }
    let mut answers: Answers = serde_json::from_str(&line)?;
    Ok(Ok(answers.remove(ASKED).unwrap_or_default()))
}

/// This program; without `/proc` it is where the bundle has put it.
pub(super) fn own_program() -> io::Result<PathBuf> {
    // A test that started itself would run its tests again, without an end.
    if cfg!(test) {
        return Err(io::Error::other("a test is no probe"));
    }
    Ok(std::env::current_exe().unwrap_or_else(|_| PROGRAM.into()))
}

/// The null device, or what comes to the same for a probe where there is none.
pub(super) fn null() -> Stdio {
    if Path::new("/dev/null").exists() { Stdio::null() } else { Stdio::piped() }
}

/// Leaves namespaces of these kinds, by the names that the runtime-spec has for them. The pid namespace is that of
/// children, so ask further through `in_child`.
pub(super) fn unshare(kinds: &[String]) -> Value {
    let flag = |name: &String| {
        Kind::ALL.into_iter().find(|kind| kind.primitive() == format!("{name} namespace")).map(Kind::flag)
    };
    let Some(flags) = kinds.iter().map(flag).sum::<Option<u64>>() else {
        return json!(format!("no such namespace among {kinds:?}"));
    };
    namespace::unshare(flags).map_or_else(|errno| json!(errno_name(errno)), |()| json!("ok"))
}

/// Becomes root of a user namespace that has just been made.
pub(super) fn map_self(uid: u32, gid: u32) -> Value {
    let map = || {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
    };
    outcome(map())
}

/// Sends a signal to the parent, which in a child of a container's first process is that.
pub(super) fn kill_parent(signal: i32) -> Value {
    super::calls::kill(std::os::unix::process::parent_id().cast_signed(), signal)
}
