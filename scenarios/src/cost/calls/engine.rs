//! The default seccomp profile of podman's packages, resolved as an engine resolves it into the config that it hands to
//! a launcher: entries for other architectures and capabilities left out, `archMap` turned into a list. core's tests
//! include this file.

use std::io;

use oci_spec::runtime::LinuxSeccomp;
use serde_json::{Value, json};

/// Where Debian's golang-github-containers-common has it.
pub const PROFILE: &str = "/usr/share/containers/seccomp.json";

/// How to get it.
pub const REMEDY: &str = "apt-get install golang-github-containers-common";

/// What podman grants by default.
pub const CAPABILITIES: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// The profile for a container with these capabilities.
///
/// # Errors
/// When it is not there, or is not such a profile.
pub fn profile(capabilities: &[&str]) -> io::Result<LinuxSeccomp> {
    let written: Value = serde_json::from_str(&std::fs::read_to_string(PROFILE)?)?;
    let native = if cfg!(target_arch = "x86_64") { "SCMP_ARCH_X86_64" } else { "SCMP_ARCH_AARCH64" };
    let go = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let has = |list: &Value, wanted: &[&str]| {
        all(list).iter().any(|name| wanted.iter().any(|wanted| name == wanted))
    };
    let applies = |entry: &&Value| {
        let (includes, excludes) = (&entry["includes"], &entry["excludes"]);
        let arch = all(&includes["arches"]).is_empty() || has(&includes["arches"], &[go]);
        let caps = all(&includes["caps"]).iter().all(|cap| capabilities.iter().any(|held| cap == held));
        arch && caps && !has(&excludes["arches"], &[go]) && !has(&excludes["caps"], capabilities)
    };
    let map = all(&written["archMap"]);
    let others = map.iter().find(|entry| entry["architecture"] == native);
    let others = others.map(|entry| all(&entry["subArchitectures"])).unwrap_or_default();
    let architectures: Vec<_> = [json!(native)].into_iter().chain(others).collect();
    let entries = all(&written["syscalls"]);
    let syscalls: Vec<_> = entries
        .iter()
        .filter(applies)
        .map(|entry| {
            let mut kept = json!({ "names": entry["names"], "action": entry["action"] });
            // An errno stands beside the actions that take one, in the file for all of them.
            if entry["action"] == "SCMP_ACT_ERRNO" {
                kept["errnoRet"] = entry["errnoRet"].clone();
            }
            if !all(&entry["args"]).is_empty() {
                kept["args"] = entry["args"].clone();
            }
            kept
        })
        .collect();
    let profile = json!({
        "defaultAction": written["defaultAction"], "defaultErrnoRet": written["defaultErrnoRet"],
        "architectures": architectures, "syscalls": syscalls,
    });
    Ok(serde_json::from_value(profile)?)
}
