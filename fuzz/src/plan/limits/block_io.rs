//! Block devices.

use isolab_core::cgroup::{BlockIo, Rate};

use super::{Limit, limit};

pub(super) fn block_io(io: &BlockIo, v2: bool) -> Vec<Limit> {
    let mut all = Vec::new();
    // 10 to 1000 as 1 to 10000.
    let linear = |weight: u16| 1 + (u64::from(weight) - 10) * 9999 / 990;
    let mut put = |names: [&str; 2], value: String, path: String, instead: Option<[(&str, String); 2]>| {
        let (controller, file) = (["blkio", "io"][usize::from(v2)], names[usize::from(v2)].to_owned());
        let instead = instead.map(|both| {
            let (file, value) = both[usize::from(v2)].clone();
            (file.to_owned(), value)
        });
        if !file.is_empty() {
            all.push(Limit { instead, ..limit(controller, file, value, format!("blockIO.{path}")) });
        }
    };
    if let Some(weight) = io.weight {
        let instead = [("blkio.bfq.weight", weight.to_string()), ("io.weight", linear(weight).to_string())];
        put(["blkio.weight", "io.bfq.weight"], weight.to_string(), "weight".into(), Some(instead));
    }
    io.leaf_weight
        .into_iter()
        .for_each(|weight| put(["blkio.leaf_weight", ""], weight.to_string(), "leafWeight".into(), None));
    for one in &io.devices {
        let node = format!("{}:{}", one.device.major, one.device.minor);
        let path = |field: &str| format!("weightDevice[{}].{field}", one.index);
        if let Some(weight) = one.weight {
            let value = format!("{node} {weight}");
            let instead = [
                ("blkio.bfq.weight_device", value.clone()),
                ("io.weight", format!("{node} {}", linear(weight))),
            ];
            put(["blkio.weight_device", "io.bfq.weight"], value, path("weight"), Some(instead));
        }
        if let Some(weight) = one.leaf_weight {
            put(["blkio.leaf_weight_device", ""], format!("{node} {weight}"), path("leafWeight"), None);
        }
    }
    for one in &io.throttles {
        let (property, file, key) = match one.rate {
            Rate::ReadBytes => ("ReadBps", "read_bps", "rbps"),
            Rate::WriteBytes => ("WriteBps", "write_bps", "wbps"),
            Rate::Reads => ("ReadIOPS", "read_iops", "riops"),
            Rate::Writes => ("WriteIOPS", "write_iops", "wiops"),
        };
        let node = format!("{}:{}", one.device.major, one.device.minor);
        let file = format!("blkio.throttle.{file}_device");
        let value = match (v2, one.limit) {
            (true, 0) => format!("{node} {key}=max"),
            (true, limit) => format!("{node} {key}={limit}"),
            (false, limit) => format!("{node} {limit}"),
        };
        put([&file, "io.max"], value, format!("throttle{property}Device[{}]", one.index), None);
    }
    all
}
