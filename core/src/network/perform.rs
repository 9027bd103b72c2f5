//! Operations on the network, performed.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsFd;

use super::{Address, Connection, Device, Op};
use crate::sys::{self, Errno, link};

/// The child's part. Allocates nothing.
pub(crate) fn perform(op: &Op) -> sys::Result<()> {
    match op {
        Op::LoopbackUp => link::loopback_up(),
        Op::MoveDevice(_) => Err(Errno::ENOSYS), // the parent's
    }
}

/// A device that has been moved, and what it takes to give it back. Holding it keeps the container's namespace alive, so
/// that a virtual device outlives a launch that fails.
#[derive(Debug)]
pub(crate) struct Moved {
    device: Device,
    /// Its name in the container.
    name: CString,
    host: Connection,
    home: File,
    container: Connection,
    addresses: Vec<Address>,
    was_up: bool,
}

impl Moved {
    /// Gives the device back to the host: its name, its addresses, and whether it was up.
    pub(crate) fn back(self) -> sys::Result<()> {
        let index = self.container.link(&self.name)?.index;
        self.container.move_link(index, self.home.as_fd(), &self.device.host)?;
        settle(&self.host, &self.device.host, &self.addresses, self.was_up)
    }
}

/// The parent's part: moves a device into the network namespace of the child `pid`.
///
/// Links are found by name, so a name that somebody else gives to another link meanwhile moves that one, as with every
/// runtime: the config has nothing but names.
pub(crate) fn move_device(device: &Device, pid: i32) -> sys::Result<Moved> {
    let open =
        |path: &str| File::open(path).map_err(|error| Errno::new(error.raw_os_error().unwrap_or(libc::EIO)));
    let namespace = open(&format!("/proc/{pid}/ns/net"))?;
    let home = open("/proc/thread-self/ns/net")?;
    let host = Connection::new()?;
    let container = Connection::inside(namespace.as_fd())?;
    let found = host.link(&device.host)?;
    let mut addresses = host.addresses(found.index)?;
    addresses.retain(Address::is_permanent_and_global);
    let moving = host.move_link(found.index, namespace.as_fd(), &device.name);
    // The kernel moves first and renames then: where the name is taken, the link has moved all the same.
    let stayed = || host.link(&device.host).is_ok_and(|link| link.index == found.index);
    if let Err(errno) = moving
        && stayed()
    {
        return Err(errno);
    }
    let name = if moving.is_ok() { &device.name } else { &device.host }.clone();
    let settled = moving.and_then(|()| settle(&container, &name, &addresses, true));
    let moved = Moved { device: device.clone(), name, host, home, container, addresses, was_up: found.up };
    match settled {
        Ok(()) => Ok(moved),
        Err(errno) => {
            // The error that led here is what is reported.
            sys::no_matter(moved.back());
            Err(errno)
        }
    }
}

/// Gives a moved link its addresses again, which the move took, and brings it up.
fn settle(connection: &Connection, name: &CStr, addresses: &[Address], up: bool) -> sys::Result<()> {
    let index = connection.link(name)?.index;
    for address in addresses {
        match connection.add_address(index, address) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    if up { connection.set_up(index) } else { Ok(()) }
}
