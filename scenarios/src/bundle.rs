//! Bundles: a root filesystem that holds nothing but the `isolab` binary, and the config that every launcher gets.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use isolab_core::config::Config;
use isolab_core::host::Host;
use serde_json::{Value, json};

use crate::executable;
use crate::probe::PROGRAM;
use crate::scratch::{Scratch, named};

/// The base seccomp profile: an allow-list by name.
const SECCOMP: &str = include_str!("../catalog/profiles/base.json");

/// Directories of a root filesystem. Mount points are among them, so that a read-only root needs no new ones.
const DIRECTORIES: [&str; 9] = ["proc", "sys", "dev", "tmp", "etc", "root", "run", "mnt", "srv/hidden"];

/// A directory with a root filesystem and a config.
#[derive(Debug)]
pub struct Bundle {
    dir: PathBuf,
    config: Value,
}

/// Why a bundle is not a config that `core` could launch.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The config is no OCI config.
    #[error(transparent)]
    Read(#[from] isolab_core::oci::ReadError),
    /// The config asks for what cannot be.
    #[error(transparent)]
    Violations(#[from] isolab_core::config::Violations),
}

impl Bundle {
    /// Makes the directory and the root filesystem. `program` is a statically linked `isolab`, copied into the scratch
    /// directory once and linked into each root filesystem.
    ///
    /// # Errors
    /// Of the file system, with the path.
    pub fn new(scratch: &Scratch, program: &Path, id: &str, config: Value) -> io::Result<Bundle> {
        let dir = scratch.path().join(id);
        let root = dir.join("rootfs");
        for name in DIRECTORIES {
            let path = root.join(name);
            fs::create_dir_all(&path).map_err(|error| named("make directory", &path, &error))?;
        }
        for open in [&dir, &root] {
            fs::set_permissions(open, Permissions::from_mode(0o755))?;
        }
        fs::write(root.join("srv/hidden/secret"), "secret\n")?;
        let installed = root.join(PROGRAM.trim_start_matches('/'));
        let copy = install(scratch, program)?;
        fs::hard_link(&copy, &installed)
            .or_else(|error| match error.kind() {
                // The root filesystem is on a mount of its own.
                io::ErrorKind::CrossesDevices => {
                    executable::written(|| fs::copy(&copy, &installed)).map(drop)
                }
                _ => Err(error),
            })
            .map_err(|error| named("link", &installed, &error))?;
        Ok(Bundle { dir, config })
    }

    /// Makes the directory for a config whose root file system is elsewhere.
    ///
    /// # Errors
    /// Of the file system, with the path.
    pub fn around(scratch: &Scratch, id: &str, config: Value) -> io::Result<Bundle> {
        let dir = scratch.path().join(id);
        fs::create_dir_all(&dir).map_err(|error| named("make directory", &dir, &error))?;
        Ok(Bundle { dir, config })
    }

    /// The bundle's directory, for the launcher's `--bundle`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The root filesystem.
    #[must_use]
    pub fn rootfs(&self) -> PathBuf {
        self.dir.join("rootfs")
    }

    /// Where the launcher's and the workload's standard error goes.
    #[must_use]
    pub fn stderr(&self) -> PathBuf {
        self.dir.join("stderr")
    }

    /// The config.
    #[must_use]
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// The config, to be changed before it is written.
    pub fn config_mut(&mut self) -> &mut Value {
        &mut self.config
    }

    /// Writes `config.json`.
    ///
    /// # Errors
    /// Of the file system, with the path.
    pub fn write(&self) -> io::Result<()> {
        let path = self.dir.join("config.json");
        let text = serde_json::to_vec_pretty(&self.config)?;
        fs::write(&path, text).map_err(|error| named("write", &path, &error))
    }

    /// The config as `core` means it.
    ///
    /// # Errors
    /// When it is no OCI config, or a bad one.
    pub fn load(&self, id: &str) -> Result<Config, LoadError> {
        let spec = isolab_core::oci::parse(self.config.to_string().as_bytes())?;
        Ok(Config::new(&spec, &self.dir, id)?)
    }
}

/// The scratch directory's own copy of the program.
fn install(scratch: &Scratch, program: &Path) -> io::Result<PathBuf> {
    let copy = scratch.path().join("isolab");
    if !copy.exists() {
        executable::written(|| fs::copy(program, &copy)).map_err(|error| named("copy", program, &error))?;
        fs::set_permissions(&copy, Permissions::from_mode(0o755))?;
    }
    Ok(copy)
}

/// The config that all guarantees start from: what `runc spec` writes, without a terminal, with a cgroup namespace and a
/// seccomp profile. Without root: with a user namespace that maps the caller alone, and without what that cannot have.
///
/// On cgroup v2 device access is a matter of BPF programs, which not every launcher has, and where no group can be made
/// nothing enforces it. The rule is left out there, so that only the guarantee that is about it asks for it.
#[must_use]
pub fn base_config(host: &Host) -> Value {
    let mut config = root_config();
    if !host.cgroups.find("devices").is_some_and(|(hierarchy, v2)| hierarchy.writable && !v2) {
        config["linux"]["resources"] = json!({});
    }
    if host.uid != 0 {
        make_rootless(&mut config, host);
    }
    config
}

fn root_config() -> Value {
    // Runtimes add HOME and bubblewrap adds PWD where they are missing, so they are not.
    let env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "PWD=/"];
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    let namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"].map(|kind| json!({"type": kind}));
    let seccomp: Value =
        serde_json::from_str(SECCOMP).unwrap_or_else(|error| unreachable!("base.json: {error}"));
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": [PROGRAM],
            "env": env,
            "cwd": "/",
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "isolab",
        "mounts": base_mounts(),
        "linux": {
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": namespaces,
            "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "seccomp": seccomp,
        },
    })
}

