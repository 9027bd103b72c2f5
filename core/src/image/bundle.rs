//! An image's config as a container's `config.json` (image-spec, `conversion.md`).
//!
//! What the image does not say is as `runc spec` has it, but for the capabilities, which are those that podman gives: images
//! that change their user need more than three. `Volumes` are plain directories of the root file system.

use std::collections::BTreeMap;

use oci_spec::image::ImageConfiguration;
use serde_json::{Value, json};

use super::error::Problem;
use super::user::{self, User};

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const CAPABILITIES: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// What the kernel shows of the host in `/proc` and `/sys`.
const MASKED: [&str; 9] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
];

const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The `config.json` of an image. `overlay` are the options of an overlay at `/`, `passwd` and `group` the texts of the
/// image's files.
pub(super) fn config(
    image: &ImageConfiguration,
    passwd: &str,
    group: &str,
    overlay: Option<&[String]>,
) -> Result<Value, Problem> {
    let own = image.config().clone().unwrap_or_default();
    let user = user::resolve(own.user().as_deref().unwrap_or_default(), passwd, group)?;
    let entrypoint = own.entrypoint().clone().unwrap_or_default();
    let args: Vec<String> = entrypoint.into_iter().chain(own.cmd().clone().unwrap_or_default()).collect();
    // An image may name no program; its bundle then needs one before it can run.
    let args = if args.is_empty() { vec!["/bin/sh".to_owned()] } else { args };
    let cwd = own.working_dir().clone().filter(|cwd| !cwd.is_empty()).unwrap_or_else(|| "/".into());
    let cwd = if cwd.starts_with('/') { cwd } else { format!("/{cwd}") };
    let capabilities = json!({
        "bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES,
    });
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": user.uid, "gid": user.gid, "additionalGids": user.groups},
            "args": args,
            "env": env(own.env().as_deref().unwrap_or_default(), &user),
            "cwd": cwd,
            "capabilities": capabilities,
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": false},
        "hostname": "isolab",
        "mounts": mounts(overlay),
        "annotations": annotations(image),
        "linux": {
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
            ],
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    }))
}

/// The image's own variables, with `PATH` and `HOME` where it has none. What is not `NAME=value` means nothing.
fn env(own: &[String], user: &User) -> Vec<String> {
    let named = |entry: &&String| entry.find('=').is_some_and(|equals| equals > 0);
    let mut env: Vec<String> = own.iter().filter(named).cloned().collect();
    let lacks = |env: &[String], name: &str| !env.iter().any(|entry| entry.starts_with(name));
    if lacks(&env, "PATH=") {
        env.push(PATH.into());
    }
    if lacks(&env, "HOME=") {
        env.push(format!("HOME={}", user.home.as_deref().unwrap_or("/")));
    }
    env
}

fn mounts(overlay: Option<&[String]>) -> Vec<Value> {
    let mount = |at: &str, kind: &str, options: &[&str]| json!({"destination": at, "type": kind, "source": kind, "options": options});
    let mut mounts: Vec<Value> = overlay
        .map(
            |options| json!({"destination": "/", "type": "overlay", "source": "overlay", "options": options}),
        )
        .into_iter()
        .collect();
    mounts.extend([
        mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
    ]);
    mounts
}

/// Labels, and what the image-spec wants to be told of the image; a label of the same name counts.
fn annotations(image: &ImageConfiguration) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            annotations.insert(format!("org.opencontainers.image.{name}"), value);
        }
    };
    add("os", Some(image.os().to_string()));
    add("architecture", Some(image.architecture().to_string()));
    add("variant", image.variant().clone());
    add("author", image.author().clone());
    add("created", image.created().clone());
    let own = image.config().clone().unwrap_or_default();
    add("stopSignal", own.stop_signal().clone());
    let mut ports = own.exposed_ports().clone().unwrap_or_default();
    ports.sort();
    add("exposedPorts", Some(ports.join(",")));
    annotations.extend(own.labels().clone().unwrap_or_default());
    annotations
}
