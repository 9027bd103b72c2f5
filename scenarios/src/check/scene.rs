//! What acts work on: a launch's directory, its groups, its container, and the launcher's commands.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::launch::Exit;
use serde_json::{Value, json};

use super::make::Mounted;
use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::group::{self, Groups};
use crate::launcher::{Launcher, Running};
use crate::probe;
use crate::progress::say;

/// Where acts are done.
pub(super) struct Scene<'s> {
    pub(super) host: &'s Host,
    pub(super) groups: &'s Groups,
    pub(super) program: &'s Path,
    pub(super) launcher: &'s dyn Launcher,
    pub(super) bundle: &'s Bundle,
    /// The config that was promised.
    pub(super) promised: &'s Value,
    pub(super) id: &'s str,
    /// Of the whole run.
    pub(super) cancel: &'s Cancel,
    container: Option<Box<dyn Running>>,
    /// The inode of its pid namespace, if that is its own.
    namespace: Option<u64>,
    exit: Option<String>,
    mounted: Vec<Mounted>,
    children: Vec<Child>,
    frozen: bool,
}

impl<'s> Scene<'s> {
    pub(super) fn new(
        host: &'s Host,
        groups: &'s Groups,
        program: &'s Path,
        launcher: &'s dyn Launcher,
        (bundle, promised, id): (&'s Bundle, &'s Value, &'s str),
        cancel: &'s Cancel,
    ) -> Scene<'s> {
        Scene {
            host,
            groups,
            program,
            launcher,
            bundle,
            promised,
            id,
            cancel,
            container: None,
            namespace: None,
            exit: None,
            mounted: Vec::new(),
            children: Vec::new(),
            frozen: false,
        }
    }

    /// From now on there is a container.
    pub(super) fn enter(&mut self, container: Box<dyn Running>) {
        let of = |pid: i32| fs::metadata(format!("/proc/{pid}/ns/pid")).ok().map(|meta| meta.ino());
        let own = of(std::process::id().cast_signed());
        self.namespace = of(container.pid()).filter(|inode| Some(*inode) != own);
        self.container = Some(container);
    }

    pub(super) fn dir(&self) -> &Path {
        self.bundle.dir()
    }

    pub(super) fn id(&self) -> &str {
        self.id
    }

    pub(super) fn config(&self) -> &Value {
        self.promised
    }

    /// The container's first process; 0 while there is none.
    pub(super) fn pid(&self) -> i32 {
        self.container.as_ref().map_or(0, |container| container.pid())
    }

    /// The launcher's command line, up to its command.
    pub(super) fn command(&self) -> Option<Command> {
        self.launcher.command(self.bundle)
    }

    /// A path of the host: `/proc/PID` stands for the container's first process.
    pub(super) fn host_path(&self, path: &str) -> PathBuf {
        match path.strip_prefix("/proc/PID") {
            Some(rest) => PathBuf::from(format!("/proc/{}{rest}", self.pid())),
            None => self.dir().join(path),
        }
    }

    /// Whether a file is in the launch's directory or in a group of the run; in a guest the kernel's settings are isolab's too.
    pub(super) fn owns(&self, path: &Path) -> bool {
        if isolab_core::need::is_guest(self.host) && path.starts_with("/proc/sys") {
            return true;
        }
        let plain = path.components().all(|part| part != std::path::Component::ParentDir);
        plain
            && (path.starts_with(self.dir())
                || self.directories().iter().any(|group| path.starts_with(group)))
    }

