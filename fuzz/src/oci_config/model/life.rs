//! Hooks, and annotations that isolab heeds.

use serde_json::Value;

use super::{Wrong, list, properties, text, texts};

const POINTS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

pub(super) fn life(spec: &Value, wrong: &mut Wrong) {
    for point in POINTS {
        for (index, hook) in list(&spec["hooks"][point]) {
            one(hook, &format!("hooks.{point}[{index}]"), wrong);
        }
    }
    for (name, value) in properties(&spec["annotations"]) {
        if let Some(key) = name.strip_prefix("org.isolab.landlock.") {
            wrong.when(!is_rule(key, text(value)), format!("annotations[\"{name}\"]"));
        }
    }
}

fn one(hook: &Value, at: &str, wrong: &mut Wrong) {
    let path = text(&hook["path"]);
    wrong.inside(path, &format!("{at}.path"));
    for (index, arg) in texts(&hook["args"]).iter().enumerate() {
        wrong.text(arg, &format!("{at}.args[{index}]"));
    }
    // Its own name stands for arguments that are not given.
    if list(&hook["args"]).next().is_none() {
        wrong.text(path, &format!("{at}.args[0]"));
    }
    for (index, entry) in texts(&hook["env"]).iter().enumerate() {
        let bad = !entry.contains('=') || entry.starts_with('=') || entry.contains('\0');
        wrong.when(bad, format!("{at}.env[{index}]"));
    }
    let timeout = hook["timeout"].as_i64().unwrap_or(1);
    wrong.when(!(1..=0xffff_ffff).contains(&timeout), format!("{at}.timeout"));
}

/// The table of `core/src/landlock`.
fn is_rule(key: &str, value: &str) -> bool {
    let separator = if ["tcp.bind", "tcp.connect", "scope"].contains(&key) { ',' } else { ':' };
    let parts: Vec<&str> = match value.trim() {
        "" => Vec::new(),
        _ => value.split(separator).map(str::trim).collect(),
    };
    match key {
        "read-only" | "execute" | "read-write" => parts.iter().all(|path| path.starts_with('/')),
        "tcp.bind" | "tcp.connect" => parts.iter().all(|port| port.parse::<u16>().is_ok()),
        "scope" => {
            !parts.is_empty() && parts.iter().all(|name| ["signal", "abstract-unix-socket"].contains(name))
        }
        _ => false,
    }
}
