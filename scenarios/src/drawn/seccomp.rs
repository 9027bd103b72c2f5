//! System call filters: a list of what is refused, or a list of what is allowed.

use arbitrary::Result;
use serde_json::{Value, json};

use super::draw::Draw;

/// Calls that a launch and its exec do not need.
const REFUSED: [&str; 10] =
    ["keyctl", "bpf", "mount", "swapon", "acct", "reboot", "ptrace", "unshare", "socket", "no_such_call"];

/// As [`refusing`], and the less usual forms: arguments, flags, other ABIs, a listener.
pub(super) fn any(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut profile = refusing(draw)?;
    if draw.coin()? {
        profile["syscalls"] = json!(draw.list(5, entry)?);
    }
    if draw.coin()? {
        profile["defaultAction"] =
            json!(draw.pick(&["SCMP_ACT_ERRNO", "SCMP_ACT_LOG", "SCMP_ACT_KILL", "SCMP_ACT_TRACE"])?);
    }
    draw.perhaps(&mut profile, "architectures", |draw| {
        Ok(json!(draw.some_of(&[
            "SCMP_ARCH_X86_64",
            "SCMP_ARCH_X86",
            "SCMP_ARCH_X32",
            "SCMP_ARCH_AARCH64"
        ])?))
    })?;
    draw.perhaps(&mut profile, "flags", |draw| {
        Ok(json!(draw.some_of(&["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"])?))
    })?;
    if draw.one_in(8)? {
        profile["listenerPath"] = json!("/run/agent.sock");
        profile["syscalls"] = json!([{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]);
    }
    Ok(profile)
}

fn entry(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut names = draw.some_of(&REFUSED)?;
    names.push("getpid");
    let action = draw.pick(&[
        "SCMP_ACT_ERRNO",
        "SCMP_ACT_ALLOW",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_TRAP",
        "SCMP_ACT_LOG",
    ])?;
    let mut entry = json!({"names": names, "action": action});
    if action == "SCMP_ACT_ERRNO" {
        entry["errnoRet"] = json!(draw.edge(0, 4095)?);
    }
    draw.perhaps(&mut entry, "args", |draw| {
        Ok(json!(draw.list(3, |draw| {
            let op = draw.pick(&[
                "SCMP_CMP_EQ",
                "SCMP_CMP_NE",
                "SCMP_CMP_LT",
                "SCMP_CMP_GE",
                "SCMP_CMP_MASKED_EQ",
            ])?;
            let value = draw.pick(&[0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX])?;
            Ok(json!({"index": draw.number(0, 5)?, "value": value, "valueTwo": 1, "op": op}))
        })?))
    })?;
    Ok(entry)
}

/// Everything but a few calls.
pub(super) fn refusing(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut names = draw.some_of(&REFUSED)?;
    names.push("kexec_load");
    Ok(json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": draw.number(1, 133)?}],
    }))
}

/// Nothing but what the base profile allows, which programs need.
pub(super) fn allowing(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut profile: Value = serde_json::from_str(include_str!("../../catalog/profiles/base.json"))
        .map_err(|_| arbitrary::Error::IncorrectFormat)?;
    profile["defaultErrnoRet"] = json!(draw.pick(&[38, 1, 133])?);
    Ok(profile)
}
