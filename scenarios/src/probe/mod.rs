//! The in-container side: answers questions about what it sees and what the kernel lets it do.
//!
//! The probe is the container's first process, in a root filesystem that holds nothing but itself, under any launcher.
//! It takes its questions as one JSON argument, prints its answers as one line of JSON, answers each line of further
//! questions that comes from its standard input, waits until that ends (so that it can be looked at from outside while it
//! lives), and exits with 0. It needs no `/proc`: what cannot be read is answered with the error.

mod calls;
mod files;
mod load;
pub(crate) mod network;
mod other;
mod process;
mod processes;
mod survey;
mod tamper;

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::process::ExitCode;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use calls::Argument;
pub use tamper::Way;

/// Questions by check and fact.
pub type Questions = BTreeMap<String, BTreeMap<String, Question>>;
/// Answers in the same shape.
pub type Answers = BTreeMap<String, BTreeMap<String, Value>>;

/// Where the probe lives in a root filesystem.
pub const PROGRAM: &str = "/isolab";

/// One question. The answer is a JSON value; an operation that was refused is answered with the error's name, such as
/// `"EPERM"`, one that went through with `"ok"` or with what it returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// The process id.
    Getpid {},
    /// Everything that `/proc/self` says: see `facts::tree`.
    Observe {},
    /// The processes that `/proc` shows: `count`, `first` (pids, at most 8), and the pids whose command line holds `text`.
    Processes {
        /// Part of a command line.
        text: String,
    },
    /// The environment, as an object.
    Environ {},
    /// The host name.
    Hostname {},
    /// The working directory.
    Cwd {},
    /// The CPUs that it may run on, as text: `0,1`.
    Affinity {},
    /// `type`, `mode`, `rdev`, `dev`, `inode`, `uid`, `gid` of a path.
    Stat {
        /// The path.
        path: String,
        /// Of what a link leads to.
        #[serde(default)]
        follow: bool,
    },
    /// Where a symbolic link leads to.
    Link {
        /// The path.
        path: String,
    },
    /// Names in a directory, sorted.
    List {
        /// The directory.
        path: String,
    },
    /// Opens a file, reads or writes nothing, and closes it.
    Open {
        /// The path.
        path: String,
        /// For writing instead of reading.
        #[serde(default)]
        write: bool,
        /// Made when it does not exist; it must not.
        #[serde(default)]
        create: bool,
    },
    /// The first 4096 bytes of a file, as text, without the last newline.
    Read {
        /// The path.
        path: String,
    },
    /// Writes so many bytes to the end of a file, which is made when needed.
    Write {
        /// The path.
        path: String,
        /// How many.
        bytes: usize,
        /// Waits until they are on the disk (`fsync(2)`).
        #[serde(default)]
        sync: bool,
    },
    /// Makes a directory.
    Mkdir {
        /// The path.
        path: String,
    },
    /// Removes a file.
    Remove {
        /// The path.
        path: String,
    },
    /// Sorts paths that should be masked into `masked`, `visible` and `absent`.
    Masked {
        /// The paths.
        paths: Vec<String>,
    },
    /// Device nodes in a directory, as `c 1:3 null`, sorted.
    Devices {
        /// The directory.
        path: String,
    },
    /// Looks for files of these names below a directory: `seen` counts them, `writable` lists those that open for writing.
    Writable {
        /// The directory.
        path: String,
        /// File names.
        names: Vec<String>,
    },
    /// Sends a signal; 0 only asks.
    Kill {
        /// The process.
        pid: i32,
        /// The signal's number.
        signal: i32,
    },
    /// Connects to an abstract Unix socket.
    ConnectAbstract {
        /// Its name, without the leading NUL.
        name: String,
    },
    /// Names of the network interfaces, sorted.
    Interfaces {},
    /// Interfaces that an IPv4 route uses, one entry a route.
    Routes {},
    /// Makes a system call in a throw-away process. The answer is the number that it returned, the error's name, or
    /// `killed by SIGSYS`.
    Syscall {
        /// Its name, or its number as text.
        name: String,
        /// Up to six numbers or texts.
        #[serde(default)]
        args: Vec<Argument>,
    },
    /// Starts threads until it fails: `started`, `error`.
    Tasks {
        /// Stops here at the latest.
        at_most: u32,
    },
    /// Touches this much memory and frees it.
    Allocate {
        /// Megabytes of 2^20 bytes.
        mib: usize,
    },
    /// Spins; the answer is how many CPUs' worth of time it got.
    Spin {
        /// How long.
        millis: u64,
        /// With how many threads.
        threads: usize,
    },
    /// Seconds of the `monotonic`, `boottime` and `realtime` clocks.
    Clocks {},
    /// Tries the classic way out of a chroot (chroot(2), NOTES): `escaped`, and the file identities that say so.
    EscapeChroot {
        /// Lock itself into a plain chroot first, and try to escape from that.
        #[serde(default)]
        jail: bool,
    },
    /// Opens a descriptor and keeps it, to be seen by others.
    Leak {
        /// What to open.
        path: String,
    },
    /// Connects to a Unix socket by its path.
    ConnectPath {
        /// The path.
        path: String,
    },
    /// Makes a system call as a program of i386, by i386's number.
    I386 {
        /// The number.
        number: u64,
        /// Up to five.
        #[serde(default)]
        args: Vec<Argument>,
    },
    /// Starts processes that outlive their parents, in sessions of their own.
    Orphans {
        /// How many.
        count: usize,
        /// How long they live.
        millis: u64,
    },
    /// Has a child in a session of its own and does not wait for it.
    Bear {
        /// How long it lives.
        millis: u64,
    },
    /// Sleeps.
    Sleep {
        /// How long.
        millis: u64,
        /// In a session of its own.
        #[serde(default)]
        alone: bool,
    },
    /// How many processes have ended and were not waited for.
    Zombies {},
    /// Sends a signal to the parent.
    KillParent {
        /// The signal's number.
        signal: i32,
    },
    /// The session: `sid`, `leads`, `terminal`.
    Session {},
    /// Whether a descriptor is a character device, and which: `character`, `major`, `dev`, `link`.
    Terminal {
        /// Its number.
        descriptor: u32,
    },
    /// Tries to put input into a terminal: `open`, `tiocsti`, `tiocsti_high`, `tioclinux`.
    PushInput {
        /// The terminal.
        path: String,
    },
    /// Changes files in several ways; each has one of its own, `path` with the way's name added.
    Tamper {
        /// How the paths begin.
        path: String,
        /// The ways.
        ways: Vec<Way>,
    },
    /// Opens files, and answers each path's outcome.
    OpenEach {
        /// The paths.
        paths: Vec<String>,
        /// For writing instead of reading.
        #[serde(default)]
        write: bool,
    },
    /// Opens until it fails: `opened`, `highest`, `error`.
    OpenMany {
        /// Stops here at the latest.
        at_most: usize,
    },
    /// Opens a file over and over: `tries`, `opened`.
    OpenLoop {
        /// The file.
        path: String,
        /// How long.
        millis: u64,
    },
    /// Files below a directory that open for writing: `seen`, `writable`.
    Settings {
        /// The directory.
        path: String,
        /// Paths not to go to.
        #[serde(default)]
        leave_out: Vec<String>,
    },
    /// System calls by number with zeros for arguments, the numbers by outcome.
    CallTable {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
        /// Names of those not to make.
        #[serde(default)]
        leave_out: Vec<String>,
    },
    /// `getppid` from a second thread: `thread_went_on`, `process_went_on`.
    ThreadCall {},
    /// Counts in a file.
    Count {
        /// The file.
        path: String,
        /// How long.
        millis: u64,
    },
    /// Maps huge pages and touches the first.
    Huge {
        /// Megabytes of 2^20 bytes.
        mib: usize,
    },
    /// Begins to answer a question on the side.
    Begin(Box<Question>),
    /// The answer to what was begun.
    Result {},
    /// Leaves namespaces: `user`, `mount`, `pid` and so on. Within a script, so that the rest is not affected.
    Unshare {
        /// The kinds.
        kinds: Vec<String>,
    },
    /// Becomes root of a user namespace that was just made.
    MapSelf {
        /// The user outside.
        #[serde(default)]
        uid: u32,
        /// The group outside.
        #[serde(default)]
        gid: u32,
    },
    /// Questions that are answered one after the other by a process of their own: a list of answers.
    Script(Vec<Question>),
    /// Asks another program that is a probe too: the answers, or why there are none.
    Run {
        /// As this user and group.
        uid: Option<u32>,
        /// The program; this one's by default.
        program: Option<String>,
        /// The questions.
        ask: BTreeMap<String, Question>,
    },
    /// How long a question takes: `answer`, `seconds`.
    Timed(Box<Question>),
    /// Asks in a process of its own. If a signal ends that process, the answer is `killed by SIGKILL`.
    InChild(Box<Question>),
}

