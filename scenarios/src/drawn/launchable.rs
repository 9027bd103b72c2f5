//! Configs that root can launch on a host with cgroup v1, with a root file system of static programs, and that are harmless for
//! the host: nothing of it is mounted, moved or limited.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Value, json};

use super::draw::Draw;
use super::namespaces::{self, Namespaces, PARAMETERS};
use super::{mounts, process, seccomp};

/// Folders of the bundle that are bound into the container, to be made beside `rootfs`.
pub const FOLDERS: [&str; 2] = ["data", "shared"];

/// Folders that the root file system must have: mount points of what is drawn.
pub const TARGETS: [&str; 8] = ["/proc", "/sys", "/dev", "/tmp", "/run", "/mnt", "/srv", "/etc"];

/// A config to launch. `linux.cgroupsPath` is the caller's to set, and `process.args` for another root file system than one
/// with busybox's links in `/bin`.
#[derive(Debug, Clone, PartialEq)]
pub struct Launchable {
    /// As it is written.
    pub spec: Value,
}

impl<'b> Arbitrary<'b> for Launchable {
    fn arbitrary(bytes: &mut Unstructured<'b>) -> Result<Launchable> {
        Ok(Launchable { spec: launchable(&mut Draw::new(bytes))? })
    }
}

fn launchable(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut linux = json!({});
    let mut kinds = vec!["mount", "pid"];
    kinds.extend(draw.some_of(&["network", "ipc", "uts", "cgroup", "time"])?);
    if draw.one_in(3)? {
        kinds.push("user");
    }
    linux["namespaces"] = kinds.iter().map(|kind| json!({"type": kind})).collect();
    let mut own = Namespaces::of(kinds);
    if own.has("user") {
        let (uids, gids) = (namespaces::map(draw, 0, 100_000)?, namespaces::map(draw, 0, 100_000)?);
        own.map(&mut linux, uids, gids);
    }
    let mut spec = json!({
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": draw.coin()?},
        "process": workload(draw, &own)?,
        "mounts": all_mounts(draw, &own)?,
    });
    if own.has("uts") {
        draw.perhaps(&mut spec, "hostname", |draw| Ok(json!(draw.pick(&["drawn", "a-b.c", "x"])?)))?;
        draw.perhaps(&mut spec, "domainname", |_| Ok(json!("drawn.example")))?;
    }
    if own.has("time") {
        namespaces::time_offsets(draw, 86_400, &mut linux)?;
    }
    if draw.coin()? {
        let parameters = if own.has("user") { &PARAMETERS[..2] } else { &PARAMETERS[..7] };
        namespaces::parameters(draw, &own, parameters, &mut linux)?;
    }
    draw.perhaps(&mut linux, "maskedPaths", |draw| {
        Ok(json!(draw.some_of(&[
            "/proc/keys",
            "/proc/kcore",
            "/proc/timer_list",
            "/none",
            "/sys/firmware"
        ])?))
    })?;
    draw.perhaps(&mut linux, "readonlyPaths", |draw| {
        Ok(json!(draw.some_of(&["/proc/sys", "/proc/bus", "/proc/irq", "/etc"])?))
    })?;
    draw.perhaps(&mut linux, "rootfsPropagation", |draw| {
        Ok(json!(draw.pick(&["private", "rprivate", "slave", "rslave"])?))
    })?;
    if draw.one_in(4)? {
        linux["personality"] = json!({"domain": draw.pick(&["LINUX", "LINUX32"])?});
    }
    draw.perhaps(&mut linux, "resources", resources)?;
    if draw.coin()? {
        linux["seccomp"] = if draw.coin()? { seccomp::allowing(draw)? } else { seccomp::refusing(draw)? };
    }
    spec["linux"] = linux;
    Ok(spec)
}

fn workload(draw: &mut Draw<'_, '_>, own: &Namespaces) -> Result<Value> {
    const ARGS: [&[&str]; 6] = [
        &["/bin/true"],
        &["/bin/false"],
        &["/bin/sh", "-c", "exit 7"],
        &["/bin/echo", "a b", "ä"],
        &["/bin/cat", "/proc/self/status"],
        &["/bin/id"],
    ];
    let mut user = json!({"uid": own.uid(draw)?, "gid": own.gid(draw)?});
    draw.perhaps(&mut user, "umask", |draw| Ok(json!(draw.number(0, 0o777)?)))?;
    draw.perhaps(&mut user, "additionalGids", |draw| Ok(json!(draw.list(4, |draw| own.gid(draw))?)))?;
    let mut process = json!({
        "args": draw.pick(&ARGS)?, "cwd": draw.pick(&["/", "/tmp", "/proc"])?, "user": user,
        "noNewPrivileges": draw.coin()?, "env": ["PATH=/bin", draw.pick(&["A=b=c", "B=", "ä=a b\n"])?],
        "capabilities": capabilities(draw)?, "rlimits": rlimits(draw)?,
    });
    draw.perhaps(&mut process, "oomScoreAdj", |draw| Ok(json!(draw.edge(0, 1000)?)))?;
    draw.perhaps(&mut process, "ioPriority", |draw| {
        let class = draw.pick(&["IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"])?;
        Ok(json!({"class": class, "priority": draw.edge(0, 7)?}))
    })?;
    draw.perhaps(&mut process, "scheduler", |draw| {
        let policy = draw.pick(&["SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE"])?;
        Ok(json!({"policy": policy, "nice": draw.edge(0, 19)?}))
    })?;
    Ok(process)
}

