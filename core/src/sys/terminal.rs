//! Terminals, serial ports among them.

use std::os::fd::{BorrowedFd, OwnedFd};

use super::{Errno, Result, Sysno, args, call, owned, raw};

/// `struct termios` as the kernel has it on all architectures that isolab knows; the C library's is larger.
#[repr(C)]
struct Settings {
    input: libc::tcflag_t,
    output: libc::tcflag_t,
    control: libc::tcflag_t,
    local: libc::tcflag_t,
    discipline: libc::cc_t,
    characters: [libc::cc_t; 19],
}

/// Makes a serial port send bytes as they are, at 115200 baud, whether or not anything is plugged in (`termios(3)`).
///
/// # Errors
/// `ENOTTY` when it is no terminal.
pub fn set_raw(port: BorrowedFd<'_>) -> Result<()> {
    let control = libc::B115200 | libc::CS8 | libc::CLOCAL;
    let settings = Settings { input: 0, output: 0, control, local: 0, discipline: 0, characters: [0; 19] };
    // SAFETY: the structure has the kernel's layout and outlives the call.
    unsafe { call(Sysno::ioctl, args![raw(port), libc::TCSETS, std::ptr::from_ref(&settings)]) }?;
    Ok(())
}

/// Waits until everything written has left the port (`tcdrain(3)`).
///
/// # Errors
/// `ENOTTY` when it is no terminal.
pub fn drain(port: BorrowedFd<'_>) -> Result<()> {
    loop {
        // SAFETY: no pointers. A TCSBRK other than 0 sends no break and only drains, see ioctl_tty(2).
        match unsafe { call(Sysno::ioctl, args![raw(port), libc::TCSBRK, 1]) } {
            Err(Errno::EINTR) => {}
            done => return done.map(drop),
        }
    }
}

/// Unlocks the other side of a new pseudo-terminal and opens it (`ioctl_tty(2)`, `TIOCSPTLCK` and `TIOCGPTPEER`), which
/// needs no path to it.
///
/// # Errors
/// `ENOTTY` when it is none.
pub fn peer(controlling: BorrowedFd<'_>) -> Result<OwnedFd> {
    let unlocked = 0i32;
    // SAFETY: the number outlives the call.
    unsafe { call(Sysno::ioctl, args![raw(controlling), libc::TIOCSPTLCK, std::ptr::from_ref(&unlocked)]) }?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: no pointers.
    let fd = unsafe { call(Sysno::ioctl, args![raw(controlling), libc::TIOCGPTPEER, flags]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Sets a terminal's size in characters.
///
/// # Errors
/// `ENOTTY` when it is none.
pub fn set_size(terminal: BorrowedFd<'_>, rows: u16, columns: u16) -> Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the structure outlives the call.
    unsafe { call(Sysno::ioctl, args![raw(terminal), libc::TIOCSWINSZ, std::ptr::from_ref(&size)]) }?;
    Ok(())
}

/// Makes it the controlling terminal of the calling process, which leads a session without one.
///
/// # Errors
/// As in `ioctl_tty(2)`, `TIOCSCTTY`.
pub fn control(terminal: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::ioctl, args![raw(terminal), libc::TIOCSCTTY, 0]) }?;
    Ok(())
}
