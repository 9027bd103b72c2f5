//! What the spec requires and the crate's types fill in with 0: a `hostID` that is misspelt would be the host's root.
//!
//! A document that the types could read is read once more, for these alone.

#![expect(dead_code, reason = "fields are there to be missed")]

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// Whether all of them are there.
///
/// # Errors
/// For the first that is not, at the end of what it is missing in.
pub(super) fn check(document: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<Document>(document).map(drop)
}

type Maybe<T> = Option<Vec<T>>;

#[derive(Deserialize)]
struct Document {
    process: Option<Process>,
    mounts: Maybe<Mapped>,
    linux: Option<Linux>,
}

#[derive(Deserialize)]
struct Process {
    user: Option<User>,
    rlimits: Maybe<Limit>,
}

#[derive(Deserialize)]
struct User {
    uid: IgnoredAny,
    gid: IgnoredAny,
}

#[derive(Deserialize)]
struct Limit {
    soft: IgnoredAny,
    hard: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mapped {
    uid_mappings: Maybe<Ids>,
    gid_mappings: Maybe<Ids>,
}

#[derive(Deserialize)]
struct Ids {
    #[serde(rename = "containerID")]
    container: IgnoredAny,
    #[serde(rename = "hostID")]
    host: IgnoredAny,
    size: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Linux {
    uid_mappings: Maybe<Ids>,
    gid_mappings: Maybe<Ids>,
    devices: Maybe<Device>,
    resources: Option<Resources>,
}

/// A FIFO has no numbers.
struct Device;

impl<'de> Deserialize<'de> for Device {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Device, D::Error> {
        deserializer.deserialize_map(Device)
    }
}

impl<'de> Visitor<'de> for Device {
    type Value = Device;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a device")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Device, A::Error> {
        let (mut fifo, mut there) = (false, Vec::new());
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "type" => fifo = object.next_value::<String>()? == "p",
                _ => drop(object.next_value::<IgnoredAny>()?),
            }
            there.push(key);
        }
        let missing = |name: &&&str| !fifo && !there.iter().any(|key| key == **name);
        ["major", "minor"].iter().find(missing).map_or(Ok(Device), |name| Err(Error::missing_field(name)))
    }
}

#[derive(Deserialize)]
struct Numbers {
    major: IgnoredAny,
    minor: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    devices: Maybe<Rule>,
    #[serde(rename = "blockIO")]
    block_io: Option<BlockIo>,
    hugepage_limits: Maybe<Pages>,
    network: Option<Network>,
}

#[derive(Deserialize)]
struct Rule {
    allow: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockIo {
    weight_device: Maybe<Numbers>,
    throttle_read_bps_device: Maybe<Rate>,
    throttle_write_bps_device: Maybe<Rate>,
    #[serde(rename = "throttleReadIOPSDevice")]
    throttle_read_iops_device: Maybe<Rate>,
    #[serde(rename = "throttleWriteIOPSDevice")]
    throttle_write_iops_device: Maybe<Rate>,
}

#[derive(Deserialize)]
struct Rate {
    major: IgnoredAny,
    minor: IgnoredAny,
    rate: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pages {
    page_size: IgnoredAny,
    limit: IgnoredAny,
}

#[derive(Deserialize)]
struct Network {
    priorities: Maybe<Priority>,
}

#[derive(Deserialize)]
struct Priority {
    name: IgnoredAny,
    priority: IgnoredAny,
}
