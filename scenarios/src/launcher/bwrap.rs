//! bubblewrap: the config translated to its command line, as far as it goes.
//!
//! Limits: no control groups, masked or read-only paths, resource limits, umask, sysfs, overlay (before 0.9), time
//! namespace; of id maps only the caller's own id; of capabilities one set for all.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use isolab_core::host::Host;
use isolab_core::seccomp::{Arch, Filter, Instruction};
use isolab_reports::record;
use serde_json::Value;

use super::process::{self, Foreground};
use super::{Launcher, Offer, RunCommand, Running, StartError, Stdio, version};
use crate::bundle::Bundle;

/// The bubblewrap binary.
#[derive(Debug)]
pub struct Bwrap {
    path: PathBuf,
    version: Option<String>,
    /// Whether the caller is root, which keeps it out of a user namespace.
    root: bool,
}

/// What it has no option for.
const LACKS: [&str; 28] = [
    "cgroup memory",
    "cgroup pids",
    "cgroup cpu",
    "cgroup cpuset",
    "cgroup devices",
    "cgroup mount",
    "masked paths",
    "read-only paths",
    "rlimits",
    "umask",
    "oom score",
    "overlay",
    "time namespace",
    "id maps",
    "five capability sets",
    "closed descriptors",
    "sysctl",
    "hooks",
    "user",
    "propagation",
    "mount flags",
    "idmapped mounts",
    "landlock",
    "apparmor",
    "selinux",
    "namespaces by path",
    "seccomp agent",
    "keyring",
];

impl Bwrap {
    /// Asks the binary for its version.
    #[must_use]
    pub fn new(path: PathBuf, host: &Host) -> Bwrap {
        let version = version(&path);
        Bwrap { path, version, root: host.uid == 0 }
    }

    fn command(
        &self,
        bundle: &Bundle,
        seccomp: Option<BorrowedFd<'_>>,
        info: Option<BorrowedFd<'_>>,
    ) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments(bundle.config(), bundle, self.root));
        if let Some(program) = seccomp {
            command.args(["--seccomp", &program.as_raw_fd().to_string()]);
        }
        if let Some(info) = info {
            command.args(["--info-fd", &info.as_raw_fd().to_string()]);
        }
        command.arg("--").args(texts(&bundle.config()["process"]["args"]));
        command
    }
}

impl Launcher for Bwrap {
    fn name(&self) -> &'static str {
        "bwrap"
    }

    fn describe(&self) -> record::Launcher {
        let path = Some(self.path.display().to_string());
        record::Launcher { name: "bwrap".into(), version: self.version.clone(), path }
    }

    fn offers(&self, feature: &str) -> Offer {
        if feature == "granted capabilities" && !self.root {
            return Offer::NotOffered {
                reason: "bubblewrap gives no capabilities unless it runs as root".into(),
            };
        }
        if !LACKS.contains(&feature) {
            return Offer::Offered;
        }
        Offer::NotOffered { reason: format!("bubblewrap has no option for it ({feature})") }
    }

    fn start(&self, bundle: &Bundle, _id: &str, stdio: Stdio) -> Result<Box<dyn Running>, StartError> {
        super::require_mount_namespace(bundle)?;
        if bundle.config()["process"]["noNewPrivileges"] != true {
            return Err(StartError::NotOffered("bubblewrap always sets no_new_privs".into()));
        }
        let system = |operation| move |source| StartError::System { operation, source };
        let program = seccomp(bundle, bundle.dir())?;
        let info = file(bundle.dir(), "info.json", &[]).map_err(system("make the info file"))?;
        let command = self.command(bundle, program.as_ref().map(File::as_fd), Some(info.as_fd()));
        let path = bundle.dir().join("info.json");
        let pid = move |_| child_pid(&std::fs::read_to_string(&path).ok()?);
        let foreground = Foreground::start(command, bundle, stdio, pid)?;
        Ok(Box::new(foreground))
    }

    fn run(&self, bundle: &Bundle, _id: &str) -> Result<(), StartError> {
        let program = seccomp(bundle, bundle.dir())?;
        process::complete(self.command(bundle, program.as_ref().map(File::as_fd), None), bundle)
    }

    fn run_command(
        &self,
        bundle: &Bundle,
        _id: &str,
        notes: &Path,
    ) -> Result<Option<RunCommand>, StartError> {
        let program = seccomp(bundle, notes)?;
        let command = self.command(bundle, program.as_ref().map(File::as_fd), None);
        Ok(Some(RunCommand { command, inherits: program.into_iter().collect() }))
    }
}

