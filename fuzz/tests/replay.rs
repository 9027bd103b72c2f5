//! The corpus and what was once found, replayed on stable.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use isolab_fuzz::replay::replay;
use isolab_fuzz::{TARGETS, Target, oci_config, seccomp_profile};

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target)
}

fn replayed(live: bool) {
    for target in TARGETS.iter().filter(|target| target.live == live) {
        assert!(replay(target, &folder("corpus", target.name)) > 0, "{} has no corpus", target.name);
        let found = folder("regressions", target.name);
        if found.exists() {
            replay(target, &found);
        }
    }
}

#[test]
fn pure_targets_hold_for_their_corpora() {
    replayed(false);
}

#[test]
fn live_targets_hold_for_their_corpora() {
    replayed(true);
}

/// Each target has a program of its name.
#[test]
fn every_target_is_a_program() {
    let manifest = include_str!("../Cargo.toml");
    for target in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{}.rs\"", target.name)), "{}", target.name);
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}

/// Every prefix of a real config, and every config with one byte changed: cheap, and always run.
#[test]
fn oci_config_holds_for_damaged_configs() {
    let config = std::fs::read(folder("corpus", "oci_config_bytes").join("full.json")).unwrap();
    let holds = oci_config::bytes::TARGET.holds;
    for end in 0..config.len() {
        holds(&config[..end]);
    }
    damaged(&config, &[0, b'"', b'-', b'9', 0xff], holds);
}

#[test]
fn seccomp_holds_for_damaged_profiles() {
    let profile = std::fs::read(folder("corpus", "seccomp_profile_bytes").join("actions.json")).unwrap();
    damaged(&profile, b"\"90", seccomp_profile::bytes::TARGET.holds);
}

fn damaged(bytes: &[u8], with: &[u8], holds: fn(&[u8])) {
    let mut damaged = bytes.to_vec();
    for at in 0..bytes.len() {
        for byte in with {
            damaged[at] = *byte;
            holds(&damaged);
        }
        damaged[at] = bytes[at];
    }
}

/// A property that panics is seen by the replay, with the input's name.
#[test]
fn a_broken_property_is_seen() {
    const BROKEN: Target = Target {
        name: "broken",
        holds: |bytes| assert!(bytes.is_empty(), "planted"),
        show: isolab_fuzz::target::text,
        live: false,
    };
    let seen = std::panic::catch_unwind(|| replay(&BROKEN, &folder("corpus", "oci_config_bytes")));
    let message = seen.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("broken does not hold for") && message.contains(".json"), "{message}");
}
