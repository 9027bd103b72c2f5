//! What is probed for a config is enough for it.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use common::full;
use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::oci;
use isolab_core::plan::Plan;
use serde_json::{Value, json};

/// Puts a value at a place in the full config.
fn with(pointer: &str, value: Value) -> Value {
    let mut config = full();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[name] = value;
    config
}

fn with_first_mount(mount: Value) -> Value {
    let mut config = full();
    config["mounts"].as_array_mut().unwrap().insert(0, mount);
    config
}

fn with_namespace(kind: &str) -> Value {
    let mut config = full();
    config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({"type": kind}));
    if kind == "user" {
        for map in ["uidMappings", "gidMappings"] {
            config["linux"][map] = json!([{"containerID": 0, "hostID": 0, "size": 100_000}]);
        }
    }
    config
}

#[test]
fn a_plan_is_the_same_with_all_that_is_probed() {
    let all = Host::probe();
    let configs = [
        full(),
        with_namespace("user"),
        with_namespace("time"),
        with_first_mount(json!({"destination": "/", "type": "overlay", "options": ["lowerdir=/a:/b"]})),
        with("/mounts/1/options", json!(["rro", "rnosuid"])),
        with("/linux/mountLabel", json!("system_u:object_r:container_file_t:s0")),
        with("/process/selinuxLabel", json!("system_u:system_r:container_t:s0")),
        with("/process/apparmorProfile", json!("unconfined")),
        with("/linux/rootfsPropagation", json!("slave")),
    ];
    for config in configs {
        let spec = oci::parse(config.to_string().as_bytes()).unwrap();
        let config = match Config::new(&spec, std::path::Path::new("/bundle"), "c1") {
            Ok(config) => config,
            Err(violations) => panic!("{violations}"),
        };
        let some = Host::probe_for(&config);
        let read = |host: &Host| (host.lsms.clone(), host.cgroups.clone(), host.last_capability, host.uid);
        assert_eq!(read(&some), read(&all));
        assert!(some.features.len() < all.features.len(), "everything was probed");
        assert_eq!(Plan::compile(&config, &some), Plan::compile(&config, &all), "{config:?}");
    }
}
