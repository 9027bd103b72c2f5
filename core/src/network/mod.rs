//! The network of a container: its loopback link, and links of the host that are moved into it (`linux.netDevices`,
//! runtime-spec 1.3).
//!
//! A new network namespace has a loopback link that is down; it is brought up, as runc and crun do. A device that is
//! moved keeps its permanent, global addresses and is brought up; its routes stay behind. When the container ends the kernel
//! gives physical devices back to the host's namespace and destroys virtual ones.
//!
//! [`Connection`] is what scenarios make veth pairs and bridges with.

#[cfg(feature = "launch")]
mod connection;
#[cfg(feature = "launch")]
pub(crate) mod message;
#[cfg(feature = "launch")]
pub(crate) mod perform;
#[cfg(feature = "launch")]
mod watch;

use std::ffi::CString;
use std::fmt;

#[cfg(feature = "launch")]
pub use connection::{Address, Connection, Link, in_namespace};
#[cfg(feature = "launch")]
pub use watch::Watch;

use crate::config::{Config, Reader};
use crate::host::Host;
use crate::namespace::{Kind, Namespaces};
use crate::plan::{self, PlanError, Side, Step};

/// Longest name of a link, without its NUL (`IFNAMSIZ`).
const LONGEST_NAME: usize = 15;

/// A link of the host that the container is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// Its name on the host.
    pub host: CString,
    /// Its name in the container.
    pub name: CString,
}

/// One operation on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Brings up the loopback link.
    LoopbackUp,
    /// The parent moves a device into the child's network namespace.
    MoveDevice(Device),
}

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        Kind::Network.primitive()
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::LoopbackUp => write!(f, "bring up lo"),
            Op::MoveDevice(Device { host, name }) => {
                write!(f, "move the network device {} to CHILD's network namespace", host.to_string_lossy())?;
                if host == name { Ok(()) } else { write!(f, " as {}", name.to_string_lossy()) }
            }
        }
    }
}

/// The operations that follow those on namespaces: by then the child is in its network namespace.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let mut push = |side, op| steps.push(Step::new(side, plan::Op::Network(op)));
    if config.namespaces.makes(Kind::Network) {
        push(Side::Child, Op::LoopbackUp);
    }
    if config.net_devices.is_empty() {
        return Ok(());
    }
    if host.uid != 0 {
        let problem = format!("user {} may not move devices of the host", host.uid);
        return Err(PlanError::new("linux.netDevices", problem, "run as root, or leave it out"));
    }
    for device in &config.net_devices {
        push(Side::Parent, Op::MoveDevice(device.clone()));
    }
    Ok(())
}

/// `linux.netDevices`, by name.
pub(crate) fn read(reader: &mut Reader<'_>, namespaces: &Namespaces) -> Vec<Device> {
    const AT: &str = "linux.netDevices";
    let Some(listed) = reader.linux().and_then(|linux| linux.net_devices().as_ref()) else {
        return Vec::new();
    };
    if !listed.is_empty() && !namespaces.separates(Kind::Network) {
        reader.refuse(
            AT,
            "needs a network namespace in linux.namespaces, or the devices are the container's already",
        );
    }
    let mut listed: Vec<_> = listed.iter().collect();
    listed.sort_by_key(|(host, _)| *host);
    let mut devices: Vec<Device> = Vec::new();
    for (host, device) in listed {
        let at = format!("{AT}.{host}");
        let name = device.name().as_ref().filter(|name| !name.is_empty()).unwrap_or(host);
        check_name(reader, &at, host);
        if name != host {
            check_name(reader, &format!("{at}.name"), name);
        }
        let device = Device { host: reader.text(&at, host), name: reader.text(&at, name) };
        if devices.iter().any(|other| other.name == device.name) {
            reader.refuse(format!("{at}.name"), format!("{name:?} is the name of two devices"));
        }
        devices.push(device);
    }
    devices
}

/// What the kernel takes as a link's name (`dev_valid_name`).
fn check_name(reader: &mut Reader<'_>, at: &str, name: &str) {
    let strange = name.is_empty()
        || name.len() > LONGEST_NAME
        || name == "."
        || name == ".."
        || name.bytes().any(|byte| byte == b'/' || byte == b':' || byte.is_ascii_whitespace());
    if strange {
        let problem =
            format!("{name:?} is no name of a network device: 1 to {LONGEST_NAME} bytes, no / : or space");
        reader.refuse(at, problem);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::oci;
    use crate::plan::Plan;

    fn config(devices: &Value, network: bool) -> Result<Config, crate::config::Violations> {
        let mut config: Value =
            serde_json::from_slice(include_bytes!("../../tests/configs/full.json")).unwrap();
        config["linux"]["netDevices"] = devices.clone();
        if !network {
            config["linux"]["namespaces"].as_array_mut().unwrap().retain(|entry| entry["type"] != "network");
        }
        Config::new(&oci::parse(config.to_string().as_bytes()).unwrap(), Path::new("/bundle"), "c1")
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let devices = json!({"a/b": {}, "eth0": {"name": "x"}, "eth1": {"name": "x"}, "eth2": {"name": ".."},
            "much-too-long-name": {}});
        let text = config(&devices, false).unwrap_err().to_string();
        for place in
            ["netDevices: needs", "a/b: ", "eth1.name: \"x\" is the name of two", "eth2.name: ", "much-too-"]
        {
            assert!(
                text.contains(&format!(
                    "linux.netDevices{}",
                    place.strip_prefix("netDevices").map_or(format!(".{place}"), str::to_owned)
                )),
                "{place} not in {text}"
            );
        }
    }

    #[test]
    fn devices_are_moved_in_order_once_the_loopback_link_is_up() {
        let devices = json!({"eth1": {}, "eth0": {"name": "net0"}});
        let config = config(&devices, true).unwrap();
        let plan = Plan::compile(&config, &Host::example()).unwrap();
        let lines: Vec<String> = plan.steps().iter().map(ToString::to_string).collect();
        let at = |line: &str| {
            lines.iter().position(|other| other == line).unwrap_or_else(|| panic!("{line}: {lines:?}"))
        };
        let first = at("move the network device eth0 to CHILD's network namespace as net0");
        assert_eq!(at("move the network device eth1 to CHILD's network namespace"), first + 1);
        assert_eq!(at("bring up lo") + 1, first);
        let mut host = Host::example();
        host.uid = 1000;
        host.gid = 1000;
        let refused = Plan::compile(&config, &host).unwrap_err();
        assert!(!refused.to_string().is_empty());
    }
}
