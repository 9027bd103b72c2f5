//! Limits of any config.

use arbitrary::Result;
use serde_json::{Value, json};

use super::draw::Draw;

pub(super) fn any(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut resources = json!({});
    draw.perhaps(&mut resources, "cpu", cpu)?;
    draw.perhaps(&mut resources, "memory", memory)?;
    draw.perhaps(&mut resources, "pids", |draw| {
        Ok(json!({"limit": if draw.is_odd()? { draw.pick(&[-2, i64::MIN])? } else { draw.edge(-1, i64::MAX)? }}))
    })?;
    draw.perhaps(&mut resources, "devices", |draw| Ok(json!(draw.list(5, device)?)))?;
    if draw.one_in(4)? {
        resources["blockIO"] = block_io(draw)?;
    }
    if draw.one_in(4)? {
        resources["hugepageLimits"] = json!(draw.list(2, |draw| {
            let odd = draw.is_odd()?;
            let size =
                draw.pick(&if odd { ["2M", "02MB", "MB", "2 MB"] } else { ["2MB", "1GB", "64KB", "16GB"] })?;
            let limit = if odd { draw.edge(-1, i64::MAX)? } else { draw.edge(0, i64::MAX)? };
            Ok(json!({"pageSize": size, "limit": limit}))
        })?);
    }
    if draw.one_in(4)? {
        resources["network"] = network(draw)?;
    }
    if draw.one_in(8)? {
        for device in draw.some_of(&["mlx5_0", "ä"])? {
            resources["rdma"][device] = json!({"hcaHandles": draw.edge(0, i64::from(u32::MAX))?});
        }
        if draw.is_odd()? {
            resources["rdma"][draw.pick(&["a b", ""])?] = json!({"hcaObjects": 1});
            resources["rdma"]["mlx5_1"] = json!({});
        }
    }
    if draw.one_in(4)? {
        for (file, value) in
            draw.some_of(&[("pids.max", "9"), ("memory.high", "max"), ("cgroup.max.depth", "3")])?
        {
            resources["unified"][file] = json!(value);
        }
        if draw.is_odd()? {
            for file in draw.some_of(&["../memory.max", "cgroup.procs", ".x", "memory", "a b.c"])? {
                resources["unified"][file] = json!("1");
            }
        }
    }
    Ok(resources)
}

fn cpu(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut cpu = json!({});
    draw.perhaps(&mut cpu, "shares", |draw| {
        let odd = draw.is_odd()?;
        Ok(json!(draw.pick(&if odd { [1, 262_145, u64::MAX] } else { [0, 2, 262_144] })?))
    })?;
    draw.perhaps(&mut cpu, "quota", |draw| {
        Ok(json!(if draw.is_odd()? { -2 } else { draw.edge(-1, i64::MAX)? }))
    })?;
    draw.perhaps(&mut cpu, "period", |draw| Ok(json!(draw.edge(0, i64::MAX)?)))?;
    draw.perhaps(&mut cpu, "burst", |draw| Ok(json!(draw.edge(0, i64::MAX)?)))?;
    draw.perhaps(&mut cpu, "idle", |draw| Ok(json!(if draw.is_odd()? { 2 } else { draw.edge(0, 1)? })))?;
    if draw.one_in(4)? {
        cpu["realtimeRuntime"] = json!(if draw.is_odd()? { -2 } else { draw.edge(-1, i64::MAX)? });
        cpu["realtimePeriod"] = json!(draw.edge(0, i64::MAX)?);
    }
    for list in ["cpus", "mems"] {
        draw.perhaps(&mut cpu, list, |draw| {
            Ok(json!(if draw.is_odd()? { "one" } else { draw.pick(&["0", "0-1", "", "0-2,7"])? }))
        })?;
    }
    Ok(cpu)
}

