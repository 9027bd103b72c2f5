//! `update`: other limits for a container.

use std::io::Read;
use std::path::Path;

use isolab_core::cgroup::{self, Resources};
use isolab_core::oci;
use isolab_core::state::{Entry, Error, Found, State, Status};
use serde_json::{Map, Value, json};

use crate::Context;
use crate::arguments::Update;
use crate::failure::Failure;
use crate::features::merge;

pub(crate) fn update(context: &Context, given: &Update) -> Result<(), Failure> {
    if given.l3_cache_schema.is_some() || given.mem_bw_schema.is_some() {
        return Err(Failure::new("--l3-cache-schema, --mem-bw-schema: intelRdt is not supported"));
    }
    let asked = match given.resources.as_deref() {
        Some(path) => read(path)?,
        None => from_flags(given)?,
    };
    let Found::Container(entry, state) = context.store.lock(&given.id)? else {
        return Err(Error::NotFound(given.id.clone()).into());
    };
    match state.status(&entry) {
        Status::Created | Status::Running | Status::Paused => change(&entry, &state, asked),
        status => Err(Failure::new(format!("container not running: {:?} is {status}", state.id))),
    }
}

/// Writes what is asked for, and keeps it in the config.
fn change(entry: &Entry, state: &State, mut asked: Value) -> Result<(), Failure> {
    let invalid = |error| Failure::context("the container's config.json", error);
    let mut config: Value = serde_json::from_slice(&entry.config()?).map_err(invalid)?;
    if let Some(memory) = asked.get_mut("memory") {
        // Limits on memory are checked against each other, so those that stay are given with those that change.
        let mut all = config["linux"]["resources"]["memory"].take();
        merge(&mut all, memory.take());
        *memory = all;
    }
    // Read as part of a config: what reads those is there already.
    let alone = json!({"ociVersion": state.oci_version, "linux": {"resources": asked}});
    let spec = oci::parse(&serde_json::to_vec(&alone).map_err(invalid)?)?;
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let resources = resources.map(Resources::new).transpose()?.unwrap_or_default();
    cgroup::update(&resources, &state.groups)?;
    merge(&mut config, json!({"linux": {"resources": asked}}));
    Ok(entry.write_config(&serde_json::to_vec(&config).map_err(invalid)?)?)
}

/// `linux.resources` as JSON, from a file or from standard input.
fn read(path: &Path) -> Result<Value, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::context(&format!("--resources {}", path.display()), error);
    let bytes = match path.to_str() {
        Some("-") => {
            let mut bytes = Vec::new();
            let input = std::io::stdin().lock();
            input.take(oci::LARGEST).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
            bytes
        }
        _ => oci::content(path)?,
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| failed(&error))?;
    if value.is_object() { Ok(value) } else { Err(failed(&"not an object")) }
}

fn from_flags(given: &Update) -> Result<Value, Failure> {
    let mut resources = Map::new();
    let mut set = |group: &str, field: &str, value: Option<Value>| {
        if let Some(value) = value {
            let group = resources.entry(group).or_insert_with(|| json!({}));
            group[field] = value;
        }
    };
    let number = |value: Option<u64>| value.map(|value| json!(value));
    let signed = |value: Option<i64>| value.map(|value| json!(value));
    let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
    set("blockIO", "weight", number(given.blkio_weight));
    set("cpu", "period", number(given.cpu_period));
    set("cpu", "quota", signed(given.cpu_quota));
    set("cpu", "burst", number(given.cpu_burst));
    set("cpu", "shares", number(given.cpu_share));
    set("cpu", "idle", signed(given.cpu_idle));
    set("cpu", "realtimePeriod", number(given.cpu_rt_period));
    set("cpu", "realtimeRuntime", signed(given.cpu_rt_runtime));
    set("cpu", "cpus", text(&given.cpuset_cpus));
    set("cpu", "mems", text(&given.cpuset_mems));
    set("memory", "limit", size("memory", given.memory.as_deref())?);
    set("memory", "reservation", size("memory-reservation", given.memory_reservation.as_deref())?);
    set("memory", "swap", size("memory-swap", given.memory_swap.as_deref())?);
    set("memory", "kernel", size("kernel-memory", given.kernel_memory.as_deref())?);
    set("memory", "kernelTCP", size("kernel-memory-tcp", given.kernel_memory_tcp.as_deref())?);
    set("pids", "limit", signed(given.pids_limit));
    Ok(Value::Object(resources))
}

/// Bytes, perhaps with a suffix that stands for a power of 1024; -1 is unlimited.
fn size(flag: &str, text: Option<&str>) -> Result<Option<Value>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let bytes = bytes(text)
        .ok_or_else(|| Failure::new(format!("--{flag} {text}: not a size such as 67108864 or 64m")))?;
    Ok(Some(json!(bytes)))
}

fn bytes(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let lower = text.to_ascii_lowercase();
    let unit = lower.trim_end_matches("ib").trim_end_matches('b');
    let power = unit.chars().last().and_then(|last| "kmgtp".find(last));
    let number = if power.is_some() { &unit[..unit.len() - 1] } else { unit };
    let factor = 1024i64.checked_pow(power.map_or(0, |power| u32::try_from(power + 1).unwrap_or(0)))?;
    number.parse::<i64>().ok().filter(|number| *number >= 0)?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes() {
        for (text, size) in [
            ("0", 0),
            ("-1", -1),
            ("512", 512),
            ("64m", 64 << 20),
            ("1G", 1 << 30),
            ("3KiB", 3072),
            ("2kb", 2048),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for wrong in ["", "-2", "m", "1.5g", "12x", "99999999999999g"] {
            assert_eq!(bytes(wrong), None, "{wrong:?}");
        }
    }
}
