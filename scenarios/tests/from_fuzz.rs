//! `isolab run --from-fuzz`, as a user meets it.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isolab_core::need;
use isolab_scenarios::fuzzed::puppet;
use isolab_scenarios::scratch::Scratch;
use serde_json::{Value, json};

fn isolab(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isolab")).arg("run").args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The inputs that are kept for the target.
fn kept() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/launch_config");
    let mut kept: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    kept
}

fn ready() -> bool {
    need::met(&["root"]) && puppet::is_there()
}

#[test]
fn a_kept_input_is_shown_launched_and_timed() {
    if !ready() {
        return;
    }
    let file = kept().remove(0);
    let done = isolab(&["--from-fuzz", file.to_str().unwrap(), "--launcher", "core", "--bench"]);
    let told = text(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{told}{}", text(&done.stderr));
    for part in ["\"ociVersion\"", "the workload does", "core: as asked", "core: 50 launches"] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
}

#[test]
fn a_config_is_compared_between_launchers() {
    if !ready() || !need::met(&["runc"]) {
        return;
    }
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("config.json");
    let namespaces = ["mount", "pid", "uts"].map(|kind| json!({"type": kind}));
    let config = json!({"ociVersion": "1.0.2", "root": {"path": "rootfs"},
        "process": {"args": ["x"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": namespaces}});
    std::fs::write(&file, config.to_string()).unwrap();
    let done = isolab(&["--from-fuzz", file.to_str().unwrap(), "--launcher", "core,runc", "--json"]);
    let told: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", text(&done.stderr)));
    let found = told["replay"]["found"].as_array().unwrap();
    assert_eq!((found.len(), found[0]["missing"].as_array().unwrap().len()), (2, 0), "{told:#}");
    // runc adds HOME, which the spec does not ask for.
    assert_eq!(done.status.code(), Some(1));
    let differences = told["replay"]["between"]["differences"].as_array().unwrap();
    assert!(differences.iter().any(|one| one["fact"] == "env HOME"), "{told:#}");
}

#[test]
fn what_is_no_input_is_wrong_usage() {
    let scratch = Scratch::new().unwrap();
    let file = scratch.path().join("config.json");
    std::fs::write(&file, "{").unwrap();
    let path = file.to_str().unwrap();
    for (words, part) in [
        (vec!["--from-fuzz", path], "no config"),
        (vec!["--from-fuzz", "/none"], "/none"),
        (vec!["--from-fuzz", path, "a-scenario"], "cannot be used"),
        (vec!["--bench", "a-scenario"], "cannot be used"),
        (vec!["--bench"], "--from-fuzz"),
        (vec![], "required"),
    ] {
        let done = isolab(&words);
        assert_eq!(done.status.code(), Some(2), "{words:?}");
        assert!(text(&done.stderr).contains(part), "{words:?}: {}", text(&done.stderr));
    }
}
