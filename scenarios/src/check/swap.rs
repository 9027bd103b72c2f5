//! Somebody who exchanges two paths, over and over, while launches begin.

use std::ffi::CString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use isolab_core::sys::fs;

use super::make::{c_path, io_error};
use crate::schema::Swap;

/// Exchanges at work. Dropping it ends them.
#[derive(Debug, Default)]
pub(super) struct Swaps {
    stop: Arc<AtomicBool>,
    exchanges: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Swaps {
    /// Begins with all of them.
    pub(super) fn begin(dir: &Path, swaps: &[Swap]) -> io::Result<Swaps> {
        let mut begun = Swaps::default();
        for swap in swaps {
            let (one, other) = (c_path(&dir.join(&swap.one))?, c_path(&dir.join(&swap.other))?);
            // The first from here, so that a mistake in the scenario is an error and no silence.
            fs::exchange(&one, &other).map_err(io_error)?;
            let (stop, exchanges) = (Arc::clone(&begun.stop), Arc::clone(&begun.exchanges));
            begun.threads.push(thread::spawn(move || exchange(&one, &other, &stop, &exchanges)));
        }
        Ok(begun)
    }

    /// Ends them, and says how many exchanges there were.
    pub(super) fn end(mut self) -> u64 {
        self.join();
        self.exchanges.load(Ordering::Relaxed)
    }

    fn join(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It only exchanges, and cannot panic.
            drop(thread.join());
        }
    }
}

impl Drop for Swaps {
    fn drop(&mut self) {
        self.join();
    }
}

/// What has gone meanwhile is exchanged no more.
fn exchange(one: &CString, other: &CString, stop: &AtomicBool, exchanges: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        if fs::exchange(one, other).is_ok() {
            exchanges.fetch_add(1, Ordering::Relaxed);
        } else {
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn paths_are_exchanged_until_the_end() {
        let scratch = Scratch::new().unwrap();
        for name in ["a", "b"] {
            std::fs::write(scratch.path().join(name), name).unwrap();
        }
        let swap = Swap { one: "a".into(), other: "b".into() };
        let swaps = Swaps::begin(scratch.path(), &[swap]).unwrap();
        thread::sleep(std::time::Duration::from_millis(5));
        assert!(swaps.end() > 1);
        let missing = Swap { one: "a".into(), other: "none".into() };
        assert!(Swaps::begin(scratch.path(), &[missing]).is_err());
    }
}
