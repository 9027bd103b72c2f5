//! Network links.

use std::os::fd::AsFd;

use super::{Result, Sysno, args, call, owned, raw};

/// Brings up the loopback link of the caller's network namespace (`netdevice(7)`).
///
/// # Errors
/// As in the manual page; `EPERM` without `CAP_NET_ADMIN` over the namespace.
pub fn loopback_up() -> Result<()> {
    // SAFETY: no pointers.
    let socket =
        unsafe { call(Sysno::socket, args![libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0]) }?;
    // SAFETY: a fresh descriptor.
    let socket = unsafe { owned(socket) };
    // SAFETY: an `ifreq` of zeros is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    let given = args![raw(socket.as_fd()), libc::SIOCSIFFLAGS, std::ptr::from_ref(&request)];
    // SAFETY: the request outlives the call.
    unsafe { call(Sysno::ioctl, given) }?;
    Ok(())
}
