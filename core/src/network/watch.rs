//! A watch on the links of one network namespace.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::connection::in_namespace;
use super::message;
use crate::sys::{Errno, Result, netlink};

/// Larger than any message about one link.
const LARGEST: usize = 1 << 15;

/// Readable when links of a network namespace come, change or go. Keeps the namespace alive.
#[derive(Debug)]
pub struct Watch {
    socket: OwnedFd,
}

impl Watch {
    /// Of this namespace, from now on. A thread of its own enters it for as long as that takes.
    ///
    /// # Errors
    /// As in `setns(2)` and `socket(2)`.
    pub fn inside(namespace: BorrowedFd<'_>) -> Result<Watch> {
        let socket = in_namespace(namespace, || {
            let socket = netlink::socket()?;
            netlink::hear_of_links(socket.as_fd())?;
            Ok(socket)
        })?;
        Ok(Watch { socket })
    }

    /// Whether the link of this number has gone, by what came since the last question. Never waits.
    ///
    /// # Errors
    /// `ENOBUFS` when more came than the socket holds.
    pub fn has_gone(&self, index: u32) -> Result<bool> {
        let mut buffer = vec![0; LARGEST];
        let mut gone = false;
        loop {
            let length = match netlink::receive(self.socket.as_fd(), &mut buffer) {
                Err(Errno::EAGAIN) => return Ok(gone),
                length => length?,
            };
            let received = buffer.get(..length).ok_or(Errno::EMSGSIZE)?;
            gone |= message::messages(received)
                .any(|told| told.kind == libc::RTM_DELLINK && message::u32_at(told.body, 4) == Some(index));
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
