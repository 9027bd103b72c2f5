//! `spec`: a config.json to begin with.

use std::fs::File;
use std::io::Write;

use isolab_core::oci;
use isolab_core::sys::credential;
use serde_json::{Value, json};

use crate::arguments::Spec;
use crate::failure::Failure;

/// The full form, for root.
const TEMPLATE: &str = include_str!("spec.json");

pub(crate) fn spec(given: &Spec) -> Result<(), Failure> {
    let path = given.bundle.join("config.json");
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(format!("{} exists already; remove it first", path.display()))
        }
        _ => Failure::context(&path.display().to_string(), error),
    };
    let config = template(given.rootless)?;
    let text = serde_json::to_string_pretty(&config).map_err(|error| Failure::context("JSON", error))?;
    let mut file = File::create_new(&path).map_err(failed)?;
    file.write_all(format!("{text}\n").as_bytes()).map_err(failed)
}

fn template(rootless: bool) -> Result<Value, Failure> {
    let mut config: Value =
        serde_json::from_str(TEMPLATE).map_err(|error| Failure::context("spec.json", error))?;
    config["ociVersion"] = json!(oci::VERSIONS[1]);
    if rootless {
        make_rootless(&mut config);
    }
    Ok(config)
}

/// What a user may do without privileges: a user namespace in which its own id is root, and the host's network and
/// groups.
fn make_rootless(config: &mut Value) {
    let map = |id: u32| json!([{"containerID": 0, "hostID": id, "size": 1}]);
    let linux = &mut config["linux"];
    linux["uidMappings"] = map(credential::uid());
    linux["gidMappings"] = map(credential::gid());
    if let Some(linux) = linux.as_object_mut() {
        linux.remove("resources");
    }
    if let Some(namespaces) = linux["namespaces"].as_array_mut() {
        namespaces
            .retain(|namespace| !["network", "cgroup"].map(|kind| json!(kind)).contains(&namespace["type"]));
        namespaces.push(json!({"type": "user"}));
    }
    let Some(mounts) = config["mounts"].as_array_mut() else { return };
    mounts.retain(|mount| mount["destination"] != "/sys/fs/cgroup");
    for mount in mounts {
        // sysfs belongs to the network namespace, which is the host's: the host's own is bound.
        if mount["destination"] == "/sys" {
            *mount = json!({"destination": "/sys", "type": "none", "source": "/sys",
                            "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]});
        }
        // No group but its own is mapped.
        if let Some(options) = mount["options"].as_array_mut() {
            options.retain(|option| option != "gid=5");
        }
    }
}
