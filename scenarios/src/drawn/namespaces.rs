//! Namespaces, and what they are given: id maps, time offsets, names, kernel parameters, links of the host.

use arbitrary::Result;
use serde_json::{Value, json};

use super::draw::Draw;

/// The kinds in the spec's words, the mount namespace first.
const KINDS: [&str; 8] = ["mount", "pid", "network", "ipc", "uts", "cgroup", "time", "user"];

/// What was drawn.
#[derive(Default)]
pub(super) struct Namespaces {
    new: Vec<&'static str>,
    joined: Vec<&'static str>,
    uids: Vec<Line>,
    gids: Vec<Line>,
}

/// A line of an id map.
pub(super) struct Line {
    inside: u32,
    outside: u32,
    size: u32,
}

impl Namespaces {
    /// Only these, new.
    pub(super) fn of(new: Vec<&'static str>) -> Namespaces {
        Namespaces { new, ..Namespaces::default() }
    }

    /// Of its own, new or joined.
    pub(super) fn has(&self, kind: &str) -> bool {
        self.makes(kind) || self.joined.contains(&kind)
    }

    pub(super) fn makes(&self, kind: &str) -> bool {
        self.new.contains(&kind)
    }

    /// A user that there is.
    pub(super) fn uid(&self, draw: &mut Draw<'_, '_>) -> Result<u32> {
        id(draw, &self.uids)
    }

    /// A group that there is.
    pub(super) fn gid(&self, draw: &mut Draw<'_, '_>) -> Result<u32> {
        id(draw, &self.gids)
    }

    /// Puts the maps of a new user namespace into `linux`.
    pub(super) fn map(&mut self, linux: &mut Value, uids: Vec<Line>, gids: Vec<Line>) {
        linux["uidMappings"] = lines(&uids);
        linux["gidMappings"] = lines(&gids);
        (self.uids, self.gids) = (uids, gids);
    }
}

/// Without a map every id is there but the last, which means none to the kernel.
fn id(draw: &mut Draw<'_, '_>, map: &[Line]) -> Result<u32> {
    if map.is_empty() || draw.is_odd()? {
        return draw.pick(&[0, 0, 1, 1000, 65_534, 65_535, 65_536, 1 << 31, u32::MAX - 1]);
    }
    let line = draw.number(0, map.len() as u64 - 1)?;
    let line = &map[usize::try_from(line).unwrap_or(0)];
    let last = line.inside.saturating_add(line.size.saturating_sub(1));
    draw.pick(&[line.inside, line.inside, last])
}

pub(super) fn lines(lines: &[Line]) -> Value {
    let line = |line: &Line| json!({"containerID": line.inside, "hostID": line.outside, "size": line.size});
    lines.iter().map(line).collect()
}

/// A map without overlaps; hardly ever with as many lines as the kernel takes.
pub(super) fn map(draw: &mut Draw<'_, '_>, first_inside: u32, first_outside: u32) -> Result<Vec<Line>> {
    if draw.one_in(64)? {
        let most = if draw.is_odd()? { 341 } else { 340 };
        let line = |nth| Line { inside: first_inside + nth, outside: first_outside + 2 * nth, size: 1 };
        return Ok((0..most).map(line).collect());
    }
    let (mut inside, mut outside) = (first_inside, first_outside);
    let mut map = Vec::new();
    for _ in 0..draw.number(1, 4)? {
        let size = draw.pick(&[1, 2, 1000, 65_536])?;
        map.push(Line { inside, outside, size });
        let gap = draw.pick(&[0, 1, 7])?;
        (inside, outside) = (inside + size + gap, outside + size + gap);
    }
    Ok(map)
}

fn own_id(outside: u32) -> Vec<Line> {
    vec![Line { inside: 0, outside, size: 1 }]
}

