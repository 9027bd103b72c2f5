//! Each planted mistake is found by the input that `fuzz/canaries --keep` kept of it, and by nothing but it.
//!
//! `cargo test -p isolab-fuzz --features planted`. A process makes one mistake at most, so this program runs itself for each.

#![cfg(feature = "planted")]
// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isolab_core::planted::{ALL, Mistake};
use isolab_fuzz::replay::replay;
use isolab_fuzz::{TARGETS, Target};

/// Names the input that the process of a mistake is to replay.
const INPUT: &str = "ISOLAB_PLANTED_INPUT";

fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target {name}"))
}

fn kept(mistake: &Mistake) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("planted").join(mistake.target).join(mistake.name)
}

/// Replays the kept input in a process that makes the mistake, or none.
fn run(mistake: &Mistake, planted: bool) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "one_input", "--nocapture"])
        .env(INPUT, kept(mistake))
        .env("RUST_BACKTRACE", "0");
    command.env_remove("ISOLAB_PLANTED");
    if planted {
        command.env("ISOLAB_PLANTED", mistake.name);
    }
    command.output().unwrap()
}

/// Not a test of its own: what a process of the others does.
#[test]
fn one_input() {
    let Some(input) = std::env::var_os(INPUT) else { return };
    let input = Path::new(&input);
    let name = input.parent().and_then(Path::file_name).unwrap().to_str().unwrap();
    assert_eq!(replay(target(name), input), 1);
}

#[test]
fn every_mistake_is_found_by_its_input() {
    let mut wrong = Vec::new();
    for mistake in ALL {
        let Mistake { target: name, name: planted, .. } = mistake;
        if target(name).live && isolab_core::sys::credential::uid() != 0 {
            eprintln!("not run: {planted} of {name} needs root");
            continue;
        }
        if !kept(mistake).exists() {
            wrong.push(format!("{planted}: no input is kept; fuzz/canaries {name} --keep finds one"));
            continue;
        }
        let (with, without) = (run(mistake, true), run(mistake, false));
        if with.status.success() {
            wrong.push(format!("{planted}: {name} does not find it with the kept input"));
        }
        if !without.status.success() {
            let said = String::from_utf8_lossy(&without.stderr).into_owned();
            wrong.push(format!("{planted}: the kept input of {name} fails without it too: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mistake_is_of_a_target_and_named_once() {
    for (index, mistake) in ALL.iter().enumerate() {
        target(mistake.target);
        assert!(ALL[..index].iter().all(|other| other.name != mistake.name), "{} twice", mistake.name);
        let plain = mistake
            .name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(plain && !mistake.what.is_empty(), "{mistake:?}");
    }
}
