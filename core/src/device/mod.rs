//! Device nodes and the links beside them (runtime-spec, config-linux.md, "Default Devices" and "Default symbolic
//! links").
//!
//! The defaults are made unless the config mounts something else than a new file system on `/dev`, such as the host's.
//! In a user namespace device nodes cannot be made, so the host's are bound instead, as they are; FIFOs can.
//! `/dev/core` is none of the spec's links and is not made; `/dev/console` belongs to the terminal.

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::ffi::{CStr, CString};
use std::fmt;

use oci_spec::runtime::LinuxDeviceType;

use crate::config::{Config, Reader};
use crate::mount::Mount;
use crate::namespace::{Kind, Namespaces};
use crate::plan::{self, Side, Step};

/// A device node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Path inside the container.
    pub path: CString,
    /// `S_IFCHR`, `S_IFBLK` or `S_IFIFO`, with permissions.
    pub mode: u32,
    /// Major and minor number.
    pub number: (u32, u32),
    /// Owner and group inside the container.
    pub owner: (u32, u32),
    /// Whether it is one of the spec's defaults, and not of the config's list.
    pub default: bool,
}

/// One operation on `/dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Makes a node. One that is there must be the same, and is given the same owner and permissions; a plain file where a
    /// default belongs, as unprivileged launches leave them, is covered with the host's node.
    Node(Device),
    /// Binds the host's node of the same path, which must have the same number.
    Bind(Device),
    /// Makes a symbolic link: target, then path.
    Link(&'static CStr, &'static CStr),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Node(device) => {
                let (major, minor) = device.number;
                write!(
                    f,
                    "mknod {} {major}:{minor} {:o}",
                    device.path.to_string_lossy(),
                    device.mode & 0o7777
                )
            }
            Op::Bind(device) => write!(f, "bind the host's {}", device.path.to_string_lossy()),
            Op::Link(target, path) => {
                write!(f, "symlink {} -> {}", path.to_string_lossy(), target.to_string_lossy())
            }
        }
    }
}

const DEFAULTS: [(&CStr, (u32, u32)); 6] = [
    (c"/dev/null", (1, 3)),
    (c"/dev/zero", (1, 5)),
    (c"/dev/full", (1, 7)),
    (c"/dev/random", (1, 8)),
    (c"/dev/urandom", (1, 9)),
    (c"/dev/tty", (5, 0)),
];

const LINKS: [(&CStr, &CStr); 5] = [
    (c"/proc/self/fd", c"/dev/fd"),
    (c"/proc/self/fd/0", c"/dev/stdin"),
    (c"/proc/self/fd/1", c"/dev/stdout"),
    (c"/proc/self/fd/2", c"/dev/stderr"),
    (c"pts/ptmx", c"/dev/ptmx"),
];

/// The nodes of a config: the defaults, then its own, which replace defaults of the same path.
pub(crate) fn read(reader: &mut Reader<'_>, namespaces: &Namespaces, mounts: &[Mount]) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    if has_defaults(namespaces, mounts) {
        devices.extend(DEFAULTS.iter().map(|(path, number)| Device {
            path: (*path).to_owned(),
            mode: libc::S_IFCHR | 0o666,
            number: *number,
            owner: (0, 0),
            default: true,
        }));
    }
    let listed = reader.linux().and_then(|linux| linux.devices().as_deref()).unwrap_or_default();
    if !listed.is_empty() && !namespaces.separates(Kind::Mount) {
        reader.refuse("linux.devices", "need a mount namespace");
    }
    for (index, device) in listed.iter().enumerate() {
        let at = |field: &str| format!("linux.devices[{index}].{field}");
        let kind = match device.typ() {
            LinuxDeviceType::B => libc::S_IFBLK,
            LinuxDeviceType::C | LinuxDeviceType::U => libc::S_IFCHR,
            LinuxDeviceType::P => libc::S_IFIFO,
            LinuxDeviceType::A => {
                reader.refuse(at("type"), "a stands for all devices in a rule, and is none");
                0
            }
        };
        let mut number = |field: &str, value: i64| {
            u32::try_from(value).unwrap_or_else(|_| {
                reader.refuse(at(field), format!("{value} is no device number"));
                0
            })
        };
        let number = (number("major", device.major()), number("minor", device.minor()));
        let permissions = device.file_mode().unwrap_or(0o666);
        if permissions > 0o7777 {
            reader.refuse(at("fileMode"), format!("{permissions:o} is more than 7777"));
        }
        let path = reader.path_inside(&at("path"), device.path());
        let owner = (device.uid().unwrap_or(0), device.gid().unwrap_or(0));
        devices.retain(|default| default.path != path);
        devices.push(Device { path, mode: kind | permissions, number, owner, default: false });
    }
    devices
}

/// Whether `/dev` is for the launcher to fill.
fn has_defaults(namespaces: &Namespaces, mounts: &[Mount]) -> bool {
    let last = mounts.iter().rfind(|mount| mount.is_at("/dev"));
    namespaces.separates(Kind::Mount) && last.is_none_or(|mount| mount.is_new_at("/dev"))
}

/// The child's operations after the mounts.
pub(crate) fn plan(config: &Config, steps: &mut Vec<Step>) {
    let user = config.namespaces.separates(Kind::User);
    let mut push = |op| steps.push(Step::new(Side::Child, plan::Op::Device(op)));
    for device in &config.devices {
        let bound = user && device.mode & libc::S_IFMT != libc::S_IFIFO;
        push(if bound { Op::Bind(device.clone()) } else { Op::Node(device.clone()) });
    }
    if has_defaults(&config.namespaces, &config.mounts) {
        let terminals = config.mounts.iter().any(|mount| mount.is_new_at("/dev/pts"));
        for (target, path) in LINKS.into_iter().filter(|(target, _)| terminals || *target != c"pts/ptmx") {
            push(Op::Link(target, path));
        }
    }
}
