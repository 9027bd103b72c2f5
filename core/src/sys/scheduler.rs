//! Scheduling attributes and io priority.

use super::{Result, Sysno, args, call};
use crate::scheduler::{Attributes, Mask};

/// `struct sched_attr` of `sched_setattr(2)`, as long as it is with utilisation clamps (`SCHED_ATTR_SIZE_VER1`), which
/// stay 0.
#[repr(C)]
#[derive(Default)]
struct Raw {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
    clamps: [u32; 2],
}

/// `sched_setattr(2)` on the calling thread.
///
/// # Errors
/// As in the manual page; `EPERM` for what needs `CAP_SYS_NICE`.
pub fn set(asked: &Attributes) -> Result<()> {
    let Attributes { policy, flags, nice, priority, runtime, deadline, period } = *asked;
    let size = size_of::<Raw>() as u32;
    let given = Raw { size, policy, flags, nice, priority, runtime, deadline, period, clamps: [0; 2] };
    // SAFETY: the structure outlives the call and says its size.
    unsafe { call(Sysno::sched_setattr, args![0, std::ptr::from_ref(&given), 0]) }?;
    Ok(())
}

/// `sched_getattr(2)`.
///
/// # Errors
/// `ESRCH` when there is no such process.
pub fn get(pid: i32) -> Result<Attributes> {
    let mut got = Raw::default();
    let given = args![pid, std::ptr::from_mut(&mut got), size_of::<Raw>(), 0];
    // SAFETY: the kernel fills at most the size that is given; every bit pattern is valid.
    unsafe { call(Sysno::sched_getattr, given) }?;
    let Raw { policy, flags, nice, priority, runtime, deadline, period, .. } = got;
    Ok(Attributes { policy, flags, nice, priority, runtime, deadline, period })
}

const WHO_PROCESS: usize = 1;

/// `ioprio_set(2)` on the calling thread: class in the bits from 13 on, level below.
///
/// # Errors
/// As in the manual page; `EPERM` for the real-time class without `CAP_SYS_NICE` or `CAP_SYS_ADMIN`.
pub fn set_io_priority(value: u16) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::ioprio_set, args![WHO_PROCESS, 0, value]) }?;
    Ok(())
}

/// `ioprio_get(2)`.
///
/// # Errors
/// `ESRCH` when there is no such process.
pub fn io_priority(pid: i32) -> Result<u16> {
    // SAFETY: no pointers.
    let value = unsafe { call(Sysno::ioprio_get, args![WHO_PROCESS, pid]) }?;
    Ok(value as u16)
}

/// `sched_setaffinity(2)` on the calling thread.
///
/// # Errors
/// `EINVAL` when none of them may be used.
pub fn set_affinity(cpus: &Mask) -> Result<()> {
    // SAFETY: the mask outlives the call.
    unsafe { call(Sysno::sched_setaffinity, args![0, size_of::<Mask>(), cpus.as_ptr()]) }?;
    Ok(())
}
