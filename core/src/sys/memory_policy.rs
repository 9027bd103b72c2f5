//! NUMA memory policy.

use super::{Result, Sysno, args, call};

/// `set_mempolicy(2)` on the calling thread: mode and flags in one number, nodes a bit each by number.
///
/// # Errors
/// `EINVAL` for a mode that the kernel does not know or nodes that may not be used, `ENOSYS` without `CONFIG_NUMA`.
pub fn set(mode: u32, nodes: &[u64; 16]) -> Result<()> {
    // The kernel looks at one bit less than it is told of.
    let bits = size_of_val(nodes) * 8 + 1;
    // The default and local policies must be given no nodes, or empty ones.
    let pointer = if nodes.iter().all(|word| *word == 0) { std::ptr::null() } else { nodes.as_ptr() };
    let bits = if pointer.is_null() { 0 } else { bits };
    // SAFETY: the mask outlives the call; the kernel reads `bits - 1` bits of it.
    unsafe { call(Sysno::set_mempolicy, args![mode, pointer, bits]) }?;
    Ok(())
}
