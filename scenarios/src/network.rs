//! A network for containers of scenarios: a bridge, and a pair of links to each container.
//!
//! The bridge is in a network namespace of its own, never in the host's: nothing that is sent over it can leave it, and
//! dropping the [`Lab`] removes it with every link. Addresses come from 198.18.0.0/15, which RFC 2544 keeps for measuring.
//!
//! Throughput is not what it is for: a frame passes two queues and a bridge.

use std::cell::Cell;
use std::ffi::CString;
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use isolab_core::network::{Address, Connection, in_namespace};
use isolab_core::sys::{self, Errno, namespace};

/// The bridge's own address, which containers send to what is not on the bridge.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// Length of the prefix of 198.18.0.0/15.
const PREFIX: u8 = 15;
const BRIDGE: &std::ffi::CStr = c"bridge";
/// What a container's end is called in it.
const INSIDE: &std::ffi::CStr = c"eth0";

/// Why a network could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {} ({}){}", errno.description().unwrap_or("unknown error"), errno.name().unwrap_or("?"),
    remedy(*errno).map(|remedy| format!("; {remedy}")).unwrap_or_default())]
pub struct Error {
    /// What.
    pub operation: String,
    /// The kernel's answer.
    pub errno: Errno,
}

fn remedy(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::EOPNOTSUPP => "the kernel lacks it: load the modules bridge and veth",
        Errno::EPERM => "run as root",
        Errno::EEXIST => "the container has a link or an address of this name already",
        _ => return None,
    })
}

fn failed<T>(operation: impl Into<String>, result: sys::Result<T>) -> Result<T, Error> {
    result.map_err(|errno| Error { operation: operation.into(), errno })
}

/// A bridge in a network namespace of its own.
#[derive(Debug)]
pub struct Lab {
    namespace: File,
    connection: Connection,
    bridge: u32,
    attached: Cell<u32>,
}

/// A container's link to the bridge.
#[derive(Debug)]
pub struct Attached {
    /// Number of the bridge's end, in the bridge's namespace.
    index: u32,
    /// The container's address.
    pub address: Ipv4Addr,
}

impl Lab {
    /// Makes the namespace and the bridge.
    ///
    /// # Errors
    /// Without `CAP_SYS_ADMIN`, or where the kernel has no bridges.
    pub fn new() -> Result<Lab, Error> {
        let namespace = failed("make a network namespace", new_namespace())?;
        let connection = Connection::inside(namespace.as_fd());
        let connection = failed("enter the bridge's network namespace", connection)?;
        failed("make a bridge", connection.add_bridge(BRIDGE))?;
        let bridge = failed("find the bridge", connection.link(BRIDGE))?.index;
        let address = connection.add_address(bridge, &Address::v4(GATEWAY, PREFIX));
        failed("give the bridge its address", address)?;
        failed("bring up the bridge", connection.set_up(bridge))?;
        Ok(Lab { namespace, connection, bridge, attached: Cell::new(0) })
    }

    /// Links a container's network namespace to the bridge, by `eth0` in it, with an address and a default route.
    ///
    /// # Errors
    /// When the address is not of 198.18.0.0/15 or the bridge's, or the kernel refuses; nothing is left in the container
    /// then.
    pub fn attach(&self, container: BorrowedFd<'_>, address: Ipv4Addr) -> Result<Attached, Error> {
        let octets = address.octets();
        if octets[0] != 198 || octets[1] & 0xfe != 18 || address == GATEWAY {
            let operation = format!("attach {address}, which is not another of 198.18.0.0/15");
            return Err(Error { operation, errno: Errno::EADDRNOTAVAIL });
        }
        let number = self.attached.replace(self.attached.get() + 1);
        let name = CString::new(format!("port{number}")).unwrap_or_default();
        failed("make a pair of links", self.connection.add_veth(&name, INSIDE, container))?;
        let port = failed("find the bridge's end", self.connection.link(&name))?;
        let attached = Attached { index: port.index, address };
        let done = self.connect(&attached, container);
        if done.is_err() {
            // The error that led here is what is reported.
            drop(self.detach(attached));
            done?;
            return Err(Error { operation: "attach a container".into(), errno: Errno::ECANCELED });
        }
        Ok(attached)
    }

    fn connect(&self, attached: &Attached, container: BorrowedFd<'_>) -> Result<(), Error> {
        failed("make it a port of the bridge", self.connection.set_master(attached.index, self.bridge))?;
        failed("bring up the bridge's end", self.connection.set_up(attached.index))?;
        let inside = Connection::inside(container);
        let inside = failed("enter the container's network namespace", inside)?;
        let link = failed("find the container's end", inside.link(INSIDE))?;
        let address = Address::v4(attached.address, PREFIX);
        failed("give it its address", inside.add_address(link.index, &address))?;
        failed("bring it up", inside.set_up(link.index))?;
        failed("set the default route", inside.add_default_route(link.index, GATEWAY))
    }

    /// Takes a container from the bridge; both ends of its pair go.
    ///
    /// # Errors
    /// When its pair has gone already, as with a container that has ended.
    pub fn detach(&self, attached: Attached) -> Result<(), Error> {
        failed("remove a pair of links", self.connection.remove_link(attached.index))
    }

    /// The bridge's network namespace, from which every container on it can be reached.
    #[must_use]
    pub fn namespace(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }

    /// Does something in the bridge's network namespace.
    ///
    /// # Errors
    /// Of entering it, and of `work`.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> sys::Result<T> + Send) -> sys::Result<T> {
        in_namespace(self.namespace(), work)
    }
}

/// A new network namespace, made in a thread that ends with it.
pub(crate) fn new_namespace() -> sys::Result<File> {
    let make = || {
        namespace::unshare(sys::namespace::NETWORK)?;
        open(Path::new("/proc/thread-self/ns/net"))
    };
    let thread = std::thread::Builder::new().spawn(make).map_err(|_| Errno::EAGAIN)?;
    thread.join().unwrap_or(Err(Errno::ECANCELED))
}

/// The network namespace of a process, to be attached.
///
/// # Errors
/// When the process has gone.
pub fn of_process(pid: i32) -> Result<File, Error> {
    let path = format!("/proc/{pid}/ns/net");
    failed(format!("open {path}"), open(Path::new(&path)))
}

fn open(path: &Path) -> sys::Result<File> {
    File::open(path).map_err(|error| Errno::new(error.raw_os_error().unwrap_or_default()))
}
