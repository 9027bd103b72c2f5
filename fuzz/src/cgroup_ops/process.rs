//! A process that sleeps: it reads what nobody writes, and ends with this one.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Killed and reaped on drop.
pub(crate) struct Sleeper(Child);

impl Sleeper {
    pub(crate) fn new() -> Sleeper {
        let command = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Sleeper(command.unwrap_or_else(|error| panic!("start cat: {error}")))
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap_or_default()
    }

    /// Waits for it, when it has been killed.
    pub(crate) fn reap(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.0.try_wait().unwrap_or_else(|error| panic!("wait: {error}")).is_none() {
            assert!(Instant::now() < deadline, "it was killed, and still runs");
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // Dead already, most often.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
