//! Block devices.

use super::Setting;
use crate::cgroup::resources::BlockIo;

/// A v1 weight (10 to 1000) as one of `io.weight` (1 to 10000): linear, as runc and crun have it.
fn io_weight(weight: u16) -> u64 {
    1 + u64::from(weight.saturating_sub(10)) * 9999 / 990
}

/// Which weight files there are depends on the kernel: CFQ's went with Linux 5.0, BFQ has its own, and `io.weight` is
/// that of the io.cost controller. BFQ comes first in v2, as for runc and crun.
pub(super) fn settings(block_io: &BlockIo, v2: bool, all: &mut Vec<Setting>) {
    if v2 { in_v2(block_io, all) } else { in_v1(block_io, all) }
}

fn in_v2(block_io: &BlockIo, all: &mut Vec<Setting>) {
    let new = |file: &str, value: String, path: String| Setting::new("io", file, value, &path);
    if let Some(weight) = block_io.weight {
        let setting = new("io.bfq.weight", weight.to_string(), "blockIO.weight".into());
        all.push(setting.or("io.weight", io_weight(weight)));
    }
    for entry in &block_io.devices {
        if let Some(weight) = entry.weight {
            let path = format!("blockIO.weightDevice[{}].weight", entry.index);
            let setting = new("io.bfq.weight", format!("{} {weight}", entry.device), path);
            all.push(setting.or("io.weight", format!("{} {}", entry.device, io_weight(weight))));
        }
    }
    for throttle in &block_io.throttles {
        let [property, _, key] = throttle.rate.names();
        // v1 takes 0 for no limit, which is refused here.
        let limit = if throttle.limit == 0 { "max".into() } else { throttle.limit.to_string() };
        let path = format!("blockIO.{property}[{}]", throttle.index);
        all.push(new("io.max", format!("{} {key}={limit}", throttle.device), path));
    }
}

fn in_v1(block_io: &BlockIo, all: &mut Vec<Setting>) {
    let new = |file: &str, value: String, path: String| Setting::new("blkio", file, value, &path);
    if let Some(weight) = block_io.weight {
        let setting = new("blkio.weight", weight.to_string(), "blockIO.weight".into());
        all.push(setting.or("blkio.bfq.weight", weight));
    }
    if let Some(weight) = block_io.leaf_weight {
        all.push(new("blkio.leaf_weight", weight.to_string(), "blockIO.leafWeight".into()));
    }
    for entry in &block_io.devices {
        let path = |field: &str| format!("blockIO.weightDevice[{}].{field}", entry.index);
        if let Some(weight) = entry.weight {
            let value = format!("{} {weight}", entry.device);
            let setting = new("blkio.weight_device", value.clone(), path("weight"));
            all.push(setting.or("blkio.bfq.weight_device", value));
        }
        if let Some(weight) = entry.leaf_weight {
            let value = format!("{} {weight}", entry.device);
            all.push(new("blkio.leaf_weight_device", value, path("leafWeight")));
        }
    }
    for throttle in &block_io.throttles {
        let [property, file, _] = throttle.rate.names();
        let path = format!("blockIO.{property}[{}]", throttle.index);
        all.push(new(file, format!("{} {}", throttle.device, throttle.limit), path));
    }
}