/// Draws those of any config, with their entries in `linux`.
pub(super) fn any(draw: &mut Draw<'_, '_>, linux: &mut Value) -> Result<Namespaces> {
    let mut drawn = Namespaces::default();
    let mut entries = Vec::new();
    for kind in KINDS {
        // Hardly anything is left to a container without mounts of its own.
        let new = if kind == "mount" { !draw.one_in(16)? } else { draw.coin()? };
        if new {
            drawn.new.push(kind);
            entries.push(json!({"type": kind}));
        } else if draw.one_in(6)? {
            drawn.joined.push(kind);
            let path = draw.pick(&["/proc/1/ns/", "/run/netns/x y", "/var/run/ns/ä"])?;
            entries.push(json!({"type": kind, "path": path}));
        }
    }
    if draw.is_odd()? {
        let path = draw.pick(&["", "relative", "/nul\0"])?;
        entries.push(json!({"type": draw.pick(&KINDS)?, "path": path}));
    }
    if draw.coin()? {
        entries.reverse();
    }
    linux["namespaces"] = Value::Array(entries);
    if drawn.makes("user") != draw.is_odd()? {
        let first = draw.pick(&[0, 1, 100_000, 1 << 31])?;
        let inside = draw.pick(&[0, 0, 0, 1])?;
        // As users without privilege have it: their own id alone.
        let (uids, gids) = match draw.one_in(4)? {
            true => (own_id(1000), own_id(1000)),
            false => (map(draw, inside, first)?, map(draw, 0, first)?),
        };
        drawn.map(linux, uids, gids);
        if draw.is_odd()? {
            let field = draw.pick(&["containerID", "hostID", "size"])?;
            linux[draw.pick(&["uidMappings", "gidMappings"])?][0][field] = json!(draw.pick(&[0, u32::MAX])?);
        }
    }
    Ok(drawn)
}

/// Offsets of a new time namespace, into `linux`.
pub(super) fn time_offsets(draw: &mut Draw<'_, '_>, most: i64, linux: &mut Value) -> Result<()> {
    for clock in draw.some_of(&["monotonic", "boottime"])? {
        linux["timeOffsets"][clock] = json!({
            "secs": draw.edge(-most.min(3600), most)?,
            "nanosecs": draw.pick(&[0, 1, 999_999_999])?,
        });
    }
    if draw.is_odd()? {
        let clock = draw.pick(&["monotonic", "realtime", "boot.time"])?;
        linux["timeOffsets"][clock] = json!({"nanosecs": draw.pick(&[1_000_000_000u32, u32::MAX, 0])?});
    }
    Ok(())
}

/// Kernel parameters: whose, name, and a value that it takes. A user namespace has the first two alone for sure.
pub(super) const PARAMETERS: [(&str, &str, &str); 8] = [
    ("network", "net.ipv4.ip_unprivileged_port_start", "80"),
    ("network", "net/ipv4/conf/lo/forwarding", "1"),
    ("network", "net.core.somaxconn", "64"),
    ("ipc", "kernel.shmmax", "65536"),
    ("ipc", "kernel.sem", "32000 1024000000 500 32000"),
    ("ipc", "kernel/msgmni", "100"),
    ("ipc", "fs.mqueue.msg_max", "16"),
    ("uts", "kernel.domainname", "drawn.example"),
];

/// Those of these that belong to namespaces of its own.
pub(super) fn parameters(
    draw: &mut Draw<'_, '_>,
    namespaces: &Namespaces,
    all: &[(&str, &str, &str)],
    linux: &mut Value,
) -> Result<()> {
    for (kind, name, value) in draw.some_of(all)? {
        // One that is joined may be the host's own.
        if namespaces.makes(kind) {
            linux["sysctl"][name] = json!(value);
        }
    }
    if draw.is_odd()? {
        let name = draw.pick(&[
            "vm.swappiness",
            "kernel.hostname",
            "net.../x",
            "net/core/somaxconn",
            "kernel.shmmax",
            "",
            "net.x\0",
        ])?;
        linux["sysctl"][name] = json!(draw.pick(&["1", "", "nul\0"])?);
    }
    Ok(())
}

/// Links of the host, which only a config that is not launched may name.
pub(super) fn links(draw: &mut Draw<'_, '_>, linux: &mut Value) -> Result<()> {
    const LINKS: [(&str, &str); 4] =
        [("eth0", ""), ("veth1", "eth0"), ("fifteen-bytes-x", "net0"), ("ä", "with.dot")];
    for (host, name) in draw.some_of(&LINKS)? {
        linux["netDevices"][host] = if name.is_empty() { json!({}) } else { json!({"name": name}) };
    }
    if draw.is_odd()? {
        let host = draw.pick(&["sixteen-bytes-xx", "a/b", "..", "a b"])?;
        linux["netDevices"][host] = json!({"name": draw.pick(&["net0", "a:b", "."])?});
    }
    Ok(())
}
