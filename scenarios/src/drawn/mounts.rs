//! Mounts of any config.

use arbitrary::Result;
use serde_json::{Value, json};

use super::draw::Draw;
use super::namespaces::{self, Namespaces};

/// What engines mount, with their options.
pub(super) fn usual() -> [Value; 7] {
    [
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}),
        json!({"destination": "/dev/pts", "type": "devpts", "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}),
        json!({"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]}),
        json!({"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
            "options": ["nosuid", "noexec", "nodev"]}),
        json!({"destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"]}),
        json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}),
    ]
}

/// Options of the mount itself and of all below it, of the file system, and propagation.
const OPTIONS: [&str; 42] = [
    "ro",
    "nosuid",
    "nodev",
    "noexec",
    "rw",
    "suid",
    "dev",
    "exec",
    "noatime",
    "atime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "nodiratime",
    "diratime",
    "nosymfollow",
    "symfollow",
    "rro",
    "rnosuid",
    "rnodev",
    "rnoexec",
    "rrw",
    "rnoatime",
    "rrelatime",
    "sync",
    "async",
    "dirsync",
    "lazytime",
    "nolazytime",
    "mand",
    "nomand",
    "private",
    "rprivate",
    "slave",
    "rslave",
    "shared",
    "rshared",
    "unbindable",
    "defaults",
    "silent",
    "loud",
];

/// Those of a config; `relative` says whether its version lets destinations be so.
pub(super) fn any(draw: &mut Draw<'_, '_>, namespaces: &Namespaces, relative: bool) -> Result<Value> {
    let mut mounts = Vec::new();
    if draw.one_in(8)? {
        mounts.push(overlay(draw)?);
    }
    for mount in usual() {
        if draw.coin()? {
            mounts.push(mount);
        }
    }
    let mut more = draw.list(4, |draw| match draw.number(0, 4)? {
        0 => tmpfs(draw),
        1 => bind(draw, namespaces),
        2 => other(draw),
        3 => Ok(json!({"destination": target(draw)?, "type": "cgroup", "options": attributes(draw)?})),
        _ => odd(draw),
    })?;
    mounts.append(&mut more);
    if draw.one_in(8)? && !mounts.is_empty() {
        mounts[1..].reverse();
    }
    if draw.one_in(4)? {
        remount(draw, &mut mounts)?;
    }
    if relative && draw.one_in(8)? {
        mounts.push(json!({"destination": draw.pick(&["srv/x", "dev", "./ä"])?, "type": "tmpfs"}));
    }
    Ok(json!(mounts))
}

fn target(draw: &mut Draw<'_, '_>) -> Result<&'static str> {
    draw.pick(&[
        "/mnt",
        "/tmp",
        "/srv/a b",
        "/proc",
        "/proc/sys/x",
        "/dev",
        "/dev/",
        "/dev/shm",
        "/sys/fs/cgroup",
        "/etc/hosts",
        "/ä/../b",
        "/run/secrets",
        "/../../etc",
    ])
}

fn attributes(draw: &mut Draw<'_, '_>) -> Result<Vec<&'static str>> {
    draw.list(5, |draw| draw.pick(&OPTIONS))
}

fn tmpfs(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut options: Vec<&str> = attributes(draw)?;
    options.extend(draw.some_of(&[
        "size=1m",
        "mode=1777",
        "uid=0",
        "nr_inodes=10",
        "tmpcopyup",
        "noswap",
    ])?);
    let mut mount = json!({"destination": target(draw)?, "type": "tmpfs", "options": options});
    draw.perhaps(&mut mount, "source", |draw| Ok(json!(draw.pick(&["tmpfs", "a b", ""])?)))?;
    Ok(mount)
}

fn bind(draw: &mut Draw<'_, '_>, namespaces: &Namespaces) -> Result<Value> {
    let mut options = attributes(draw)?;
    let kind = draw.pick(&["bind", "none", "", "tmpfs"])?;
    if kind != "bind" || draw.coin()? {
        options.push(draw.pick(&["rbind", "bind"])?);
    }
    let source = draw.pick(&["data", "/etc/hosts", "/a b/ä", "../up", "/proc/self/fd/9"])?;
    let mut mount = json!({"destination": target(draw)?, "type": kind, "source": source});
    if kind == "none" && draw.coin()? {
        mount = json!({"destination": target(draw)?, "source": source});
    }
    if draw.one_in(4)? {
        let first = draw.pick(&[0, 1000, 100_000])?;
        mount["uidMappings"] = namespaces::lines(&namespaces::map(draw, 0, first)?);
        mount["gidMappings"] = namespaces::lines(&namespaces::map(draw, 0, first)?);
        options.extend(draw.some_of(&["idmap"])?);
    } else if namespaces.has("user") && draw.one_in(4)? {
        options.push(draw.pick(&["idmap", "ridmap"])?);
    }
    mount["options"] = json!(options);
    Ok(mount)
}