impl Question {
    /// Every question's name.
    pub const NAMES: &[&str] = &[
        "getpid",
        "observe",
        "processes",
        "environ",
        "hostname",
        "cwd",
        "affinity",
        "stat",
        "link",
        "list",
        "open",
        "read",
        "write",
        "mkdir",
        "remove",
        "masked",
        "devices",
        "writable",
        "kill",
        "connect_abstract",
        "interfaces",
        "routes",
        "syscall",
        "tasks",
        "allocate",
        "spin",
        "clocks",
        "escape_chroot",
        "leak",
        "connect_path",
        "i386",
        "orphans",
        "bear",
        "sleep",
        "zombies",
        "kill_parent",
        "session",
        "terminal",
        "push_input",
        "tamper",
        "open_each",
        "open_many",
        "open_loop",
        "settings",
        "call_table",
        "thread_call",
        "count",
        "huge",
        "begin",
        "result",
        "unshare",
        "map_self",
        "script",
        "run",
        "timed",
        "in_child",
    ];

    /// The answer, from here and now.
    #[must_use]
    pub fn answer(&self) -> Value {
        match self {
            Question::Getpid {} => json!(std::process::id()),
            Question::Observe {} => process::observe(),
            Question::Processes { text } => process::processes(text),
            Question::Environ {} => process::environ(),
            Question::Hostname {} => process::hostname(),
            Question::Cwd {} => process::cwd(),
            Question::Affinity {} => process::affinity(),
            Question::Stat { path, follow } => files::stat(path, *follow),
            Question::Link { path } => files::link(path),
            Question::List { path } => files::list(path),
            Question::Open { path, write, create } => files::open(path, *write, *create),
            Question::Read { path } => files::read(path),
            Question::Write { path, bytes, sync } => files::write(path, *bytes, *sync),
            Question::Mkdir { path } => files::mkdir(path),
            Question::Remove { path } => files::remove(path),
            Question::Masked { paths } => files::masked(paths),
            Question::Devices { path } => files::devices(path),
            Question::Writable { path, names } => files::writable(path, names),
            Question::Kill { pid, signal } => calls::kill(*pid, *signal),
            Question::ConnectAbstract { name } => network::connect_abstract(name),
            Question::Interfaces {} => network::interfaces(),
            Question::Routes {} => network::routes(),
            Question::Syscall { name, args } => calls::syscall(name, args),
            Question::Tasks { at_most } => load::tasks(*at_most),
            Question::Allocate { mib } => load::allocate(*mib),
            Question::Spin { millis, threads } => load::spin(*millis, *threads),
            Question::Clocks {} => process::clocks(),
            Question::EscapeChroot { jail } => files::escape_chroot(*jail),
            Question::Leak { path } => files::leak(path),
            Question::ConnectPath { path } => network::connect_path(path),
            Question::I386 { number, args } => calls::i386(*number, args),
            Question::Orphans { count, millis } => processes::orphans(*count, *millis),
            Question::Bear { millis } => processes::bear(*millis),
            Question::Sleep { millis, alone } => processes::sleep(*millis, *alone),
            Question::Zombies {} => processes::zombies(),
            Question::KillParent { signal } => other::kill_parent(*signal),
            Question::Session {} => processes::session(),
            Question::Terminal { descriptor } => survey::terminal(*descriptor),
            Question::PushInput { path } => survey::push_input(path),
            Question::Tamper { path, ways } => tamper::tamper(path, ways),
            Question::OpenEach { paths, write } => survey::open_each(paths, *write),
            Question::OpenMany { at_most } => survey::open_many(*at_most),
            Question::OpenLoop { path, millis } => survey::open_loop(path, *millis),
            Question::Settings { path, leave_out } => survey::settings(path, leave_out),
            Question::CallTable { from, to, leave_out } => survey::call_table(*from, *to, leave_out),
            Question::ThreadCall {} => survey::thread_call(),
            Question::Count { path, millis } => processes::count(path, *millis),
            Question::Huge { mib } => load::huge(*mib),
            Question::Begin(question) => processes::begin(question),
            Question::Result {} => processes::result(),
            Question::Unshare { kinds } => other::unshare(kinds),
            Question::MapSelf { uid, gid } => other::map_self(*uid, *gid),
            Question::Script(questions) => other::script(questions),
            Question::Run { uid, program, ask } => other::run(*uid, program.as_deref(), ask),
            Question::Timed(question) => load::timed(question),
            Question::InChild(question) => other::in_child(question),
        }
    }
}

