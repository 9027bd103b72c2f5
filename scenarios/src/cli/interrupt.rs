//! Ctrl-C and its like: they set a flag, and everything that was started is ended in good order.

use std::thread;

use isolab_core::sys::signal;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::progress::say;

use super::Failure;

const SIGNALS: [i32; 3] = [signal::INTERRUPT, signal::TERMINATE, signal::HANGUP];

/// A flag that the first of these signals sets. To be called before any other thread is started, so that all inherit
/// the mask.
pub(super) fn watch() -> Result<Cancel, Failure> {
    let system = |errno| Failure::internal(format!("cannot watch for signals: {errno}"));
    signal::block(&SIGNALS).map_err(system)?;
    let descriptor = signal::descriptor(&SIGNALS).map_err(system)?;
    let cancel = Cancel::new();
    let flag = cancel.clone();
    thread::spawn(move || {
        while signal::next(&descriptor).is_ok() {
            if !flag.is_cancelled() {
                say("\nisolab: interrupted; ending what was started");
            }
            flag.cancel();
        }
    });
    Ok(cancel)
}