/// File systems that only their names are known of here.
fn other(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let kind = draw.pick(&["ext4", "proc", "sysfs", "devpts", "mqueue", "overlay", "fuse.x y", "cgroup2"])?;
    let mut options: Vec<String> = attributes(draw)?.into_iter().map(str::to_owned).collect();
    // A cgroup mount has no options of its own but those of the whole tree.
    if kind != "cgroup2" {
        options.extend(draw.list(3, |draw| {
            draw.pick(&["subset=pid", "hidepid=2", "iversion", "noiversion", "a=b=c", "key=", "x,y"])
                .map(str::to_owned)
        })?);
    } else {
        options.extend(draw.some_of(&["nsdelegate", "memory_recursiveprot"])?.into_iter().map(str::to_owned));
    }
    Ok(json!({"destination": target(draw)?, "type": kind, "source": "a source", "options": options}))
}

/// The root, of layers. Sometimes more of them than fit one page.
fn overlay(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let layers = if draw.is_odd()? { 501 } else { draw.pick(&[1u32, 2, 3, 500])? };
    let name = |layer: u32| format!("/layers/{layer}");
    let lower: Vec<String> = (0..layers).map(name).collect();
    let mut options = vec![format!("lowerdir={}", lower.join(":"))];
    if draw.coin()? {
        options.extend(["upperdir=/layers/upper".into(), "workdir=/layers/work".into()]);
    }
    options.extend(
        draw.some_of(&["nosuid", "nodev", "volatile", "metacopy=on", "ro"])?.into_iter().map(str::to_owned),
    );
    if draw.is_odd()? {
        options.push(draw.pick(&["=x", "bind", "nul\0"])?.to_owned());
    }
    if draw.is_odd()? {
        options.remove(0);
    }
    Ok(json!({"destination": draw.pick(&["/", "//", "/./"])?, "type": "overlay", "options": options}))
}

/// Changes what an earlier entry mounted.
fn remount(draw: &mut Draw<'_, '_>, mounts: &mut Vec<Value>) -> Result<()> {
    let earlier: Vec<&Value> = mounts.iter().filter(|mount| !is_root(mount)).collect();
    if earlier.is_empty() {
        return Ok(());
    }
    let index = usize::try_from(draw.number(0, earlier.len() as u64 - 1)?).unwrap_or(0);
    let mut destination = earlier[index]["destination"].clone();
    // Without bind the file system must be one that an entry made; proc and tmpfs are.
    let made = ["proc", "sysfs", "mqueue"].iter().any(|kind| earlier[index]["type"] == *kind);
    let last = earlier.iter().rposition(|mount| mount["destination"] == destination) == Some(index);
    let mut options = vec!["remount"];
    if !(made && last) || draw.coin()? {
        options.push("bind");
    }
    if draw.is_odd()? {
        destination = json!("/elsewhere");
    }
    options.extend(draw.some_of(&["ro", "nosuid", "noexec"])?);
    mounts.push(json!({"destination": destination, "options": options}));
    Ok(())
}

fn is_root(mount: &Value) -> bool {
    mount["destination"].as_str().is_some_and(|destination| ["/", "//", "/./"].contains(&destination))
}

/// What is wrong, or a second plain tmpfs where nothing may be odd.
fn odd(draw: &mut Draw<'_, '_>) -> Result<Value> {
    if !draw.is_odd()? {
        return tmpfs(draw);
    }
    Ok(match draw.number(0, 9)? {
        0 => json!({"destination": "", "type": "tmpfs"}),
        1 => json!({"destination": "/nul\0", "type": "tmpfs"}),
        2 => json!({"destination": "relative/x", "type": "tmpfs"}),
        3 => json!({"destination": "/mnt", "source": "x"}),
        4 => json!({"destination": "/mnt", "type": "bind"}),
        5 => json!({"destination": "/mnt", "type": "proc", "options": ["tmpcopyup"]}),
        6 => json!({"destination": "/mnt", "type": "cgroup", "options": ["size=1"]}),
        7 => json!({"destination": "/mnt", "type": "tmpfs", "options": ["=x", "y".repeat(256), "nul=\0"]}),
        8 => json!({"destination": "/", "type": "tmpfs", "options": ["lowerdir=/x"]}),
        _ => json!({"destination": "/mnt", "type": "bind", "source": "", "options": ["idmap"],
            "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}),
    })
}
