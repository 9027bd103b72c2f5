//! Keyrings (`keyrings(7)`).

use super::{Errno, Result, Sysno, args, call};

/// `KEYCTL_JOIN_SESSION_KEYRING` of `linux/keyctl.h`.
const JOIN_SESSION_KEYRING: usize = 1;

/// Gives the calling process a session keyring of its own, new and without a name: whoever knows a name can join, or be
/// there first. A kernel without keys has nothing to be shared.
///
/// # Errors
/// As in `keyctl(2)`: `EDQUOT` where the user has too many keys.
pub fn join_new_session() -> Result<()> {
    // SAFETY: no pointers but a null one, which stands for no name.
    match unsafe { call(Sysno::keyctl, args![JOIN_SESSION_KEYRING, 0]) } {
        Ok(_) | Err(Errno::ENOSYS) => Ok(()),
        Err(errno) => Err(errno),
    }
}
