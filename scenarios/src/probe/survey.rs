//! Questions about all of something: of `/proc` and `/sys`, of the system calls.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::sys::trial::{self, Argument, Trial, trial};
use serde_json::{Map, Value, json};

use super::calls::killed_by;
use super::{errno_name, error_name, outcome};

/// Files below a directory that open for writing: nothing is written. Processes' own directories, and those that are links,
/// are left out.
pub(super) fn settings(path: &str, leave_out: &[String]) -> Value {
    let mut found = (0u64, Vec::new());
    walk(Path::new(path), leave_out, &mut found);
    let (seen, mut writable) = found;
    writable.sort();
    json!({"seen": seen, "writable": writable})
}

fn walk(dir: &Path, leave_out: &[String], found: &mut (u64, Vec<String>)) {
    // What cannot be listed is out of reach by this way.
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        let name = entry.file_name();
        let is_process = dir == Path::new("/proc")
            && name.to_string_lossy().starts_with(|first: char| first.is_ascii_digit());
        if kind.is_symlink() || is_process || leave_out.iter().any(|left| path == Path::new(left)) {
            continue;
        }
        if kind.is_dir() {
            walk(&path, leave_out, found);
        } else if kind.is_file() {
            found.0 += 1;
            if OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&path).is_ok() {
                found.1.push(path.display().to_string());
            }
        }
    }
}

/// Each path's outcome of an open.
pub(super) fn open_each(paths: &[String], write: bool) -> Value {
    let one = |path: &String| {
        let opened = OpenOptions::new().read(!write).write(write).custom_flags(libc::O_NONBLOCK).open(path);
        (path.clone(), outcome(opened))
    };
    Value::Object(paths.iter().map(one).collect())
}

/// Opens until it fails.
pub(super) fn open_many(at_most: usize) -> Value {
    let mut opened = Vec::new();
    while opened.len() < at_most {
        match File::open("/") {
            Ok(file) => opened.push(file),
            Err(error) => {
                let highest = opened.iter().map(AsRawFd::as_raw_fd).max();
                return json!({"opened": opened.len(), "highest": highest, "error": error_name(&error)});
            }
        }
    }
    json!({"opened": opened.len(), "error": null})
}

/// Opens a file over and over.
pub(super) fn open_loop(path: &str, millis: u64) -> Value {
    let begun = Instant::now();
    let (mut tries, mut opened) = (0u64, 0u64);
    while begun.elapsed() < Duration::from_millis(millis) {
        tries += 1;
        opened += u64::from(File::open(path).is_ok());
    }
    json!({"tries": tries, "opened": opened})
}

/// System calls by number, without arguments, each in a process of its own: what came of them, by outcome.
pub(super) fn call_table(from: u64, to: u64, leave_out: &[String]) -> Value {
    let left: Vec<u64> = leave_out.iter().filter_map(|name| trial::number(name)).collect();
    let mut outcomes: Map<String, Value> = Map::new();
    for number in (from..=to).filter(|number| !left.contains(number)) {
        let outcome = match trial(number, &[Argument::Number(0); 6]) {
            Ok(Trial::Returned(_)) => "returned".to_owned(),
            Ok(Trial::Failed(errno)) => errno_name(errno),
            Ok(Trial::Exited(_)) => "exited".to_owned(),
            Ok(Trial::Killed(signal)) => killed_by(signal),
            Err(errno) => format!("not tried: {}", errno_name(errno)),
        };
        if let Some(list) = outcomes.entry(outcome).or_insert_with(|| json!([])).as_array_mut() {
            list.push(json!(number));
        }
    }
    Value::Object(outcomes)
}

/// `getppid` from a second thread: whether that `went on`, and then whether this one did.
pub(super) fn thread_call() -> Value {
    let (sender, receiver) = mpsc::channel();
    let called = thread::spawn(move || {
        let parent = std::os::unix::process::parent_id();
        // Nobody listens any more after the time.
        sender.send(parent).unwrap_or_default();
    });
    let went_on = receiver.recv_timeout(Duration::from_millis(500)).is_ok();
    // A thread that a filter has killed can be joined no more: std takes it for one that left no result.
    std::mem::forget(called);
    json!({"thread_went_on": went_on, "process_went_on": true})
}

/// The ways to put input into a terminal (ioctl_tty(2), ioctl_console(2)); the upper half of the request's number is not the
/// kernel's business, and a filter that compares it is passed by.
pub(super) fn push_input(path: &str) -> Value {
    const TIOCSTI: u64 = 0x5412;
    const TIOCLINUX: u64 = 0x541c;
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NOCTTY).open(path) {
        Ok(file) => file,
        Err(error) => return json!({"open": error_name(&error)}),
    };
    let push = |request: u64| {
        let number = trial::number("ioctl").unwrap_or_default();
        let descriptor = u64::try_from(file.as_raw_fd()).unwrap_or_default();
        let given = [Argument::Number(descriptor), Argument::Number(request), Argument::Text(c"x")];
        match trial(number, &given) {
            Ok(Trial::Returned(_)) => json!("ok"),
            Ok(Trial::Failed(errno)) => json!(errno_name(errno)),
            Ok(Trial::Killed(signal)) => json!(killed_by(signal)),
            other => json!(format!("{other:?}")),
        }
    };
    json!({"open": "ok", "tiocsti": push(TIOCSTI), "tiocsti_high": push(TIOCSTI + (1 << 32)), "tioclinux": push(TIOCLINUX)})
}

/// Whether a descriptor is a terminal, and which device.
pub(super) fn terminal(descriptor: u32) -> Value {
    use std::os::unix::fs::MetadataExt;
    let path = format!("/proc/self/fd/{descriptor}");
    let look = || -> io::Result<Value> {
        let meta = fs::metadata(&path)?;
        let device = meta.rdev();
        let is = meta.file_type().is_char_device();
        let link = fs::read_link(&path)?.display().to_string();
        Ok(json!({"character": is, "major": device >> 8 & 0xfff, "dev": meta.dev(), "link": link}))
    };
    super::or_error(look())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surveys_find_what_is_there() {
        let scratch = crate::scratch::Scratch::new().unwrap();
        fs::create_dir(scratch.path().join("d")).unwrap();
        fs::write(scratch.path().join("d/open"), "").unwrap();
        let answer = settings(scratch.path().to_str().unwrap(), &[]);
        assert!(
            answer["writable"]
                .as_array()
                .unwrap()
                .iter()
                .any(|path| path.as_str().unwrap().ends_with("d/open"))
        );
        assert_eq!(open_many(3), json!({"opened": 3, "error": null}));
        assert!(open_loop("/none", 2)["tries"].as_u64().unwrap() > 0);
        assert_eq!(open_each(&["/none".into()], false)["/none"], json!("ENOENT"));
        assert_eq!(thread_call(), json!({"thread_went_on": true, "process_went_on": true}));
        let number = trial::number("getppid").unwrap();
        assert_eq!(call_table(number, number, &[])["returned"], json!([number]));
    }
}
