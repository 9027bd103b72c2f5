//! What a child changes of its parent too while it shares the parent's memory, kept and put back.
//!
//! The dumpable flag belongs to the memory, and a change of user clears it (prctl(2), `PR_SET_DUMPABLE`). The flag of
//! overlapping launches is put back by the last of them. A launch whose user needs the flag to open its files in
//! `/proc` overlaps with no other.

use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::sys::{self, credential, signal};

static TURN: RwLock<()> = RwLock::new(());
/// How many launches are under way, and the dumpable flag from before the first of them.
static UNDER_WAY: Mutex<(usize, usize)> = Mutex::new((0, 0));

/// All signals blocked, since a handler run by the child would be the parent's own, in the parent's memory; and what
/// the child may change of the memory remembered.
pub(super) struct Guard {
    mask: signal::Mask,
    _turn: Turn,
}

enum Turn {
    Shared(#[allow(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[allow(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

impl Guard {
    pub(super) fn new() -> sys::Result<Guard> {
        let turn = match credential::uid() {
            0 => Turn::Shared(TURN.read().unwrap_or_else(PoisonError::into_inner)),
            _ => Turn::Alone(TURN.write().unwrap_or_else(PoisonError::into_inner)),
        };
        // Read under the lock: while another launch is under way the flag may be that of its child.
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.0 == 0 {
            under_way.1 = credential::dumpable()?;
        }
        let mask = signal::block_all()?;
        under_way.0 += 1;
        Ok(Guard { mask, _turn: turn })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.0 -= 1;
        // 2 can be read but not set (prctl(2)); it is what a set-user-id program has, and stays.
        if let (0, dumpable @ (0 | 1)) = *under_way {
            sys::insist(|| credential::set_dumpable(dumpable));
        }
        sys::insist(|| signal::restore(self.mask));
    }
}
