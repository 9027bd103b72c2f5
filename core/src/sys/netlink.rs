//! Sockets to the kernel's routing part (`netlink(7)`, `rtnetlink(7)`). What goes through them is plain data, made and
//! read elsewhere.

use std::os::fd::{BorrowedFd, OwnedFd};

use super::{Result, Sysno, args, call, owned, raw};

/// A socket that talks about the network namespace that the calling thread is in, for as long as it is open, and keeps
/// that namespace alive. Closed on exec.
///
/// # Errors
/// As in `socket(2)`.
pub fn socket() -> Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = unsafe { call(Sysno::socket, args![libc::AF_NETLINK, kind, libc::NETLINK_ROUTE]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Has the socket told when links come, change and go (`RTMGRP_LINK`). It is bound for that: the kernel's own messages go
/// to all but the port that they came from, which is 0, as is that of a socket that is not bound.
///
/// # Errors
/// As in `bind(2)`.
pub fn hear_of_links(socket: BorrowedFd<'_>) -> Result<()> {
    // `struct sockaddr_nl`: family and padding, port (0: the kernel chooses one), groups.
    let address = [libc::AF_NETLINK as u32, 0, libc::RTMGRP_LINK as u32];
    // SAFETY: on little-endian machines the words have the layout of the structure, and outlive the call.
    unsafe { call(Sysno::bind, args![raw(socket), address.as_ptr(), size_of_val(&address)]) }?;
    Ok(())
}

/// Sends a message to the kernel, which has acted on it when this returns.
///
/// # Errors
/// As in `sendto(2)`.
pub fn send(socket: BorrowedFd<'_>, message: &[u8]) -> Result<()> {
    // SAFETY: the message outlives the call; without an address it goes to the kernel.
    unsafe { call(Sysno::sendto, args![raw(socket), message.as_ptr(), message.len(), 0, 0, 0]) }?;
    Ok(())
}

/// Receives what the kernel has answered, as long as the buffer is; the length is that of the whole answer, even where
/// it did not fit. Never waits: answers are there when a message has been sent, or not at all.
///
/// # Errors
/// As in `recvfrom(2)`; `EAGAIN` when there is nothing.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: the buffer is writable for its length; no address is asked for.
    unsafe { call(Sysno::recvfrom, args![raw(socket), buffer.as_mut_ptr(), buffer.len(), flags, 0, 0]) }
}
