//! What else a config says of Linux: devices, paths, scheduling of memory, labels.

use arbitrary::Result;
use serde_json::{Value, json};

use super::draw::Draw;

/// What needs a mount namespace of its own.
pub(super) fn with_mounts(draw: &mut Draw<'_, '_>, linux: &mut Value) -> Result<()> {
    const HIDDEN: [&str; 6] =
        ["/proc/keys", "/proc/kcore", "/sys/firmware", "/none", "/srv/a b", "/proc/../etc"];
    const FROZEN: [&str; 6] = ["/proc/sys", "/proc/bus", "/proc", "/sys", "/tmp", "/dev/../ä"];
    draw.perhaps(linux, "maskedPaths", |draw| paths(draw, &HIDDEN))?;
    draw.perhaps(linux, "readonlyPaths", |draw| paths(draw, &FROZEN))?;
    draw.perhaps(linux, "devices", |draw| Ok(json!(draw.list(4, device)?)))?;
    Ok(())
}

fn paths(draw: &mut Draw<'_, '_>, from: &[&str]) -> Result<Value> {
    let mut paths = draw.list(5, |draw| Ok(draw.pick(from)?.to_owned()))?;
    if draw.is_odd()? {
        let long = format!("/{}", "x/".repeat(2048));
        paths.push(draw.pick(&["/", "", "x", "proc/keys", "//", "/nul\0", long.as_str()])?.to_owned());
    }
    Ok(json!(paths))
}

fn device(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let path = draw.pick(&["/dev/fuse", "/dev/null", "/dev/a b", "/tmp/../dev/x", "/dev/console", "/x"])?;
    let mut device = json!({"type": draw.pick(&["c", "b", "p", "u"])?, "path": path,
        "major": draw.edge(0, 4095)?, "minor": draw.edge(0, i64::from(u32::MAX))?});
    draw.perhaps(&mut device, "fileMode", |draw| Ok(json!(draw.pick(&[0o666, 0, 0o7777, 0o600])?)))?;
    draw.perhaps(&mut device, "uid", |draw| Ok(json!(draw.pick(&[0, 1000, u32::MAX])?)))?;
    draw.perhaps(&mut device, "gid", |draw| Ok(json!(draw.pick(&[0, 5])?)))?;
    if draw.is_odd()? {
        match draw.number(0, 3)? {
            0 => device["type"] = json!("a"),
            1 => device["path"] = json!(draw.pick(&["dev/x", "", "/\0"])?),
            2 => device["fileMode"] = json!(0o10000),
            _ => device[draw.pick(&["major", "minor"])?] = json!(draw.pick(&[-1_i64, 1 << 32])?),
        }
    }
    Ok(device)
}

pub(super) fn any(draw: &mut Draw<'_, '_>, linux: &mut Value) -> Result<()> {
    if draw.one_in(4)? {
        let odd = draw.is_odd()?;
        let from =
            ["private", "rslave", "slave", "rprivate", "shared", "rshared", "unbindable", "runbindable", ""];
        linux["rootfsPropagation"] = json!(if odd { "sideways" } else { draw.pick(&from)? });
    }
    if draw.one_in(4)? {
        linux["personality"] = json!({"domain": draw.pick(&["LINUX", "LINUX32"])?});
        if draw.is_odd()? {
            linux["personality"]["flags"] = json!(["X"]);
        }
    }
    if draw.one_in(4)? {
        linux["memoryPolicy"] = memory_policy(draw)?;
    }
    if draw.one_in(8)? {
        let long = "l".repeat(256);
        let label = draw.pick(&["system_u:object_r:container_file_t:s0", "", &long[..255]])?;
        linux["mountLabel"] = json!(if draw.is_odd()? { long.as_str() } else { label });
    }
    draw.perhaps(linux, "cgroupsPath", |draw| {
        if draw.is_odd()? {
            return Ok(json!(draw.pick(&["/", "a/../b", "a\nb", "..", "/.", "nul\0"])?));
        }
        Ok(json!(draw.pick(&["/drawn", "a/b c/ä", "system.slice:a:b", "", "//x/./y//"])?))
    })?;
    if draw.is_odd()? {
        linux["intelRdt"] = json!({"closID": "x"});
    }
    Ok(())
}

fn memory_policy(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let (mode, takes) = draw.pick(&[
        ("MPOL_DEFAULT", false),
        ("MPOL_LOCAL", false),
        ("MPOL_PREFERRED", true),
        ("MPOL_BIND", true),
        ("MPOL_INTERLEAVE", true),
        ("MPOL_PREFERRED_MANY", true),
        ("MPOL_WEIGHTED_INTERLEAVE", true),
    ])?;
    let mut policy = json!({"mode": mode});
    if takes != draw.is_odd()? {
        policy["nodes"] = json!(if draw.is_odd()? { "a" } else { draw.pick(&["0", "0-1", "0,1023"])? });
        let flags = ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"];
        draw.perhaps(&mut policy, "flags", |draw| Ok(json!([draw.pick(&flags)?])))?;
    }
    if draw.is_odd()? {
        policy["flags"] = json!(["MPOL_F_NUMA_BALANCING", "MPOL_F_STATIC_NODES"]);
    }
    Ok(policy)
}