/// Ambient are those that are permitted and inheritable: the kernel has no others.
fn capabilities(draw: &mut Draw<'_, '_>) -> Result<Value> {
    // Nothing that a program could do harm with.
    let mut sets = process::capabilities(draw, &[0, 1, 3, 5, 6, 7, 8, 10, 13, 18, 29, 31])?;
    let has = |set: &str, name: &Value| sets[set].as_array().is_some_and(|names| names.contains(name));
    let ambient = sets["ambient"].as_array().cloned().unwrap_or_default();
    let kept: Value =
        ambient.into_iter().filter(|name| has("permitted", name) && has("inheritable", name)).collect();
    sets["ambient"] = kept;
    Ok(sets)
}

fn rlimits(draw: &mut Draw<'_, '_>) -> Result<Value> {
    const LIMITS: [(&str, u64, u64); 8] = [
        ("RLIMIT_NOFILE", 64, 1024),
        ("RLIMIT_CORE", 0, 4096),
        ("RLIMIT_STACK", 1 << 20, u64::MAX),
        ("RLIMIT_CPU", 30, u64::MAX),
        ("RLIMIT_FSIZE", 1 << 20, 1 << 24),
        ("RLIMIT_MEMLOCK", 65_536, 1 << 24),
        ("RLIMIT_MSGQUEUE", 0, 819_200),
        ("RLIMIT_SIGPENDING", 16, 1024),
    ];
    let mut all = Vec::new();
    for (kind, least, most) in draw.some_of(&LIMITS)? {
        let hard = draw.pick(&[most, least])?;
        all.push(json!({"type": kind, "soft": draw.pick(&[least, hard])?, "hard": hard}));
    }
    Ok(json!(all))
}

fn all_mounts(draw: &mut Draw<'_, '_>, own: &Namespaces) -> Result<Value> {
    let [proc, dev, pts, shm, mqueue, sysfs, cgroup] = mounts::usual();
    let mut all = vec![proc];
    // Devices need a place of their own where the root file system is not its root's to write to.
    if own.has("user") || draw.coin()? {
        all.extend([dev, pts, shm]);
        // Whose it is, is the ipc namespace's.
        if own.has("ipc") && draw.coin()? {
            all.push(mqueue);
        }
    }
    // It shows a network namespace, whose owner may mount it.
    if (own.has("network") || !own.has("user")) && draw.coin()? {
        all.push(sysfs);
        if !own.has("user") && draw.one_in(4)? {
            all.push(cgroup);
        }
    }
    for destination in draw.some_of(&["/tmp", "/run"])? {
        let mut options = draw.some_of(&["ro", "nosuid", "nodev", "noexec", "noatime", "mode=1777"])?;
        options.push(draw.pick(&["size=1m", "size=4m", "nr_inodes=64"])?);
        // Of inodes alone the size would be half of the memory.
        if !options.contains(&"size=4m") && !options.contains(&"size=1m") {
            options.push("size=64k");
        }
        all.push(json!({"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": options}));
    }
    for (source, destination) in draw.some_of(&[(FOLDERS[0], "/mnt"), (FOLDERS[1], "/srv")])? {
        let mut options = vec![draw.pick(&["bind", "rbind"])?];
        options.extend(draw.some_of(&["ro", "nosuid", "nodev", "noexec"])?);
        options.push(draw.pick(&["rprivate", "private", "rslave", "slave"])?);
        all.push(json!({"destination": destination, "type": "bind", "source": source, "options": options}));
    }
    Ok(json!(all))
}

fn resources(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut resources = json!({});
    draw.perhaps(&mut resources, "pids", |draw| Ok(json!({"limit": draw.pick(&[8, 32, 100])?})))?;
    draw.perhaps(&mut resources, "memory", |draw| {
        let limit = draw.pick(&[32u64 << 20, 64 << 20])?;
        Ok(json!({"limit": limit}))
    })?;
    draw.perhaps(&mut resources, "cpu", |draw| {
        let mut cpu = json!({"shares": draw.pick(&[2, 512, 1024, 262_144])?});
        draw.perhaps(&mut cpu, "quota", |draw| Ok(json!(draw.pick(&[50_000, 100_000])?)))?;
        if cpu["quota"].is_u64() {
            cpu["period"] = json!(100_000);
        }
        Ok(cpu)
    })?;
    draw.perhaps(&mut resources, "devices", |_| Ok(json!([{"allow": false, "access": "rwm"}])))?;
    Ok(resources)
}