/// The pid in what bubblewrap writes to its info descriptor, once it is complete.
fn child_pid(info: &str) -> Option<i32> {
    let info: Value = serde_json::from_str(info).ok()?;
    i32::try_from(info["child-pid"].as_i64()?).ok()
}

/// The compiled profile in a file for `--seccomp`.
fn seccomp(bundle: &Bundle, notes: &Path) -> Result<Option<File>, StartError> {
    let program = filter(bundle).map_err(StartError::Refused)?;
    let file = program.map(|program| file(notes, "seccomp.bpf", &program)).transpose();
    file.map_err(|source| StartError::System { operation: "write the seccomp program", source })
}

/// A file that the launched program inherits, at its beginning.
fn file(directory: &Path, name: &str, content: &[u8]) -> io::Result<File> {
    let path = directory.join(name);
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    file.write_all(content)?;
    file.rewind()?;
    let inherited = isolab_core::sys::fs::copy_to(file.as_fd(), file.as_raw_fd());
    inherited.map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()))?;
    Ok(file)
}

/// The config's seccomp profile, compiled to what `--seccomp` takes: an array of `struct sock_filter`.
fn filter(bundle: &Bundle) -> Result<Option<Vec<u8>>, String> {
    let profile = &bundle.config()["linux"]["seccomp"];
    if profile.is_null() {
        return Ok(None);
    }
    let profile = serde_json::from_value(profile.clone()).map_err(|error| error.to_string())?;
    let list = |all: Vec<isolab_core::config::Violation>| {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let program = Filter::new(&profile, Arch::NATIVE).map_err(list)?;
    let program = program.compile().map_err(|violation| violation.to_string())?;
    Ok(Some(program.instructions.iter().flat_map(bytes).collect()))
}

fn bytes(instruction: &Instruction) -> [u8; 8] {
    let [c0, c1] = instruction.code.to_ne_bytes();
    let [k0, k1, k2, k3] = instruction.k.to_ne_bytes();
    [c0, c1, instruction.jt, instruction.jf, k0, k1, k2, k3]
}

/// The config as options, without the descriptors and the command.
fn arguments(config: &Value, bundle: &Bundle, root: bool) -> Vec<String> {
    let mut args: Vec<String> = ["--die-with-parent", "--new-session"].map(String::from).into();
    let mut add = |words: &[&str]| args.extend(words.iter().map(|&word| word.to_owned()));
    for kind in config["linux"]["namespaces"].as_array().into_iter().flatten() {
        match kind["type"].as_str() {
            Some("pid") if wants_init(config) => add(&["--unshare-pid"]),
            Some("pid") => add(&["--unshare-pid", "--as-pid-1"]),
            Some("network") => add(&["--unshare-net"]),
            Some(kind @ ("ipc" | "uts" | "cgroup" | "user")) => add(&[&format!("--unshare-{kind}")]),
            // The mount namespace is always there; what is left is not offered.
            _ => {}
        }
    }
    let rootfs = bundle.dir().join(config["root"]["path"].as_str().unwrap_or("rootfs"));
    let bind = if config["root"]["readonly"] == true { "--ro-bind" } else { "--bind" };
    add(&[bind, &rootfs.display().to_string(), "/"]);
    for mount in config["mounts"].as_array().into_iter().flatten() {
        add(&mount_arguments(mount, bundle.dir()).iter().map(String::as_str).collect::<Vec<_>>());
    }
    for device in config["linux"]["devices"].as_array().into_iter().flatten() {
        let path = device["path"].as_str().unwrap_or_default();
        add(&["--dev-bind", path, path]);
    }
    if let Some(name) = config["hostname"].as_str() {
        add(&["--hostname", name]);
    }
    add(&["--chdir", config["process"]["cwd"].as_str().unwrap_or("/"), "--clearenv"]);
    for pair in texts(&config["process"]["env"]) {
        let (key, value) = pair.split_once('=').unwrap_or((&pair, ""));
        add(&["--setenv", key, value]);
    }
    // An unprivileged caller has no capabilities to drop; bubblewrap gives none.
    if root {
        add(&["--cap-drop", "ALL"]);
        for capability in texts(&config["process"]["capabilities"]["permitted"]) {
            add(&["--cap-add", &capability]);
        }
    }
    args
}

/// Whether a process of bubblewrap's is to be the first one, and to reap what is orphaned.
fn wants_init(config: &Value) -> bool {
    config["annotations"]["isolab.init"] == "true"
}

/// One mount; nothing for types that bubblewrap cannot mount, and for those that come with its `--dev`.
fn mount_arguments(mount: &Value, bundle: &Path) -> Vec<String> {
    let target = mount["destination"].as_str().unwrap_or_default();
    let source = mount["source"].as_str().unwrap_or_default();
    let options = texts(&mount["options"]);
    let option = |name: &str| options.iter().find_map(|option| option.strip_prefix(name)).map(str::to_owned);
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    if options.iter().any(|option| option == "bind" || option == "rbind") {
        let bind = if options.iter().any(|option| option == "ro") { "--ro-bind" } else { "--bind" };
        // config.md, mounts: what is not absolute is in the bundle.
        return words(&[bind, &bundle.join(source).display().to_string(), target]);
    }
    match mount["type"].as_str() {
        Some("proc") => words(&["--proc", target]),
        Some("mqueue") => words(&["--mqueue", target]),
        Some("tmpfs") if target == "/dev" => words(&["--dev", target]),
        Some("tmpfs") => {
            let mut all: Vec<String> = Vec::new();
            if let Some(mode) = option("mode=") {
                all.extend(["--perms".into(), mode]);
            }
            if let Some(size) = option("size=").and_then(|size| bytes_of(&size)) {
                all.extend(["--size".into(), size.to_string()]);
            }
            all.extend(["--tmpfs".into(), target.into()]);
            all
        }
        _ => Vec::new(),
    }
}

/// A tmpfs size in bytes, such as `64k` (tmpfs(5)).
fn bytes_of(size: &str) -> Option<u64> {
    let unit = size.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let number: u64 = size.strip_suffix(unit)?.parse().ok()?;
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    number.checked_shl(shift)
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mounts_become_options() {
        let words = |mount: Value| mount_arguments(&mount, Path::new("/bundle")).join(" ");
        let tmpfs = json!({"destination": "/x", "type": "tmpfs", "options": ["mode=0710", "size=64k"]});
        assert_eq!(words(tmpfs), "--perms 0710 --size 65536 --tmpfs /x");
        assert_eq!(words(json!({"destination": "/dev", "type": "tmpfs"})), "--dev /dev");
        let bind = json!({"destination": "/y", "source": "/s", "options": ["rbind", "ro"]});
        assert_eq!(words(bind), "--ro-bind /s /y");
        assert_eq!(words(json!({"destination": "/sys", "type": "sysfs"})), "");
    }

    #[test]
    fn the_pid_is_read_once_it_is_complete() {
        assert_eq!(child_pid(r#"{"child-pid": 42, "ipc-namespace": 7}"#), Some(42));
        assert_eq!(child_pid(r#"{"child-pid": 4"#), None);
    }
}