    /// The container's group in every hierarchy, there or not.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let relative = self.groups.path_of(self.id);
        let join = |mount: PathBuf| mount.join(relative.trim_start_matches('/'));
        group::mounts(&self.host.cgroups).into_iter().map(join).collect()
    }

    pub(super) fn signal(&mut self, signal: i32) -> Value {
        match &self.container {
            None => json!("there is no container"),
            Some(container) => {
                let pidfd = isolab_core::sys::process::pidfd_open(container.pid());
                let sent = pidfd.and_then(|pidfd| isolab_core::sys::process::signal(&pidfd, signal));
                sent.map_or_else(|errno| json!(probe::errno_name(errno)), |()| json!("ok"))
            }
        }
    }

    /// How the container has ended, as text.
    pub(super) fn wait(&mut self, limit: Duration) -> String {
        if let (None, Some(container)) = (&self.exit, &mut self.container) {
            let known = container.has_exit();
            self.exit = Some(match container.wait(limit) {
                Ok(Some(_)) if !known => "ended".into(),
                Ok(Some(Exit::Code(code))) => format!("exit {code}"),
                Ok(Some(Exit::Signal(signal))) => format!("signal {signal}"),
                Ok(None) => "hang".into(),
                Err(error) => error.to_string(),
            });
        }
        self.exit.clone().unwrap_or_else(|| "there is no container".into())
    }

    /// Processes in the container's groups, and in its pid namespace.
    pub(super) fn members(&self) -> usize {
        let mut pids = BTreeSet::new();
        for directory in self.directories() {
            collect(&directory, &mut pids);
        }
        for child in &self.children {
            pids.remove(&child.id());
        }
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.extend(numbers.filter(|pid| {
            let inode = fs::metadata(format!("/proc/{pid}/ns/pid")).ok().map(|meta| meta.ino());
            inode.is_some() && inode == self.namespace
        }));
        pids.len()
    }

    /// Makes the container's group before its launcher does.
    pub(super) fn make_group(&mut self, task: bool, frozen: bool) -> io::Result<()> {
        self.groups.keep()?;
        for directory in self.directories() {
            fs::create_dir_all(&directory)?;
            // Where a v1 cpuset begins without any; in v2 it begins with all.
            let v1 = !directory.join("cgroup.controllers").exists();
            for file in ["cpuset.cpus", "cpuset.mems"].into_iter().filter(|_| v1) {
                let parent = directory.parent().map(|parent| parent.join(file));
                if let Some(parent) = parent.filter(|parent| parent.exists()) {
                    fs::write(directory.join(file), fs::read_to_string(parent)?)?;
                }
            }
        }
        if task {
            let child = Command::new(self.program)
                .args(["inside", "probe", "{}"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()?;
            let pid = child.id().to_string();
            self.children.push(child);
            for directory in self.directories() {
                fs::write(directory.join("cgroup.procs"), &pid)?;
            }
        }
        if frozen { self.freeze(true) } else { Ok(()) }
    }

    /// Stops all in the container's group, or lets it go on.
    pub(super) fn freeze(&mut self, on: bool) -> io::Result<()> {
        self.frozen = on;
        for directory in self.directories() {
            let v1 = directory.join("freezer.state");
            if v1.exists() {
                return settle(&v1, if on { "FROZEN" } else { "THAWED" });
            }
        }
        for directory in self.directories() {
            let v2 = directory.join("cgroup.freeze");
            if v2.exists() {
                return fs::write(v2, if on { "1" } else { "0" });
            }
        }
        Err(io::Error::other("there is no freezer"))
    }

    /// Keeps what was mounted until the end.
    pub(super) fn keep(&mut self, mounted: Mounted) {
        self.mounted.push(mounted);
    }

    /// Ends the container and removes what the launcher has made for it; and what acts have made.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        if self.frozen {
            self.freeze(false)?;
        }
        let removed = self.container.take().map_or(Ok(()), Running::remove);
        self.end_children();
        removed
    }

    fn end_children(&mut self) {
        for mut child in self.children.drain(..) {
            if let Err(error) = child.kill().and_then(|()| child.wait()) {
                say(&format!("isolab: cannot end process {}: {error}", child.id()));
            }
        }
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            say(&format!("isolab: {error}"));
        }
    }
}

fn collect(directory: &Path, pids: &mut BTreeSet<u32>) {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), pids);
        }
    }
}

/// The v1 freezer answers at once and takes its time (freezer-subsystem.rst).
fn settle(file: &Path, state: &str) -> io::Result<()> {
    for _ in 0..500 {
        fs::write(file, state)?;
        if fs::read_to_string(file)?.trim() == state {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(io::Error::other(format!("{} does not become {state}", file.display())))
}
