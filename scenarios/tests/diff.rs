//! `isolab diff` on real launchers.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use isolab_core::host::Host;
use isolab_core::need;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::diff::{self, Comparison};
use isolab_scenarios::launcher;
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::scratch::Scratch;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_isolab");

/// A bundle whose program is never run.
fn bundle(change: impl FnOnce(&mut Value)) -> Scratch {
    let scratch = Scratch::new().unwrap();
    fs::create_dir_all(scratch.path().join("rootfs/bin")).unwrap();
    fs::write(scratch.path().join("rootfs/bin/sh"), "").unwrap();
    let namespaces = ["pid", "mount", "ipc", "uts", "network"].map(|kind| json!({"type": kind}));
    let mut config = json!({
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["sh"], "cwd": "/", "env": ["PATH=/bin"], "noNewPrivileges": true},
        "root": {"path": "rootfs", "readonly": true},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}],
        "linux": {"namespaces": namespaces},
    });
    change(&mut config);
    fs::write(scratch.path().join("config.json"), config.to_string()).unwrap();
    scratch
}

fn compared(names: &[&str], bundle: &Scratch) -> Comparison {
    let host = Host::probe();
    let launchers: Vec<_> = names.iter().map(|name| launcher::named(name, &host).unwrap()).collect();
    diff::run(bundle.path(), &launchers, (Path::new(PROGRAM), &host), &Quiet, &Cancel::new()).unwrap()
}

#[test]
fn what_launchers_make_of_one_config_is_told_with_what_the_spec_says() {
    if !need::met(&["root", "runc", "crun"]) {
        return;
    }
    let bundle = bundle(|_| {});
    let found = compared(&["core", "runc", "crun"], &bundle);
    assert_eq!((found.launchers.len(), found.refused.len()), (3, 0), "{:?}", found.refused);
    assert!(found.same > 40, "{}", found.same);
    let home = found.differences.iter().find(|one| one.fact == "env HOME").unwrap();
    assert_eq!(home.values, [None, Some("/".to_owned()), Some("/".to_owned())]);
    assert!(home.says.is_some() && home.source.is_some());
    // Mount points are made in an overlay above it.
    let left: Vec<_> =
        fs::read_dir(bundle.path().join("rootfs")).unwrap().flatten().map(|one| one.file_name()).collect();
    assert_eq!(left, ["bin"]);
}

#[test]
fn a_launcher_does_not_differ_from_itself() {
    if !need::met(&["root"]) {
        return;
    }
    let found = compared(&["core", "core"], &bundle(|_| {}));
    assert!(found.differences.is_empty(), "{:?}", found.differences);
}

/// What one refuses is no difference.
#[test]
fn who_refuses_a_config_is_told_and_not_compared() {
    if !need::met(&["root", "crun"]) {
        return;
    }
    let bundle = bundle(|config| config["process"]["cwd"] = json!("tmp"));
    let found = compared(&["core", "crun"], &bundle);
    assert!(found.refused["core"].contains("process.cwd"), "{:?}", found.refused);
}
