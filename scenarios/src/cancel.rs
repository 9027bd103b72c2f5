//! Stopping a run in good order.
//!
//! A [`Cancel`] is a flag that everything long asks between steps. Whoever owns the signal handling sets it; what was
//! started is then ended by the same code that ends it on success.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that is set once, shared by its clones.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    own: Arc<AtomicBool>,
    parent: Option<Arc<AtomicBool>>,
}

/// The run was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

impl Cancel {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// A flag for a part of the run: set when this one is, and without setting this one.
    #[must_use]
    pub fn part(&self) -> Cancel {
        Cancel { own: Arc::default(), parent: Some(Arc::clone(&self.own)) }
    }

    /// Asks the run to stop.
    pub fn cancel(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let set = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
        set(&self.own) || self.parent.as_ref().is_some_and(set)
    }

    /// For `?` between steps.
    ///
    /// # Errors
    /// [`Cancelled`] when the run was asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stops_with_the_whole_and_not_the_other_way_round() {
        let whole = Cancel::new();
        let (first, second) = (whole.part(), whole.part());
        first.cancel();
        assert!(first.is_cancelled() && !second.is_cancelled() && !whole.is_cancelled());
        whole.cancel();
        assert!(second.is_cancelled());
    }
}
