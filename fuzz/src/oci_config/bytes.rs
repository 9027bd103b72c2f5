//! A config from bytes: refused with a place, or accepted, and then the same after printing and reading again.

use std::path::Path;

use isolab_core::config::{Config, Violations};
use isolab_core::host::Host;
use isolab_core::oci;
use isolab_core::plan::{Plan, order};

use crate::target::{Target, text};

/// See above.
pub const TARGET: Target =
    Target { name: "oci_config_bytes", holds: oci_config_bytes, show: text, live: false };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn oci_config_bytes(bytes: &[u8]) {
    let spec = match oci::parse(bytes) {
        Ok(spec) => spec,
        Err(oci::ReadError::Syntax { path, problem, .. }) => {
            assert!(
                !path.is_empty() && !problem.is_empty(),
                "a refusal without a place: {path:?} {problem:?}"
            );
            return;
        }
        Err(other) => panic!("bytes can only be wrong in their syntax: {other}"),
    };
    let printed =
        serde_json::to_vec(&spec).unwrap_or_else(|error| panic!("what was read can be printed: {error}"));
    let again = oci::parse(&printed).unwrap_or_else(|error| panic!("what was printed can be read: {error}"));
    assert_eq!(spec, again, "printing and reading is the identity");

    let meant = |spec| Config::new(spec, Path::new("/bundle"), "fuzz");
    match meant(&spec) {
        Err(Violations(all)) => {
            assert!(!all.is_empty(), "refused for no reason");
            for violation in &all {
                assert!(!violation.path.is_empty() && !violation.problem.is_empty(), "{violation:?}");
            }
            assert_eq!(meant(&again), Err(Violations(all)), "refusals are repeatable");
        }
        Ok(config) => plan(&config),
    }
}

/// An accepted config's plan is deterministic and in order.
fn plan(config: &Config) {
    let host = Host::example();
    let first = Plan::compile(config, &host);
    assert_eq!(first, Plan::compile(config, &host), "compiling is deterministic");
    match first {
        Ok(plan) => assert_eq!(order::violations(&plan), Vec::<String>::new()),
        Err(error) => assert!(!error.path.is_empty() && !error.remedy.is_empty(), "{error:?}"),
    }
}