fn memory(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut memory = json!({});
    let limit = draw.edge(0, i64::MAX)?;
    if draw.coin()? {
        memory["limit"] = json!(limit);
        draw.perhaps(&mut memory, "reservation", |draw| Ok(json!(draw.edge(-1, limit)?)))?;
        draw.perhaps(&mut memory, "swap", |draw| Ok(json!(draw.edge(limit, i64::MAX)?)))?;
    } else if draw.one_in(4)? {
        memory["limit"] = json!(-1);
        memory["swap"] = json!(-1);
    }
    draw.perhaps(&mut memory, "swappiness", |draw| Ok(json!(draw.edge(0, 100)?)))?;
    draw.perhaps(&mut memory, "disableOOMKiller", |draw| Ok(json!(draw.coin()?)))?;
    draw.perhaps(&mut memory, "checkBeforeUpdate", |draw| Ok(json!(draw.coin()?)))?;
    if draw.one_in(4)? {
        memory["kernel"] = json!(draw.edge(-1, i64::MAX)?);
        memory["useHierarchy"] = json!(!draw.is_odd()?);
    }
    if draw.is_odd()? {
        let (field, value) = draw.pick(&[
            ("limit", -2),
            ("reservation", i64::MIN),
            ("swap", -2),
            ("swap", 1),
            ("swappiness", 101),
            ("reservation", i64::MAX),
        ])?;
        memory[field] = json!(value);
    }
    Ok(memory)
}

/// Rules that contradict each other are the rule.
fn device(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut rule = json!({"allow": draw.coin()?});
    draw.perhaps(&mut rule, "access", |draw| {
        Ok(json!(if draw.is_odd()? { "rwx" } else { draw.pick(&["rwm", "r", "wm", "m", "", "rr"])? }))
    })?;
    draw.perhaps(&mut rule, "type", |draw| {
        Ok(json!(if draw.is_odd()? { "p" } else { draw.pick(&["a", "c", "b", "u"])? }))
    })?;
    for number in ["major", "minor"] {
        draw.perhaps(&mut rule, number, |draw| {
            let odd = draw.is_odd()?;
            Ok(json!(draw.pick(&if odd {
                [-2, 1 << 32, i64::MIN, -3]
            } else {
                [-1, 1, 3, i64::from(u32::MAX)]
            })?))
        })?;
    }
    Ok(rule)
}

fn block_io(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut block_io = json!({});
    draw.perhaps(&mut block_io, "weight", weight)?;
    draw.perhaps(&mut block_io, "leafWeight", weight)?;
    draw.perhaps(&mut block_io, "weightDevice", |draw| {
        Ok(json!(draw.list(2, |draw| {
            let mut device = numbers(draw)?;
            draw.perhaps(&mut device, "weight", weight)?;
            draw.perhaps(&mut device, "leafWeight", weight)?;
            Ok(device)
        })?))
    })?;
    for rate in ["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"] {
        draw.perhaps(&mut block_io, &format!("throttle{rate}Device"), |draw| {
            Ok(json!(draw.list(2, |draw| {
                let mut device = numbers(draw)?;
                device["rate"] = json!(draw.pick(&[0, 1, 1 << 20, u64::MAX])?);
                Ok(device)
            })?))
        })?;
    }
    Ok(block_io)
}

fn weight(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let odd = draw.is_odd()?;
    Ok(json!(draw.pick(&if odd { [1, 9, 1001, 65_535] } else { [0, 10, 500, 1000] })?))
}

fn numbers(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let least = if draw.is_odd()? { -8 } else { 0 };
    Ok(json!({"major": draw.edge(least, i64::from(u32::MAX))?, "minor": draw.edge(0, i64::from(u32::MAX))?}))
}

fn network(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut network = json!({});
    draw.perhaps(&mut network, "classID", |draw| Ok(json!(draw.edge(0, i64::from(u32::MAX))?)))?;
    draw.perhaps(&mut network, "priorities", |draw| {
        Ok(json!(draw.list(3, |draw| {
            let name =
                if draw.is_odd()? { draw.pick(&["a b", ""])? } else { draw.pick(&["lo", "eth0", "ä"])? };
            Ok(json!({"name": name, "priority": draw.edge(0, i64::from(u32::MAX))?}))
        })?))
    })?;
    Ok(network)
}
