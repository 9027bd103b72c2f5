//! What the process sees of itself and of others.

use std::fs;
use std::io;
use std::time::SystemTime;

use isolab_core::host::Cgroups;
use isolab_core::observe::Observation;
use isolab_core::sys::clock;
use serde_json::{Map, Value, json};

use super::{errno_name, or_error};
use crate::facts;

pub(super) fn observe() -> Value {
    match Observation::of(own_pid(), &Cgroups::default()) {
        Ok(observation) => facts::tree(&observation),
        Err(error) => json!({"error": error.to_string()}),
    }
}

/// Our pid in the pid namespace of the mounted `/proc`, which need not be ours.
fn own_pid() -> i32 {
    let seen = fs::read_link("/proc/self").ok().and_then(|link| link.to_str()?.parse().ok());
    seen.unwrap_or_else(|| std::process::id().cast_signed())
}

pub(super) fn processes(text: &str) -> Value {
    let look = || -> io::Result<Value> {
        let mut pids = Vec::new();
        let mut with_text = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            pids.push(pid);
            // A process that ended since the listing shows nothing.
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if pid != own_pid().cast_unsigned() && String::from_utf8_lossy(&line).contains(text) {
                with_text.push(pid);
            }
        }
        pids.sort_unstable();
        Ok(json!({"count": pids.len(), "first": &pids[..pids.len().min(8)], "with_text": with_text}))
    };
    or_error(look())
}

pub(super) fn environ() -> Value {
    let pairs = std::env::vars_os();
    let pairs =
        pairs.map(|(key, value)| (key.to_string_lossy().into_owned(), json!(value.to_string_lossy())));
    Value::Object(pairs.collect::<Map<_, _>>())
}

pub(super) fn hostname() -> Value {
    // uname(2) would need no /proc, but its answer is the same file.
    or_error(fs::read_to_string("/proc/sys/kernel/hostname").map(|name| json!(name.trim_end())))
}

pub(super) fn cwd() -> Value {
    or_error(std::env::current_dir().map(|dir| json!(dir.display().to_string())))
}

pub(super) fn affinity() -> Value {
    match isolab_core::sys::process::affinity() {
        Ok(cpus) => json!(cpus.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        Err(errno) => json!({"error": errno_name(errno)}),
    }
}

pub(super) fn clocks() -> Value {
    let seconds = |nanos: u64| nanos / 1_000_000_000;
    let realtime = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    json!({
        "monotonic": seconds(clock::monotonic()),
        "boottime": seconds(clock::boottime()),
        "realtime": realtime.as_secs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_itself() {
        assert!(processes("no such text").get("count").unwrap().as_u64().unwrap() > 0);
        assert!(environ().get("PATH").is_some());
        assert!(clocks()["realtime"].as_u64().unwrap() > 1_700_000_000);
        assert!(hostname().is_string());
    }
}
