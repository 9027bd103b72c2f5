//! Properties of every valid config, on configs that are drawn.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod arbitrary;
mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Bundle, traces};
use isolab_core::config::{Config, Violations};
use isolab_core::host::Host;
use isolab_core::launch::{Exit, Options, launch};
use isolab_core::need;
use isolab_core::observe::{Enforced, Observation, compare};
use isolab_core::oci;
use isolab_core::plan::{Plan, order};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

fn read(config: &Value) -> Result<Config, Violations> {
    Config::new(&oci::parse(config.to_string().as_bytes()).unwrap(), Path::new("/bundle"), "c1")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compiling_twice_gives_the_same_plan(config in arbitrary::config()) {
        let host = Host::example();
        let config = read(&config).unwrap();
        prop_assert_eq!(Plan::compile(&config, &host).unwrap(), Plan::compile(&config, &host).unwrap());
    }

    #[test]
    fn every_plan_keeps_the_order(config in arbitrary::config()) {
        let plan = Plan::compile(&read(&config).unwrap(), &Host::example()).unwrap();
        for plan in [plan.clone(), plan.held(), plan.waiting(), plan.preserving(3).waiting()] {
            prop_assert_eq!(order::violations(&plan), Vec::<String>::new(), "{}", plan);
        }
    }

    #[test]
    fn a_config_that_is_written_is_read_again(config in arbitrary::config()) {
        let spec = oci::parse(config.to_string().as_bytes()).unwrap();
        let again = oci::parse(&serde_json::to_vec(&spec).unwrap()).unwrap();
        prop_assert_eq!(&spec, &again);
        let meant = |spec| Config::new(spec, Path::new("/bundle"), "c1").unwrap();
        prop_assert_eq!(meant(&spec), meant(&again));
    }

    #[test]
    fn all_mistakes_are_named_at_once(
        config in arbitrary::config(),
        mistakes in prop::collection::vec(arbitrary::mistake(), 1..5),
    ) {
        let mut config = config;
        let mut wanted = BTreeMap::new();
        for (pointer, value, path) in mistakes {
            put(&mut config, pointer, value);
            wanted.insert(pointer, path);
        }
        let Err(refused) = read(&config) else { panic!("accepted with {wanted:?}") };
        for path in wanted.values() {
            let named = refused.0.iter().any(|violation| violation.path == *path);
            prop_assert!(named, "{} is not named: {}", path, refused);
        }
    }
}

fn put(config: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = config.pointer_mut(pointer) {
        *place = value;
        return;
    }
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[key] = value;
}

/// How long drawn configs are launched.
const TIME: Duration = Duration::from_secs(5);

/// What a plan promises is what the kernel shows, and nothing is left.
#[test]
fn every_drawn_config_is_enforced() {
    if !need::met(&["root", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let host = Host::probe();
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let own = Observation::of(std::process::id().cast_signed(), &host.cgroups).unwrap();
    let mut runner = TestRunner::deterministic();
    let until = Instant::now() + TIME;
    let mut launched = 0;
    while Instant::now() < until {
        let mut bundle = Bundle::new();
        let path = bundle.config["linux"]["cgroupsPath"].clone();
        bundle.config = arbitrary::config().new_tree(&mut runner).unwrap().current();
        bundle.config["linux"]["cgroupsPath"] = path;
        if !host.has("time-namespace") {
            let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
            namespaces.retain(|entry| entry["type"] != "time");
            bundle.config["linux"].as_object_mut().unwrap().remove("timeOffsets");
        }
        // In a user namespace of its own every second time, with several extents.
        if launched % 2 == 1 && host.has("user-namespace") {
            let map = json!([
                {"containerID": 0, "hostID": 100_000, "size": 2},
                {"containerID": 2, "hostID": 200_000, "size": 1000},
            ]);
            bundle.config["linux"]["uidMappings"] = map.clone();
            bundle.config["linux"]["gidMappings"] = map;
            let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
            // A proc of its own takes a pid namespace of its own.
            namespaces.retain(|entry| entry["type"] != "pid");
            namespaces.extend([json!({"type": "pid"}), json!({"type": "user"})]);
            // The root file system is not its root's to write to, so that devices need a place of their own.
            let mounts = bundle.config["mounts"].as_array_mut().unwrap();
            if !mounts.iter().any(|mount| mount["destination"] == "/dev") {
                mounts.push(json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}));
            }
        }
        let text = &bundle.config;
        let before = traces(&host, &bundle);
        let config = bundle.config().unwrap();
        let plan = Plan::compile(&config, &host).unwrap();
        let options = Options { hold_at_exec: true, ..Options::new([null.as_fd(); 3]) };
        let mut container = launch(&plan, &options).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut seen = Observation::of(container.pid(), &host.cgroups).unwrap();
        seen.read_sysctls(container.pid(), &config);
        let enforced = compare(&config, &host, &own, &seen);
        assert_eq!(enforced, Enforced::Enforced, "{text}");
        container.release().unwrap();
        assert_eq!(container.wait(Some(Duration::from_secs(10))).unwrap(), Some(Exit::Code(0)), "{text}");
        container.remove().unwrap();
        assert_eq!(traces(&host, &bundle), before, "{text}");
        launched += 1;
    }
    assert!(launched >= 10, "only {launched} launches in {TIME:?}");
}
