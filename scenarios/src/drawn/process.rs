//! The workload of any config: what is executed, as whom, and what it may.

use arbitrary::Result;
use serde_json::{Value, json};

use super::draw::Draw;
use super::namespaces::Namespaces;

/// `linux/capability.h`, by number, without `CAP_`.
pub(super) const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

const LIMITS: [&str; 16] = [
    "RLIMIT_NOFILE",
    "RLIMIT_CORE",
    "RLIMIT_CPU",
    "RLIMIT_FSIZE",
    "RLIMIT_DATA",
    "RLIMIT_STACK",
    "RLIMIT_RSS",
    "RLIMIT_NPROC",
    "RLIMIT_MEMLOCK",
    "RLIMIT_AS",
    "RLIMIT_LOCKS",
    "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
];

pub(super) fn any(draw: &mut Draw<'_, '_>, namespaces: &Namespaces) -> Result<Value> {
    let mut process = json!({"args": args(draw)?, "cwd": cwd(draw)?, "user": user(draw, namespaces)?});
    draw.perhaps(&mut process, "env", env)?;
    draw.perhaps(&mut process, "capabilities", |draw| {
        let known = draw.some_of(&[0u8, 1, 5, 6, 7, 8, 10, 18, 21, 31, 39, 40])?;
        capabilities(draw, &known)
    })?;
    draw.perhaps(&mut process, "rlimits", rlimits)?;
    draw.perhaps(&mut process, "noNewPrivileges", |draw| Ok(json!(draw.coin()?)))?;
    draw.perhaps(&mut process, "oomScoreAdj", |draw| {
        Ok(json!(if draw.is_odd()? { draw.pick(&[-1001, 1001])? } else { draw.edge(-1000, 1000)? }))
    })?;
    draw.perhaps(&mut process, "terminal", |draw| Ok(json!(draw.one_in(4)?)))?;
    if process["terminal"] == json!(true) {
        let most = if draw.is_odd()? { i64::MAX } else { 65_535 };
        process["consoleSize"] = json!({"height": draw.edge(0, most)?, "width": draw.edge(0, most)?});
    }
    if draw.one_in(8)? {
        process["apparmorProfile"] = json!(draw.pick(&["unconfined", "a profile", "docker-default", ""])?);
    }
    if draw.one_in(8)? {
        let label = draw.pick(&["u:r:t", "system_u:system_r:container_t:s0:c1,c2", ""])?;
        process["selinuxLabel"] = json!(label);
    }
    if draw.is_odd()? {
        process["selinuxLabel"] = json!(draw.pick(&["container_t", "u::t", "a:b"])?);
        process["apparmorProfile"] = json!(draw.pick(&[" x", "x\ny", "\0"])?);
    }
    draw.perhaps(&mut process, "scheduler", scheduler)?;
    draw.perhaps(&mut process, "ioPriority", |draw| {
        let class = draw.pick(&["IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", "IOPRIO_CLASS_RT"])?;
        let level = if draw.is_odd()? { draw.pick(&[-1, 8, 1 << 32])? } else { draw.edge(0, 7)? };
        Ok(json!({"class": class, "priority": level}))
    })?;
    draw.perhaps(&mut process, "execCPUAffinity", affinity)?;
    Ok(process)
}

fn args(draw: &mut Draw<'_, '_>) -> Result<Value> {
    if draw.is_odd()? {
        let wrong: [&[&str]; 3] = [&[], &[""], &["/bin/true", "nul\0"]];
        return Ok(json!(draw.pick(&wrong)?));
    }
    let program = draw.pick(&["/bin/true", "sh", "./x", "/a b/ä", "bin/x"])?.to_owned();
    let mut args = vec![program];
    args.extend(draw.list(4, Draw::text)?);
    Ok(json!(args))
}

fn env(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut all = draw.list(5, |draw| {
        let name = draw.pick(&["PATH", "HOME", "A", "ä", "lower case", "PATH"])?;
        let value = if name == "PATH" {
            draw.pick(&["/bin:/usr/bin", "", "bin::/sbin", ":"])?.to_owned()
        } else {
            draw.text()?
        };
        Ok(format!("{name}={value}"))
    })?;
    if draw.is_odd()? {
        all.push(draw.pick(&["NOVALUE", "=x", "", "A=\0"])?.to_owned());
    }
    Ok(json!(all))
}

fn cwd(draw: &mut Draw<'_, '_>) -> Result<Value> {
    if draw.is_odd()? {
        return Ok(json!(draw.pick(&["", "tmp", "./", "/\0"])?));
    }
    if draw.one_in(16)? {
        // With the NUL at its end as long as the kernel takes, and one more.
        let odd = usize::from(draw.is_odd()?);
        return Ok(json!(format!("/{}", "x".repeat(4094 + odd))));
    }
    Ok(json!(draw.pick(&["/", "/tmp", "/a b/../c", "/proc/self/fd/7", "//"])?))
}