/// `isolab inside probe QUESTIONS`.
#[must_use]
pub fn main(args: &[String]) -> ExitCode {
    let [questions] = args else {
        eprintln!("isolab: the probe takes one argument, its questions in JSON");
        return ExitCode::from(2);
    };
    let questions: Questions = match serde_json::from_str(questions) {
        Ok(questions) => questions,
        Err(error) => {
            eprintln!("isolab: the probe's questions: {error}");
            return ExitCode::from(2);
        }
    };
    match report(&questions) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("isolab: the probe cannot report: {error}");
            ExitCode::FAILURE
        }
    }
}

fn report(questions: &Questions) -> std::io::Result<()> {
    say(questions)?;
    for line in std::io::stdin().lock().lines() {
        say(&serde_json::from_str(&line?)?)?;
    }
    Ok(())
}

fn say(questions: &Questions) -> std::io::Result<()> {
    let mut line = serde_json::to_string(&answer_all(questions))?;
    line.push('\n');
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()
}

/// Answers all questions, in the order of their names.
#[must_use]
pub fn answer_all(questions: &Questions) -> Answers {
    let facts = |asked: &BTreeMap<String, Question>| {
        asked.iter().map(|(name, question)| (name.clone(), question.answer())).collect()
    };
    questions.iter().map(|(check, asked)| (check.clone(), facts(asked))).collect()
}

