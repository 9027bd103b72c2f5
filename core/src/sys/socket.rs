//! Unix sockets: a word passed between a launcher and its child, and descriptors passed to others.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{Errno, Result, Sysno, args, call, owned, raw};

/// A connected pair that keeps messages apart (`socketpair(2)`, `SOCK_SEQPACKET`).
///
/// # Errors
/// As in the manual page.
pub fn pair() -> Result<[OwnedFd; 2]> {
    let mut fds = [-1i32; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes two descriptors.
    unsafe { call(Sysno::socketpair, args![libc::AF_UNIX, kind, 0, fds.as_mut_ptr()]) }?;
    let [one, other] = fds.map(|fd| {
        // SAFETY: fresh descriptors.
        unsafe { owned(fd as usize) }
    });
    Ok([one, other])
}

/// Sends one byte. A peer that is gone is `EPIPE`, never a signal.
///
/// # Errors
/// As in `sendto(2)`.
pub fn send(socket: BorrowedFd<'_>, byte: u8) -> Result<()> {
    let given = args![raw(socket), std::ptr::from_ref(&byte), 1, libc::MSG_NOSIGNAL, 0, 0];
    // SAFETY: the byte outlives the call; no address is given.
    unsafe { call(Sysno::sendto, given) }?;
    Ok(())
}

/// Receives one byte; `None` once the peer is gone.
///
/// # Errors
/// As in `recvfrom(2)`.
pub fn receive(socket: BorrowedFd<'_>) -> Result<Option<u8>> {
    let mut byte = 0u8;
    let given = args![raw(socket), std::ptr::from_mut(&mut byte), 1, 0, 0, 0];
    loop {
        // SAFETY: the byte is writable; no address is asked for.
        match unsafe { call(Sysno::recvfrom, given) } {
            Err(Errno::EINTR) => {}
            Err(Errno::ECONNRESET) => return Ok(None),
            done => return done.map(|count| (count > 0).then_some(byte)),
        }
    }
}

/// Ends a connection, whoever else has it open (`shutdown(2)`).
///
/// # Errors
/// As in the manual page.
pub fn shut_down(socket: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::shutdown, args![raw(socket), libc::SHUT_RDWR]) }?;
    Ok(())
}

/// `struct cmsghdr` with one descriptor, padded as `CMSG_SPACE` has it.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    fd: i32,
    _padding: i32,
}

/// Sends bytes with a descriptor (`SCM_RIGHTS`, `unix(7)`).
///
/// # Errors
/// As in `sendmsg(2)`.
pub fn send_descriptor(socket: BorrowedFd<'_>, bytes: &[u8], fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: a header of zeros is a valid one.
    let mut control = Control { header: unsafe { std::mem::zeroed() }, fd: fd.as_raw_fd(), _padding: 0 };
    control.header.cmsg_len = size_of::<libc::cmsghdr>() + size_of::<i32>();
    control.header.cmsg_level = libc::SOL_SOCKET;
    control.header.cmsg_type = libc::SCM_RIGHTS;
    let mut data = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: a message of zeros is a valid one.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut data;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>();
    let given = args![raw(socket), std::ptr::from_ref(&message), libc::MSG_NOSIGNAL];
    // SAFETY: the message and all that it points to outlive the call, which only reads them.
    unsafe { call(Sysno::sendmsg, given) }?;
    Ok(())
}

/// Receives bytes with a descriptor, which is closed on exec.
///
/// # Errors
/// As in `recvmsg(2)`; `ENOMSG` when there is no descriptor with them.
pub fn receive_descriptor(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<OwnedFd> {
    // SAFETY: a header of zeros is a valid one.
    let mut control = Control { header: unsafe { std::mem::zeroed() }, fd: -1, _padding: 0 };
    let mut data = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: a message of zeros is a valid one.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut data;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>();
    let given = args![raw(socket), std::ptr::from_mut(&mut message), libc::MSG_CMSG_CLOEXEC];
    // SAFETY: the message and all that it points to are writable and outlive the call.
    unsafe { call(Sysno::recvmsg, given) }?;
    let passed =
        control.header.cmsg_level == libc::SOL_SOCKET && control.header.cmsg_type == libc::SCM_RIGHTS;
    if !passed || control.fd < 0 {
        return Err(Errno::ENOMSG);
    }
    // SAFETY: the kernel has just installed it.
    Ok(unsafe { owned(control.fd as usize) })
}
