//! Block devices: shares of their time, and rates.

use std::fmt;

use oci_spec::runtime::{LinuxResources, LinuxThrottleDevice};

use super::Refuse;

/// Shares and rates of block devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockIo {
    /// Relative share, 10 to 1000.
    pub weight: Option<u16>,
    /// The same against groups below this one; v1 only, and gone since Linux 5.0.
    pub leaf_weight: Option<u16>,
    /// The same for one device each.
    pub devices: Vec<Weight>,
    /// Rates, in the config's order.
    pub throttles: Vec<Throttle>,
}

/// Numbers of a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// A device's own weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    /// Where the config has it: the index in `weightDevice`.
    pub index: usize,
    /// The device.
    pub device: Device,
    /// 10 to 1000.
    pub weight: Option<u16>,
    /// 10 to 1000.
    pub leaf_weight: Option<u16>,
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Bytes read a second.
    ReadBytes,
    /// Bytes written a second.
    WriteBytes,
    /// Reads a second.
    Reads,
    /// Writes a second.
    Writes,
}

impl Rate {
    /// All, in the order in which they are set.
    pub const ALL: [Rate; 4] = [Rate::ReadBytes, Rate::WriteBytes, Rate::Reads, Rate::Writes];

    /// Its property in the config, its file of v1, its key in the `io.max` of v2.
    #[must_use]
    pub fn names(self) -> [&'static str; 3] {
        match self {
            Rate::ReadBytes => ["throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"],
            Rate::WriteBytes => ["throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"],
            Rate::Reads => ["throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"],
            Rate::Writes => ["throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"],
        }
    }
}

/// One device's rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    /// Where the config has it: the index in the rate's list.
    pub index: usize,
    /// What is counted.
    pub rate: Rate,
    /// The device.
    pub device: Device,
    /// How many a second; 0 is unlimited, as in v1's files.
    pub limit: u64,
}

pub(super) fn read(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> BlockIo {
    let Some(block_io) = resources.block_io() else { return BlockIo::default() };
    let mut read = BlockIo {
        weight: weight("weight", block_io.weight(), refuse),
        leaf_weight: weight("leafWeight", block_io.leaf_weight(), refuse),
        ..BlockIo::default()
    };
    for (index, entry) in block_io.weight_device().iter().flatten().enumerate() {
        let at = format!("weightDevice[{index}]");
        read.devices.push(Weight {
            index,
            device: device(&at, entry.major(), entry.minor(), refuse),
            weight: weight(&format!("{at}.weight"), entry.weight(), refuse),
            leaf_weight: weight(&format!("{at}.leafWeight"), entry.leaf_weight(), refuse),
        });
    }
    let rates: [&Option<Vec<LinuxThrottleDevice>>; 4] = [
        block_io.throttle_read_bps_device(),
        block_io.throttle_write_bps_device(),
        block_io.throttle_read_iops_device(),
        block_io.throttle_write_iops_device(),
    ];
    for (rate, list) in Rate::ALL.into_iter().zip(rates) {
        for (index, entry) in list.iter().flatten().enumerate() {
            let at = format!("{}[{index}]", rate.names()[0]);
            let device = device(&at, entry.major(), entry.minor(), refuse);
            read.throttles.push(Throttle { index, rate, device, limit: entry.rate() });
        }
    }
    read
}

/// 0 is not set, as for runc and crun.
fn weight(at: &str, weight: Option<u16>, refuse: &mut Refuse<'_>) -> Option<u16> {
    let weight = weight.filter(|weight| *weight != 0)?;
    if !(10..=1000).contains(&weight) {
        refuse.add(format_args!("blockIO.{at}"), format!("{weight} is not 10 to 1000"));
    }
    Some(weight)
}

fn device(at: &str, major: i64, minor: i64, refuse: &mut Refuse<'_>) -> Device {
    let mut number = |field: &str, value: i64| {
        u32::try_from(value).unwrap_or_else(|_| {
            refuse.add(format_args!("blockIO.{at}.{field}"), format!("{value} is no device number"));
            0
        })
    };
    Device { major: number("major", major), minor: number("minor", minor) }
}
