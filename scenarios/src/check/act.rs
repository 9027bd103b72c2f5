//! What is done on the host around a launch: before it, between `create` and `start`, while the container lives, and after
//! its end. Each act gives a fact.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::observe::MountInfo;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::scene::Scene;
use super::{filter, long, make};
use crate::edit::{self, Edit};
use crate::launcher::LIMIT;
use crate::probe::{self, PROGRAM, Question};

/// One act. The answer is a JSON value; what was refused is answered with the error's name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Act {
    /// Sends the container's first process a signal.
    Kill {
        /// Its number.
        signal: i32,
    },
    /// Waits until the container has ended, and says how.
    Wait {},
    /// How many processes are in the container's groups or its pid namespace, once there are none, or after the time.
    Members {
        /// How long to wait.
        within_millis: u64,
    },
    /// Waits.
    Sleep {
        /// How long.
        millis: u64,
    },
    /// The first 4096 bytes of a file of the host.
    Read {
        /// The path.
        path: String,
    },
    /// Writes a file of the host, below isolab's own directories and groups.
    Write {
        /// The path.
        path: String,
        /// What.
        text: String,
    },
    /// `type`, `mode`, `uid`, `inode`, `mtime` of a path of the host, links not followed.
    Stat {
        /// The path.
        path: String,
    },
    /// Names in a directory of the host, sorted.
    List {
        /// The directory.
        path: String,
    },
    /// Whether two looks at a file, so far apart, differ.
    Moves {
        /// The file.
        path: String,
        /// How far apart.
        millis: u64,
    },
    /// The table of mounts that launchers start from, line by line.
    Mounts {},
    /// Names of the network interfaces that launchers start from.
    Interfaces {},
    /// Runs a command of the launcher: `exit`, `out`, `err`, `seconds`.
    Runtime {
        /// After `--root DIR`.
        args: Vec<String>,
    },
    /// Runs a process in the container through the launcher's `exec`, with the container's own `process` and edits on it,
    /// and asks it: the answers, or `exit` and `err`.
    Exec {
        /// The questions.
        ask: BTreeMap<String, Question>,
        /// Edits on the process, by paths that begin with `process`.
        #[serde(default)]
        config: Vec<Edit>,
        /// Flags before the container's name.
        #[serde(default)]
        flags: Vec<String>,
    },
    /// Mounts a tmpfs on a directory of the launch, on the stage.
    Mount {
        /// The directory, relative.
        path: String,
    },
    /// Makes the container's group in every hierarchy, before the launcher does.
    Group {
        /// With a process in it.
        #[serde(default)]
        task: bool,
        /// And stopped.
        #[serde(default)]
        frozen: bool,
    },
    /// Stops or lets go on all that is in the container's group.
    Freeze {
        /// Whether they are stopped.
        on: bool,
    },
    /// What descriptors of the container's first process lead to, other than its standard streams: `links`, and which of the
    /// host's `mounts` they are on; a FIFO is a door and no mount.
    Descriptors {},
    /// How the loaded seccomp filters decide, against what the profile means: `differences`, `tried`, `filters`.
    Filter {
        /// How many random calls.
        calls: u64,
    },
    /// Does an act over and over: the last answer as `last`, and how often it was as `times`.
    Repeat {
        /// How often.
        times: u64,
        /// What.
        act: Box<Act>,
    },
    /// Launches so often by this launcher and by hand, and tells what `grew` with its own launches alone, and `how` much.
    Soak {
        /// How many.
        launches: usize,
        /// Leaves a mount with each of them: what is to be found.
        #[serde(default)]
        leak: bool,
    },
    /// A hundred of the launcher's commands at once for five names, then as many deletes: what is `wrong`, and `how` it went.
    Parallel {
        /// Whether each command has a state of its own, so that none knows of another: what is to be found.
        #[serde(default)]
        apart: bool,
    },
    /// Bytes of a file as reads give them and as the disk has them (`O_DIRECT`): `same`.
    Direct {
        /// The file.
        path: String,
    },
}

impl Act {
    /// Every act's name.
    pub(crate) const NAMES: &[&str] = &[
        "kill",
        "wait",
        "members",
        "sleep",
        "read",
        "write",
        "stat",
        "list",
        "moves",
        "mounts",
        "interfaces",
        "runtime",
        "exec",
        "mount",
        "group",
        "freeze",
        "descriptors",
        "filter",
        "repeat",
        "soak",
        "parallel",
        "direct",
    ];

