//! eBPF programs on cgroups: `bpf(2)`.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{Result, Sysno, args, call, owned};
use crate::cgroup::devices::Instruction;

// `enum bpf_cmd`, `bpf_prog_type`, `bpf_attach_type` and flags of `linux/bpf.h`.
const PROG_LOAD: u32 = 5;
const PROG_ATTACH: u32 = 8;
const PROG_GET_NEXT_ID: u32 = 11;
const MAP_GET_NEXT_ID: u32 = 12;
const PROG_QUERY: u32 = 16;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;

/// The start of `union bpf_attr` for `BPF_PROG_LOAD`, up to the name.
#[repr(C)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
}

/// The start of `union bpf_attr` for `BPF_PROG_ATTACH`.
#[repr(C)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
}

/// The start of `union bpf_attr` for `BPF_PROG_QUERY`.
#[repr(C)]
struct Query {
    target_fd: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
    padding: u32,
}

/// The start of `union bpf_attr` for `BPF_*_GET_NEXT_ID`.
#[repr(C)]
struct Next {
    start_id: u32,
    next_id: u32,
    open_flags: u32,
}

/// Loads a program that decides on devices. `name` is shown by `bpftool prog`; its first 15 bytes are taken.
///
/// # Errors
/// `EPERM` without `CAP_BPF` and `CAP_NET_ADMIN`, or `CAP_SYS_ADMIN`; `EINVAL` and `EACCES` for a program that the
/// verifier refuses; otherwise as in the manual page.
pub fn load_device_program(instructions: &[Instruction], name: &CStr) -> Result<OwnedFd> {
    let mut prog_name = [0; 16];
    for (to, from) in prog_name.iter_mut().zip(name.to_bytes().iter().take(15)) {
        *to = *from;
    }
    let attr = Load {
        prog_type: PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: instructions.len() as u32,
        insns: instructions.as_ptr() as u64,
        license: c"MIT".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
        prog_name,
    };
    let given = args![PROG_LOAD, std::ptr::from_ref(&attr), size_of::<Load>()];
    // SAFETY: the attributes, the instructions and the licence outlive the call, which copies them; the kernel takes
    // what lies behind the attributes' size for zero.
    let fd = unsafe { call(Sysno::bpf, given) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Attaches a device program to a v2 group, beside those that are there; all of them, and those of the groups above,
/// must allow a request. The group keeps it until it is removed.
///
/// # Errors
/// `EPERM` without privilege, or when a group above has a program that allows none below it.
pub fn attach_device_program(group: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    let attr = Attach {
        target_fd: group.as_raw_fd().cast_unsigned(),
        attach_bpf_fd: program.as_raw_fd().cast_unsigned(),
        attach_type: CGROUP_DEVICE,
        attach_flags: ALLOW_MULTI,
    };
    // SAFETY: the attributes outlive the call.
    unsafe { call(Sysno::bpf, args![PROG_ATTACH, std::ptr::from_ref(&attr), size_of::<Attach>()]) }?;
    Ok(())
}

/// How many device programs a v2 group has of its own.
///
/// # Errors
/// `EPERM` without privilege; `EINVAL` from kernels without `CONFIG_CGROUP_BPF`.
pub fn count_device_programs(group: BorrowedFd<'_>) -> Result<u32> {
    let mut attr = Query {
        target_fd: group.as_raw_fd().cast_unsigned(),
        attach_type: CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        prog_ids: 0,
        prog_cnt: 0,
        padding: 0,
    };
    // SAFETY: the attributes are writable and outlive the call; without an array the kernel only counts.
    unsafe { call(Sysno::bpf, args![PROG_QUERY, std::ptr::from_mut(&mut attr), size_of::<Query>()]) }?;
    Ok(attr.prog_cnt)
}

/// The number of the next program of this host after `id`.
///
/// # Errors
/// `ENOENT` when there is none; `EPERM` without `CAP_SYS_ADMIN`.
pub fn next_program(id: u32) -> Result<u32> {
    next(PROG_GET_NEXT_ID, id)
}

/// The number of the next map of this host after `id`.
///
/// # Errors
/// As [`next_program`].
pub fn next_map(id: u32) -> Result<u32> {
    next(MAP_GET_NEXT_ID, id)
}

fn next(command: u32, id: u32) -> Result<u32> {
    let mut attr = Next { start_id: id, next_id: 0, open_flags: 0 };
    // SAFETY: the attributes are writable and outlive the call.
    unsafe { call(Sysno::bpf, args![command, std::ptr::from_mut(&mut attr), size_of::<Next>()]) }?;
    Ok(attr.next_id)
}
