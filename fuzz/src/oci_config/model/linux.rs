//! What else is said of Linux.

use serde_json::Value;

use super::mounts;
use super::{Own, Wrong, list, numbers, text, texts};

pub(super) fn linux(spec: &Value, own: &Own, wrong: &mut Wrong) {
    let linux = &spec["linux"];
    wrong.when(linux.get("intelRdt").is_some(), "linux.intelRdt");
    const PROPAGATION: [&str; 9] =
        ["", "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"];
    wrong.when(!PROPAGATION.contains(&text(&linux["rootfsPropagation"])), "linux.rootfsPropagation");
    wrong.when(list(&linux["personality"]["flags"]).next().is_some(), "linux.personality.flags");
    let label = text(&linux["mountLabel"]);
    wrong.when(label.len() > 255 || label.contains('\0'), "linux.mountLabel");
    memory_policy(&linux["memoryPolicy"], wrong);
    cgroups_path(text(&linux["cgroupsPath"]), wrong);
    let root = &spec["root"];
    if root.is_null() {
        wrong.when(true, "root");
    } else {
        let path = text(&root["path"]);
        wrong.when(path.is_empty() || path.contains('\0'), "root.path");
    }
    wrong.when(root["readonly"] == true && !own.has("mount"), "root.readonly");
    mounts::overlay(spec, wrong);
}

/// `set_mempolicy(2)`
fn memory_policy(policy: &Value, wrong: &mut Wrong) {
    if policy.is_null() {
        return;
    }
    let (mode, nodes) = (text(&policy["mode"]), text(&policy["nodes"]));
    let none = nodes.trim().is_empty();
    let right = match mode {
        "MPOL_DEFAULT" | "MPOL_LOCAL" => none,
        "MPOL_PREFERRED" => true,
        _ => !none,
    };
    wrong.when(!right || numbers(nodes).is_none(), "linux.memoryPolicy.nodes");
    let flags = texts(&policy["flags"]);
    let has = |name: &str| flags.contains(&name);
    let (fixed, relative) = (has("MPOL_F_STATIC_NODES"), has("MPOL_F_RELATIVE_NODES"));
    let balances = has("MPOL_F_NUMA_BALANCING") && !["MPOL_BIND", "MPOL_PREFERRED_MANY"].contains(&mode);
    let bad = fixed && relative || (fixed || relative) && none || balances;
    wrong.when(bad, "linux.memoryPolicy.flags");
}

/// A path below the root of a hierarchy. Empty is not given.
fn cgroups_path(path: &str, wrong: &mut Wrong) {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    let long = names.iter().any(|name| name.len() > 255);
    let bad = names.iter().all(|name| *name == "..")
        || names.contains(&"..")
        || path.contains(['\n', '\0'])
        || long;
    wrong.when(!path.is_empty() && bad, "linux.cgroupsPath");
}