    /// Does it.
    pub(super) fn perform(&self, scene: &mut Scene<'_>) -> Value {
        match self {
            Act::Kill { signal } => scene.signal(*signal),
            Act::Wait {} => json!(scene.wait(LIMIT)),
            Act::Members { within_millis } => members(scene, Duration::from_millis(*within_millis)),
            Act::Sleep { millis } => {
                thread::sleep(Duration::from_millis(*millis));
                json!("ok")
            }
            Act::Read { path } => probe::or_error(read(&scene.host_path(path))),
            Act::Write { path, text } => write(scene, path, text),
            Act::Stat { path } => probe::or_error(stat(&scene.host_path(path))),
            Act::List { path } => probe::or_error(list(&scene.host_path(path))),
            Act::Moves { path, millis } => {
                let path = scene.host_path(path);
                let first = fs::read(&path);
                thread::sleep(Duration::from_millis(*millis));
                probe::or_error(first.and_then(|first| Ok(json!(first != fs::read(&path)?))))
            }
            Act::Mounts {} => json!(mounts().iter().map(line).collect::<Vec<_>>()),
            Act::Interfaces {} => probe::network::interfaces(),
            Act::Runtime { args } => runtime(scene, args),
            Act::Exec { ask, config, flags } => exec(scene, ask, config, flags),
            Act::Mount { path } => probe::outcome(mount(scene, path)),
            Act::Group { task, frozen } => probe::outcome(scene.make_group(*task, *frozen)),
            Act::Freeze { on } => probe::outcome(scene.freeze(*on)),
            Act::Descriptors {} => probe::or_error(descriptors(scene)),
            Act::Filter { calls } => filter::compare(scene.pid(), scene.config(), *calls),
            Act::Repeat { times, act } => {
                let mut last = Value::Null;
                for _ in 0..*times {
                    last = act.perform(scene);
                }
                json!({"last": last, "times": times})
            }
            Act::Soak { launches, leak } => long::soak(scene, *launches, *leak),
            Act::Parallel { apart } => long::parallel(scene, *apart),
            Act::Direct { path } => probe::or_error(direct(&scene.host_path(path))),
        }
    }
}

fn members(scene: &Scene<'_>, within: Duration) -> Value {
    let begun = Instant::now();
    loop {
        let count = scene.members();
        if count == 0 || begun.elapsed() >= within {
            return json!(count);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn read(path: &Path) -> io::Result<Value> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, 4096), &mut bytes)?;
    Ok(json!(String::from_utf8_lossy(&bytes).trim_end_matches('\n')))
}

fn write(scene: &Scene<'_>, path: &str, text: &str) -> Value {
    let path = scene.host_path(path);
    if !scene.owns(&path) {
        return json!({"error": format!("{} is not isolab's own", path.display())});
    }
    probe::outcome(fs::write(path, text))
}

fn stat(path: &Path) -> io::Result<Value> {
    let meta = fs::symlink_metadata(path)?;
    let kind = match meta.file_type() {
        kind if kind.is_dir() => "directory",
        kind if kind.is_symlink() => "link",
        kind if kind.is_file() => "file",
        _ => "other",
    };
    Ok(json!({
        "type": kind,
        "mode": format!("{:04o}", meta.permissions().mode() & 0o7777),
        "uid": meta.uid(),
        "inode": meta.ino(),
        "dev": meta.dev(),
        "mtime": format!("{}.{}", meta.mtime(), meta.mtime_nsec()),
    }))
}

fn list(path: &Path) -> io::Result<Value> {
    let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(json!(names))
}

/// Of this thread, which on the stage has a table of its own.
fn mounts() -> Vec<MountInfo> {
    isolab_core::observe::mountinfo(&fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default())
}

fn line(mount: &MountInfo) -> String {
    let MountInfo { target, fstype, root, options, .. } = mount;
    format!("{fstype} {root} on {target} ({})", options.join(","))
}

fn runtime(scene: &Scene<'_>, args: &[String]) -> Value {
    let Some(mut command) = scene.command() else {
        return json!({"error": "this launcher has no commands"});
    };
    command.args(args);
    match bounded(command) {
        Ok((exit, out, err, seconds)) => json!({"exit": exit, "out": out, "err": err, "seconds": seconds}),
        Err(error) => json!({"error": error.to_string()}),
    }
}

