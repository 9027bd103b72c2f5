//! Aggressor: datagrams, one after another, to a port of the bridge that nobody reads. A unit of work is 100 of them.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorFlood")]
pub struct Flood {
    /// Whom it floods.
    pub to: SocketAddr,
    /// Bytes of a datagram.
    pub bytes: usize,
}

impl Flood {
    /// The socket is connected by the first unit: before the start the container has no link.
    pub(super) fn unit(&self) -> Unit {
        let (to, datagram) = (self.to, vec![b'f'; self.bytes]);
        let mut connected: Option<UdpSocket> = None;
        Box::new(move || {
            let socket = match &connected {
                Some(socket) => socket,
                None => connected.insert(connect(to)?),
            };
            for _ in 0..100 {
                match socket.send(&datagram) {
                    // The other end says that nobody listens, or the queue is full: both are part of a flood.
                    Err(error)
                        if !matches!(error.kind(), io::ErrorKind::ConnectionRefused)
                            && error.raw_os_error() != Some(libc::ENOBUFS) =>
                    {
                        return Err(error);
                    }
                    _ => {}
                }
            }
            Ok(1)
        })
    }
}

fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(to)?;
    Ok(socket)
}
