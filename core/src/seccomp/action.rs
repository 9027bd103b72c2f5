//! The words that a filter returns to the kernel (`SECCOMP_RET_*` of `linux/seccomp.h`): an action in the upper half,
//! its data in the lower.

/// Ends the whole process, as if by SIGSYS.
pub const KILL_PROCESS: u32 = 0x8000_0000;
/// Ends the calling thread, as if by SIGSYS.
pub const KILL_THREAD: u32 = 0x0000_0000;
/// Sends SIGSYS to the caller instead of running the call.
pub const TRAP: u32 = 0x0003_0000;
/// Fails the call with the errno in the lower half.
pub const ERRNO: u32 = 0x0005_0000;
/// Asks whoever listens; without a listener the call fails with ENOSYS.
pub const USER_NOTIF: u32 = 0x7fc0_0000;
/// Asks a tracer, which sees the lower half; without one the call fails with ENOSYS.
pub const TRACE: u32 = 0x7ff0_0000;
/// Runs the call, and logs it.
pub const LOG: u32 = 0x7ffc_0000;
/// Runs the call.
pub const ALLOW: u32 = 0x7fff_0000;

/// The part of a returned word that names the action (`SECCOMP_RET_ACTION_FULL`).
pub const ACTION_MASK: u32 = 0xffff_0000;

/// What calls newer than the profile get; the number is the same on all architectures here.
pub(super) const ENOSYS: u32 = ERRNO | 38;
/// The errno of a profile that names none.
pub(super) const EPERM: u32 = 1;

/// How strict the kernel holds an action to be, strictest lowest: it compares them as signed numbers.
pub(super) fn rank(word: u32) -> i32 {
    (word & ACTION_MASK).cast_signed()
}
