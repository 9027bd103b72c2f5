//! Landlock's three calls (`landlock(7)`).

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{Result, Sysno, args, call, owned, raw};

/// `struct landlock_ruleset_attr` up to ABI 6: handled rights on files, handled rights on the network, scopes.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Handled {
    /// `LANDLOCK_ACCESS_FS_*`
    pub fs: u64,
    /// `LANDLOCK_ACCESS_NET_*`
    pub net: u64,
    /// `LANDLOCK_SCOPE_*`
    pub scope: u64,
}

/// `landlock_create_ruleset(2)`. A kernel that does not know the later fields takes them as long as they are zero.
///
/// # Errors
/// `EINVAL` for rights that the kernel does not know, `ENOMSG` for none at all, `ENOSYS` or `EOPNOTSUPP` without Landlock.
pub fn create(handled: &Handled) -> Result<OwnedFd> {
    let given = args![std::ptr::from_ref(handled), size_of::<Handled>(), 0];
    // SAFETY: the structure outlives the call and has the size that is given.
    let fd = unsafe { call(Sysno::landlock_create_ruleset, given) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Allows `access` on an open file, or on everything below an open directory (`LANDLOCK_RULE_PATH_BENEATH`).
///
/// # Errors
/// As in `landlock_add_rule(2)`; `EINVAL` for a directory's right on a file, or for a right that is not handled.
pub fn allow_path(ruleset: BorrowedFd<'_>, access: u64, path: BorrowedFd<'_>) -> Result<()> {
    #[repr(C, packed)]
    struct PathBeneath {
        access: u64,
        parent: i32,
    }
    const RULE_PATH_BENEATH: usize = 1;
    let rule = PathBeneath { access, parent: path.as_raw_fd() };
    let given = args![raw(ruleset), RULE_PATH_BENEATH, std::ptr::from_ref(&rule), 0];
    // SAFETY: `rule` has the layout of `struct landlock_path_beneath_attr`, which is packed, and outlives the call.
    unsafe { call(Sysno::landlock_add_rule, given) }?;
    Ok(())
}

/// Allows `access` on a TCP port (`LANDLOCK_RULE_NET_PORT`).
///
/// # Errors
/// As in `landlock_add_rule(2)`.
pub fn allow_port(ruleset: BorrowedFd<'_>, access: u64, port: u16) -> Result<()> {
    const RULE_NET_PORT: usize = 2;
    let rule = [access, u64::from(port)];
    let given = args![raw(ruleset), RULE_NET_PORT, rule.as_ptr(), 0];
    // SAFETY: the pair has the layout of `struct landlock_net_port_attr` and outlives the call.
    unsafe { call(Sysno::landlock_add_rule, given) }?;
    Ok(())
}

/// `landlock_restrict_self(2)`.
///
/// # Errors
/// `EPERM` without `no_new_privs` or `CAP_SYS_ADMIN`, `E2BIG` beyond 16 layers.
pub fn restrict_self(ruleset: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::landlock_restrict_self, args![raw(ruleset), 0]) }?;
    Ok(())
}
