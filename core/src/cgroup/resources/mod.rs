//! What a group limits, in the runtime-spec's units.

mod block_io;
mod cpu;
mod memory;
mod other;

use std::collections::BTreeMap;

use oci_spec::runtime::LinuxResources;

use super::devices::{self, DeviceRule};
use crate::config::{Reader, Violation, Violations};

pub use block_io::{BlockIo, Device, Rate, Throttle, Weight};
pub use cpu::Cpu;
pub use memory::Memory;
pub use other::{HugePages, Network, Rdma};

/// Limits of a group; `None` everywhere leaves the kernel's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU time.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// Tasks; -1 is unlimited.
    pub pids: Option<i64>,
    /// Block devices.
    pub block_io: BlockIo,
    /// Huge pages, by their size.
    pub huge_pages: Vec<HugePages>,
    /// Marks on what is sent; v1 only.
    pub network: Network,
    /// RDMA devices, by name.
    pub rdma: Vec<Rdma>,
    /// Device access rules, in order.
    pub devices: Vec<DeviceRule>,
    /// v2 files verbatim.
    pub unified: BTreeMap<String, String>,
    /// What was asked for and is left out on purpose, each with the reason.
    pub ignored: Vec<String>,
}

impl Resources {
    /// Reads limits that stand alone, as `update` is given them.
    ///
    /// # Errors
    /// All violations, each with its JSON path.
    pub fn new(resources: &LinuxResources) -> Result<Resources, Violations> {
        let mut violations = Vec::new();
        let read = Resources::parse(resources, &mut Refuse(&mut violations));
        if violations.is_empty() { Ok(read) } else { Err(Violations(violations)) }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Resources {
        match reader.linux().and_then(|linux| linux.resources().as_ref()) {
            Some(resources) => Resources::parse(resources, &mut Refuse(&mut reader.violations)),
            None => Resources::default(),
        }
    }

    fn parse(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> Resources {
        let mut ignored = Vec::new();
        Resources {
            cpu: cpu::read(resources, refuse),
            memory: memory::read(resources, refuse, &mut ignored),
            pids: other::pids(resources, refuse),
            block_io: block_io::read(resources, refuse),
            huge_pages: other::huge_pages(resources, refuse),
            network: other::network(resources, refuse),
            rdma: other::rdma(resources, refuse),
            devices: devices::read(resources, refuse),
            unified: other::unified(resources, refuse),
            ignored,
        }
    }
}

/// Where violations go.
pub(super) struct Refuse<'v>(&'v mut Vec<Violation>);

impl Refuse<'_> {
    /// `at` is a path below `linux.resources`.
    pub(super) fn add(&mut self, at: impl std::fmt::Display, problem: impl Into<String>) {
        self.0.push(Violation { path: format!("linux.resources.{at}"), problem: problem.into() });
    }
}

/// A name that is a word of a line that the kernel reads: an interface, an RDMA device.
fn is_word(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '\0')
}
