//! The corpus, replayed on stable.

use std::path::Path;

use isolab_fuzz::oci_config::oci_config;
use isolab_fuzz::replay_path;
use isolab_fuzz::seccomp::seccomp;

fn corpus(target: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

#[test]
fn oci_config_holds_for_the_corpus() {
    assert!(replay_path(oci_config, &corpus("oci_config")) >= 4);
}

/// Every prefix of a real config, and every config with one byte changed: cheap, and always run.
#[test]
fn oci_config_holds_for_damaged_configs() {
    let config = std::fs::read(corpus("oci_config").join("full.json")).unwrap();
    for end in 0..config.len() {
        oci_config(&config[..end]);
    }
    for at in 0..config.len() {
        for byte in [0, b'"', b'-', b'9', 0xff] {
            let mut damaged = config.clone();
            damaged[at] = byte;
            oci_config(&damaged);
        }
    }
}

#[test]
fn seccomp_holds_for_the_corpus_and_damaged_profiles() {
    assert!(replay_path(seccomp, &corpus("seccomp")) >= 2);
    let profile = std::fs::read(corpus("seccomp").join("actions.json")).unwrap();
    for at in 0..profile.len() {
        for byte in [b'"', b'9', b'0'] {
            let mut damaged = profile.clone();
            damaged[at] = byte;
            seccomp(&damaged);
        }
    }
}

/// A property that panics is seen by the replay, with the input's name.
#[test]
fn a_broken_property_is_seen() {
    fn broken(bytes: &[u8]) {
        assert!(bytes.is_empty(), "planted");
    }
    let seen = std::panic::catch_unwind(|| replay_path(broken, &corpus("oci_config")));
    let message = seen.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("does not hold for") && message.contains(".json"), "{message}");
}