fn base_mounts() -> Value {
    let mount = |destination: &str, kind: &str, source: &str, options: &[&str]| json!({"destination": destination, "type": kind, "source": source, "options": options});
    let tmp = ["nosuid", "nodev", "noexec", "mode=1777", "size=65536k"];
    json!([
        mount("/proc", "proc", "proc", &[]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
        ),
        mount("/dev/shm", "tmpfs", "shm", &tmp),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
        mount("/tmp", "tmpfs", "tmpfs", &tmp),
    ])
}

/// As `runc spec --rootless` does, but keeping the network namespace and leaving sysfs out: where parts of the host's
/// `/sys` are mounted over, the kernel refuses a fresh one in a user namespace.
fn make_rootless(config: &mut Value, host: &Host) {
    let own = |id: u32| json!([{"containerID": 0, "hostID": id, "size": 1}]);
    let linux = &mut config["linux"];
    linux["uidMappings"] = own(host.uid);
    linux["gidMappings"] = own(host.gid);
    if let Some(namespaces) = linux["namespaces"].as_array_mut() {
        namespaces.push(json!({"type": "user"}));
    }
    if let Some(linux) = linux.as_object_mut() {
        linux.remove("resources");
    }
    if let Some(mounts) = config["mounts"].as_array_mut() {
        mounts.retain(|mount| !mount["destination"].as_str().is_some_and(|path| path.starts_with("/sys")));
        for mount in mounts {
            if let Some(options) = mount["options"].as_array_mut() {
                options.retain(|option| option != "gid=5");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rootless_config_needs_nothing_that_only_root_has() {
        let mut config = root_config();
        let mut host = crate::testing::host();
        host.uid = 1000;
        make_rootless(&mut config, &host);
        assert_eq!(config["linux"]["uidMappings"][0]["hostID"], 1000);
        assert!(config["linux"].get("resources").is_none());
        let text = config["mounts"].to_string();
        assert!(!text.contains("gid=5") && !text.contains("/sys"), "{text}");
    }

    #[test]
    fn the_device_rule_is_there_where_a_controller_enforces_it() {
        let mut host = Host::example();
        assert_eq!(base_config(&host)["linux"]["resources"]["devices"][0]["allow"], false);
        for hierarchy in &mut host.cgroups.v1 {
            hierarchy.writable = false;
        }
        assert_eq!(base_config(&host)["linux"]["resources"], json!({}));
        host.cgroups.v1.clear();
        assert_eq!(base_config(&host)["linux"]["resources"], json!({}));
    }

    #[test]
    fn a_root_filesystem_holds_the_program_and_its_mount_points() {
        let scratch = Scratch::new().unwrap();
        let program = std::env::current_exe().unwrap();
        let bundle = Bundle::new(&scratch, &program, "a", root_config()).unwrap();
        bundle.write().unwrap();
        assert!(bundle.rootfs().join("isolab").exists() && bundle.rootfs().join("proc").is_dir());
        let text = fs::read(bundle.dir().join("config.json")).unwrap();
        assert_eq!(&serde_json::from_slice::<Value>(&text).unwrap(), bundle.config());
    }
}
