//! Processes that the probe leaves behind, and work that it does on the side.

use std::fs;
use std::io;
use std::process::Command;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use isolab_core::sys::process;
use serde_json::{Value, json};

use super::other::{null, own_program};
use super::{Question, or_error};

/// What `begin` has begun and `result` has not asked for yet.
static BACKGROUND: Mutex<Option<JoinHandle<Value>>> = Mutex::new(None);

/// Starts processes that outlive their parent in sessions of their own.
pub(super) fn orphans(count: usize, millis: u64) -> Value {
    let start = |_| -> io::Result<()> {
        let question = json!({"orphan": {"orphan": {"bear": {"millis": millis}}}}).to_string();
        let mut parent = Command::new(own_program()?)
            .args(["inside", "probe", &question])
            .stdin(null())
            .stdout(null())
            .spawn()?;
        parent.wait().map(drop)
    };
    or_error((0..count).try_for_each(start).map(|()| json!(count)))
}

/// Has a child that sleeps in a session of its own, and does not wait for it.
pub(super) fn bear(millis: u64) -> Value {
    let question = json!({"asleep": {"asleep": {"sleep": {"millis": millis, "alone": true}}}}).to_string();
    let start = |program| {
        Command::new(program).args(["inside", "probe", &question]).stdin(null()).stdout(null()).spawn()
    };
    or_error(own_program().and_then(start).map(|child| json!(child.id())))
}

pub(super) fn sleep(millis: u64, alone: bool) -> Value {
    if alone && let Err(errno) = process::setsid() {
        return json!(super::errno_name(errno));
    }
    thread::sleep(Duration::from_millis(millis));
    json!("ok")
}

/// How many processes have ended and were not waited for.
pub(super) fn zombies() -> Value {
    or_error(fs::read_dir("/proc").map(|entries| {
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let dead = pids.filter_map(isolab_core::observe::stat_of).filter(|stat| stat.state == 'Z');
        json!(dead.count())
    }))
}

/// Asks on the side.
pub(super) fn begin(question: &Question) -> Value {
    let question = question.clone();
    let begun = thread::spawn(move || question.answer());
    let mut background = BACKGROUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *background = Some(begun);
    json!("ok")
}

/// The answer to what was asked on the side, once it is there.
pub(super) fn result() -> Value {
    let taken = BACKGROUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    match taken.map(JoinHandle::join) {
        Some(Ok(answer)) => answer,
        Some(Err(_)) => json!({"error": "it panicked"}),
        None => json!({"error": "nothing was begun"}),
    }
}

/// Counts in a file, a step a millisecond.
pub(super) fn count(path: &str, millis: u64) -> Value {
    let begun = Instant::now();
    let mut number = 0u64;
    while begun.elapsed() < Duration::from_millis(millis) {
        number += 1;
        if let Err(error) = fs::write(path, number.to_string()) {
            return json!({"error": super::error_name(&error)});
        }
        thread::sleep(Duration::from_millis(1));
    }
    json!(number)
}

/// How the session of this process is: `sid`, whether it `leads` it, and the controlling `terminal`, 0 for none
/// (proc_pid_stat(5), fields 6 and 7).
pub(super) fn session() -> Value {
    let fields = fs::read_to_string("/proc/self/stat").map(|text| {
        let rest = text.rfind(')').map_or("", |end| &text[end + 1..]);
        let fields: Vec<i64> = rest.split_whitespace().skip(3).take(2).flat_map(str::parse).collect();
        let sid = fields.first().copied();
        json!({"sid": sid, "leads": sid == Some(i64::from(std::process::id())), "terminal": fields.get(1)})
    });
    or_error(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_on_the_side_is_asked_for_later() {
        assert_eq!(begin(&Question::Sleep { millis: 1, alone: false }), json!("ok"));
        assert_eq!(result(), json!("ok"));
        assert_eq!(result(), json!({"error": "nothing was begun"}));
        // A session that was begun outside this pid namespace is 0 here.
        assert!(session()["sid"].is_i64() && session()["terminal"].is_i64());
        assert!(zombies().is_u64());
    }
}