fn exec(scene: &mut Scene<'_>, ask: &BTreeMap<String, Question>, edits: &[Edit], flags: &[String]) -> Value {
    let Some(mut command) = scene.command() else {
        return json!({"error": "this launcher has no commands"});
    };
    let questions = json!({"exec": ask}).to_string();
    let mut config = scene.config().clone();
    if let Err(error) = edit::apply(&mut config, edits) {
        return json!({"error": error.to_string()});
    }
    config["process"]["args"] = json!([PROGRAM, "inside", "probe", questions]);
    config["process"]["terminal"] = json!(false);
    let path = scene.dir().join("process.json");
    if let Err(error) = fs::write(&path, config["process"].to_string()) {
        return json!({"error": error.to_string()});
    }
    command.arg("exec").args(flags).arg("--process").arg(path).arg(scene.id());
    match bounded(command) {
        Ok((0, out, _, _)) => match serde_json::from_str::<Value>(&out) {
            Ok(answers) => answers["exec"].clone(),
            Err(error) => json!({"error": format!("{error}: {out}")}),
        },
        Ok((exit, _, err, seconds)) => json!({"exit": exit, "err": err, "seconds": seconds}),
        Err(error) => json!({"error": error.to_string()}),
    }
}

/// A command's exit status (128 and the signal's number for a signal, -1 for one that was ended for its time), what it
/// printed, and how long it took.
fn bounded(mut command: Command) -> io::Result<(i32, String, String, f64)> {
    use std::os::unix::process::ExitStatusExt;
    let begun = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let out = reader(child.stdout.take());
    let err = reader(child.stderr.take());
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status.code().unwrap_or(128 + status.signal().unwrap_or(0)),
            None if begun.elapsed() > LIMIT * 2 => {
                end(&mut child)?;
                break -1;
            }
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Ok((status, text(out), text(err).trim().to_owned(), begun.elapsed().as_secs_f64()))
}

fn end(child: &mut Child) -> io::Result<()> {
    child.kill()?;
    child.wait().map(drop)
}

/// Reads to the end on the side. A process that keeps the other end open would keep a reader for ever, so it gets what is there
/// after the first line.
fn reader(pipe: Option<impl io::Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        // What is no text is not for people.
        drop(pipe.map(|mut pipe| pipe.read_to_string(&mut text)));
        text
    })
}

fn mount(scene: &mut Scene<'_>, path: &str) -> io::Result<()> {
    let file = crate::schema::Make { path: path.into(), tmpfs: Some(1 << 20), ..Default::default() };
    let mounted = make::on_top(scene.dir(), &file)?;
    scene.keep(mounted);
    Ok(())
}

fn descriptors(scene: &Scene<'_>) -> io::Result<Value> {
    let host: Vec<u64> = mounts().iter().map(|mount| u64::from(mount.id)).collect();
    let base = Path::new("/proc").join(scene.pid().to_string());
    let (mut links, mut on_host) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(base.join("fd"))? {
        let name = entry?.file_name();
        let number: i32 = name.to_string_lossy().parse().unwrap_or(-1);
        // A descriptor may be closed between the two.
        let Ok(link) = fs::read_link(base.join("fd").join(&name)) else { continue };
        let link = link.display().to_string();
        if number > 2 {
            let is_fifo =
                fs::metadata(base.join("fd").join(&name)).is_ok_and(|meta| meta.file_type().is_fifo());
            let info = fs::read_to_string(base.join("fdinfo").join(&name)).unwrap_or_default();
            let mount =
                info.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse::<u64>().ok());
            if link.starts_with('/') && !is_fifo && mount.is_some_and(|mount| host.contains(&mount)) {
                on_host.push(link.clone());
            }
            links.push(if is_fifo && link.starts_with('/') { format!("{link} (fifo)") } else { link });
        }
    }
    links.sort();
    on_host.sort();
    Ok(json!({"links": links, "mounts": on_host}))
}

fn direct(path: &Path) -> io::Result<Value> {
    use std::os::unix::fs::OpenOptionsExt;
    let cached = fs::read(path)?;
    let mut file = fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path)?;
    // O_DIRECT wants an aligned buffer (open(2), NOTES): a page within a larger one.
    let mut buffer = vec![0u8; 3 * 4096];
    let skip = buffer.as_ptr().align_offset(4096);
    let page = buffer.get_mut(skip..skip + 4096).unwrap_or_default();
    let length = io::Read::read(&mut file, page)?;
    Ok(json!({"same": page.get(..length) == Some(&cached[..cached.len().min(4096)]), "bytes": length}))
}
