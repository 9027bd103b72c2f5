//! Where network victims and floods meet: the bridge of [`crate::network`], with a server behind it.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd;

use isolab_core::sys::Errno;

use crate::network::{self, Attached, GATEWAY, Lab};
use crate::workload::echo;

/// The port of the server that victims talk to: the echo protocol's (RFC 862).
const ECHO: u16 = 7;
/// Where the containers are.
pub(super) const VICTIM: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
pub(super) const AGGRESSOR: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 3);

/// A bridge with a server.
pub(super) struct Bridge {
    lab: Lab,
}

impl Bridge {
    /// Makes both. The server's threads end with their connections, and the one that waits for them with the program.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn new() -> Result<Bridge, network::Error> {
        let lab = Lab::new()?;
        let listener = lab.inside(|| {
            TcpListener::bind((GATEWAY, ECHO))
                .map_err(|error| Errno::new(error.raw_os_error().unwrap_or_default()))
        });
        let listener =
            listener.map_err(|errno| network::Error { operation: "listen on the bridge".into(), errno })?;
        // What it says when it ends is that there are no more descriptors or threads, which victims say as well.
        std::thread::spawn(move || drop(echo::serve_tcp(&listener)));
        Ok(Bridge { lab })
    }

    /// Links a container, until what is returned is dropped.
    ///
    /// # Errors
    /// When it has gone, or the kernel refuses.
    pub(super) fn link(&self, pid: i32, address: Ipv4Addr) -> Result<Link<'_>, network::Error> {
        let namespace = network::of_process(pid)?;
        let attached = self.lab.attach(namespace.as_fd(), address)?;
        Ok(Link { bridge: self, attached: Some(attached) })
    }
}

/// A container's link.
pub(super) struct Link<'b> {
    bridge: &'b Bridge,
    attached: Option<Attached>,
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        if let Some(attached) = self.attached.take() {
            // With the container's network namespace the link has gone by itself.
            drop(self.bridge.lab.detach(attached));
        }
    }
}
