//! Devices, and paths that are hidden or read-only.

use serde_json::Value;

use super::{Own, Wrong, list, text, texts};

pub(super) fn paths(spec: &Value, own: &Own, wrong: &mut Wrong) {
    let linux = &spec["linux"];
    for field in ["maskedPaths", "readonlyPaths", "devices"] {
        let some = list(&linux[field]).next().is_some();
        wrong.when(some && !own.has("mount"), format!("linux.{field}"));
    }
    for field in ["maskedPaths", "readonlyPaths"] {
        for (index, path) in texts(&linux[field]).iter().enumerate() {
            let at = format!("linux.{field}[{index}]");
            // The root itself would hide or freeze everything.
            wrong.when(
                path.starts_with('/') && path.split('/').all(|part| ["", ".", ".."].contains(&part)),
                &at,
            );
            wrong.inside(path, &at);
        }
    }
    for (index, device) in list(&linux["devices"]) {
        let at = |field: &str| format!("linux.devices[{index}].{field}");
        wrong.inside(text(&device["path"]), &at("path"));
        wrong.when(device["type"] == "a", at("type"));
        wrong.when(device["fileMode"].as_u64().is_some_and(|mode| mode > 0o7777), at("fileMode"));
        for field in ["major", "minor"] {
            let number = device[field].as_i64().unwrap_or(0);
            wrong.when(!(0..=0xffff_ffff).contains(&number), at(field));
        }
    }
}