fn user(draw: &mut Draw<'_, '_>, namespaces: &Namespaces) -> Result<Value> {
    let mut user = json!({"uid": namespaces.uid(draw)?, "gid": namespaces.gid(draw)?});
    if draw.is_odd()? {
        user[draw.pick(&["uid", "gid"])?] = json!(u32::MAX);
    }
    draw.perhaps(&mut user, "umask", |draw| {
        Ok(json!(if draw.is_odd()? { 0o1000 } else { draw.number(0, 0o777)? }))
    })?;
    draw.perhaps(&mut user, "additionalGids", |draw| Ok(json!(draw.list(5, |draw| namespaces.gid(draw))?)))?;
    Ok(user)
}

/// Sets that go together: what is effective is permitted. What is ambient need not be, and is left out then.
pub(super) fn capabilities(draw: &mut Draw<'_, '_>, known: &[u8]) -> Result<Value> {
    let names = |set: &[u8]| -> Value {
        set.iter().map(|number| format!("CAP_{}", CAPABILITIES[usize::from(*number)])).collect()
    };
    let permitted = draw.some_of(known)?;
    let effective = if draw.is_odd()? { known.to_vec() } else { draw.some_of(&permitted)? };
    let mut sets = json!({"permitted": names(&permitted), "effective": names(&effective)});
    for field in ["bounding", "inheritable", "ambient"] {
        if !draw.one_in(6)? {
            sets[field] = names(&draw.some_of(known)?);
        }
    }
    Ok(sets)
}

fn rlimits(draw: &mut Draw<'_, '_>) -> Result<Value> {
    const SIZES: [u64; 8] = [0, 1, 64, 1024, (1 << 32) - 1, 1 << 32, u64::MAX - 1, u64::MAX];
    let mut all = Vec::new();
    for kind in draw.some_of(&LIMITS[..5])?.into_iter().chain([draw.pick(&LIMITS[5..])?]) {
        let (one, other) = (draw.pick(&SIZES)?, draw.pick(&SIZES)?);
        let (soft, hard) = if draw.is_odd()? { (one, other) } else { (one.min(other), one.max(other)) };
        all.push(json!({"type": kind, "soft": soft, "hard": hard}));
    }
    if draw.is_odd()? {
        all.push(json!({"type": draw.pick(&LIMITS[..3])?, "soft": 1, "hard": 1}));
    }
    Ok(json!(all))
}

fn scheduler(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let policy = draw.pick(&[
        "SCHED_OTHER",
        "SCHED_BATCH",
        "SCHED_IDLE",
        "SCHED_FIFO",
        "SCHED_RR",
        "SCHED_DEADLINE",
        "SCHED_ISO",
    ])?;
    let mut asked = json!({"policy": policy});
    draw.perhaps(&mut asked, "nice", |draw| {
        Ok(json!(if draw.is_odd()? { draw.pick(&[-21, 20])? } else { draw.edge(-20, 19)? }))
    })?;
    if ["SCHED_FIFO", "SCHED_RR"].contains(&policy) != draw.is_odd()? {
        asked["priority"] = json!(if draw.is_odd()? { draw.pick(&[0, 100])? } else { draw.edge(1, 99)? });
    }
    if (policy == "SCHED_DEADLINE") != draw.is_odd()? {
        let mut times =
            draw.pick(&[[1_i64, 1, 0], [1_000_000, 2_000_000, 3_000_000], [1 << 40, 1 << 62, 1 << 62]])?;
        if draw.is_odd()? {
            times.reverse();
        }
        for (name, time) in ["runtime", "deadline", "period"].into_iter().zip(times) {
            asked[name] = json!(time);
        }
    }
    draw.perhaps(&mut asked, "flags", |draw| {
        Ok(json!(draw.some_of(&[
            "SCHED_FLAG_RESET_ON_FORK",
            "SCHED_FLAG_KEEP_POLICY",
            "SCHED_FLAG_DL_OVERRUN"
        ])?))
    })?;
    Ok(asked)
}

fn affinity(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut lists = json!({});
    for field in ["initial", "final"] {
        draw.perhaps(&mut lists, field, |draw| {
            let odd = draw.is_odd()?;
            let from = if odd { ["1024", "3-1", "x", "1,"] } else { ["0", "0-1", "0-3,7,1023", ""] };
            Ok(json!(draw.pick(&from)?))
        })?;
    }
    Ok(lists)
}