/// The name of an error, such as `EPERM`.
pub(crate) fn error_name(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => errno_name(isolab_core::sys::Errno::new(number)),
        None => error.to_string(),
    }
}

/// The name of an error number, or `errno 133` for one without.
pub(crate) fn errno_name(errno: isolab_core::sys::Errno) -> String {
    errno.name().map_or_else(|| format!("errno {}", errno.into_raw()), str::to_owned)
}

/// `"ok"` or the error's name.
pub(crate) fn outcome<T>(result: std::io::Result<T>) -> Value {
    result.map_or_else(|error| json!(error_name(&error)), |_| json!("ok"))
}

/// The value, or `{"error": name}`.
pub(crate) fn or_error(result: std::io::Result<Value>) -> Value {
    result.unwrap_or_else(|error| json!({"error": error_name(&error)}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_named() {
        let error = serde_json::from_value::<Question>(json!({"nothing": {}})).unwrap_err().to_string();
        let named: Vec<_> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(named, Question::NAMES);
    }

    #[test]
    fn answers_keep_the_shape_of_the_questions() {
        let questions: Questions =
            serde_json::from_str(r#"{"a": {"pid": {"getpid": {}}, "x": {"open": {"path": "/none"}}}}"#)
                .unwrap();
        let answers = answer_all(&questions);
        assert_eq!(answers["a"]["pid"], json!(std::process::id()));
        assert_eq!(answers["a"]["x"], json!("ENOENT"));
    }
}
