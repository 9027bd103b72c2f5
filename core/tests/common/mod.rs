//! Bundles for tests: a scratch directory with a root file system and a config made from `configs/full.json`.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use isolab_core::config::{Config, Violations};
use isolab_core::exit;
use isolab_core::host::Host;
use isolab_core::oci;
use isolab_core::plan::{Plan, Running};
use serde_json::{Value, json};

/// A bundle in a directory of its own, removed on drop.
pub(crate) struct Bundle {
    pub(crate) dir: PathBuf,
    pub(crate) id: String,
    pub(crate) config: Value,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Bundle {
    /// The full config, its group below one of this test process's own.
    pub(crate) fn new() -> Bundle {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("t{number}");
        let dir = std::env::temp_dir().join(format!("isolab-test-{}-{number}", std::process::id()));
        for name in ["proc", "sys", "dev", "tmp", "bin"] {
            fs::create_dir_all(dir.join("rootfs").join(name)).unwrap();
        }
        write_program(
            &exit::elf(std::env::consts::ARCH).unwrap(),
            &dir.join("rootfs").join(&exit::PATH[1..]),
        );
        let mut config = full();
        config["linux"]["cgroupsPath"] = json!(format!("/isolab-test-{}-{number}/{id}", std::process::id()));
        Bundle { dir, id, config }
    }

    /// The same for a user without privilege: no cgroup, no sysfs, a user namespace with the own id mapped.
    pub(crate) fn rootless(uid: u32, gid: u32) -> Bundle {
        let mut bundle = Bundle::new();
        let linux = &mut bundle.config["linux"];
        linux["uidMappings"] = json!([{"containerID": 0, "hostID": uid, "size": 1}]);
        linux["gidMappings"] = json!([{"containerID": 0, "hostID": gid, "size": 1}]);
        linux["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
        linux.as_object_mut().unwrap().retain(|key, _| key != "resources" && key != "cgroupsPath");
        let mounts = bundle.config["mounts"].as_array_mut().unwrap();
        mounts.retain(|mount| !mount["destination"].as_str().unwrap().starts_with("/sys"));
        for mount in mounts {
            if let Some(options) = mount["options"].as_array_mut() {
                options.retain(|option| option != "gid=5");
            }
        }
        bundle
    }

    /// With a shell: Debian's static busybox.
    pub(crate) fn with_shell(mut self, script: &str) -> Bundle {
        write_program(&fs::read("/bin/busybox").unwrap(), &self.dir.join("rootfs/bin/busybox"));
        self.config["process"]["args"] = json!(["/bin/busybox", "sh", "-c", script]);
        self
    }

    pub(crate) fn write(&self) -> &Path {
        fs::write(self.dir.join("config.json"), self.config.to_string()).unwrap();
        &self.dir
    }

    pub(crate) fn config(&self) -> Result<Config, Violations> {
        Config::new(&oci::parse(self.config.to_string().as_bytes()).unwrap(), &self.dir, &self.id)
    }

    pub(crate) fn plan(&self, host: &Host) -> Plan {
        Plan::compile(&self.config().unwrap(), host).unwrap()
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).unwrap();
    }
}

pub(crate) fn full() -> Value {
    serde_json::from_str(include_str!("../configs/full.json")).unwrap()
}

/// A container as its launcher has kept it.
pub(crate) fn running(plan: &Plan, pid: i32) -> Running {
    let started = isolab_core::observe::stat_of(pid).unwrap().start;
    Running { pid, started, directories: plan.directories.clone() }
}

/// Writes a program by a process of its own. A file that this process has open for writing is open in each child that
/// another test clones at that moment, until its exec, and cannot be executed meanwhile (ETXTBSY).
pub(crate) fn write_program(bytes: &[u8], to: &Path) {
    let busybox = Path::new("/bin/busybox").exists();
    let mut command = Command::new(if busybox { "/bin/busybox" } else { "sh" });
    command.args(if busybox { ["sh", "-c"].as_slice() } else { ["-c"].as_slice() });
    command.arg("cat > \"$0\"").arg(to).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    assert!(child.wait().unwrap().success(), "{}", to.display());
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
}

/// As [`write_program`], of what is a program already.
pub(crate) fn copy_program(from: &str, to: &Path) {
    write_program(&fs::read(from).unwrap(), to);
}

/// What a launch of this bundle could leave behind: mounts of this process, and groups.
pub(crate) fn traces(host: &Host, bundle: &Bundle) -> (String, Vec<PathBuf>) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    // Whatever else mounts on this host meanwhile is no trace of this bundle.
    let dir = bundle.dir.to_str().unwrap();
    let ours = |line: &&str| line.contains(dir) || line.contains("isolab");
    let mounts: Vec<&str> = mounts.lines().filter(ours).collect();
    let mounts = mounts.join("\n");
    let path = bundle.config["linux"]["cgroupsPath"].as_str().unwrap();
    let parent = Path::new(path.trim_start_matches('/')).parent().unwrap().to_owned();
    let all = host.cgroups.v1.iter().chain(&host.cgroups.v2);
    let groups = all.map(|hierarchy| hierarchy.mount.join(&parent)).filter(|group| group.exists());
    (mounts, groups.collect())
}
