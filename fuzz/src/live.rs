//! The thread on which a live target launches.
//!
//! It has mount, network, uts and ipc namespaces of its own, so that a launch without a protection reaches those and not
//! the host, and keeps what is made once for all inputs: under libFuzzer inputs come from another thread, in tests from several.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use isolab_core::host::Host;
use isolab_core::sys::signal;
use isolab_scenarios::fuzzed::{puppet, staged};

type Outcome = Result<(), Box<dyn Any + Send>>;

/// signal(7)
const SIGPIPE: i32 = 13;

/// The thread, and how to reach it.
pub struct Worker {
    line: Mutex<(Sender<Vec<u8>>, Receiver<Outcome>)>,
}

impl Worker {
    /// Starts it, where live targets can run; says why not, where they cannot. `make` is called on the thread, once, and `holds`
    /// for each input.
    pub fn start<S>(name: &str, make: fn(&'static Host) -> S, holds: fn(&mut S, &[u8])) -> Option<Worker>
    where
        S: 'static,
    {
        let host = host();
        if host.uid != 0 || !puppet::is_there() {
            eprintln!("{name}: nothing is launched, which takes root on x86_64");
            return None;
        }
        // As in every program of Rust's, which libFuzzer's is not: a workload may be gone before it is told something.
        signal::ignore(SIGPIPE).unwrap_or_else(|errno| panic!("ignore SIGPIPE: {errno}"));
        let (inputs, input) = channel::<Vec<u8>>();
        let (outcome, outcomes) = channel();
        let work = move || {
            let ended = staged(host, move |_| {
                let mut state = make(host);
                for bytes in input {
                    // Under libFuzzer a panic ends the process where it is.
                    let done = catch_unwind(AssertUnwindSafe(|| holds(&mut state, &bytes)));
                    if outcome.send(done).is_err() {
                        break;
                    }
                }
            });
            ended.unwrap_or_else(|error| panic!("namespaces for a live target: {error}"));
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .unwrap_or_else(|error| panic!("start a thread: {error}"));
        Some(Worker { line: Mutex::new((inputs, outcomes)) })
    }

    /// Has it run an input.
    ///
    /// # Panics
    /// As the property does.
    pub fn run(&self, bytes: &[u8]) {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let (inputs, outcomes) = &*line;
        let outcome = inputs.send(bytes.to_vec()).ok().and_then(|()| outcomes.recv().ok());
        drop(line);
        match outcome {
            Some(Ok(())) => {}
            Some(Err(panic)) => resume_unwind(panic),
            None => panic!("the thread of a live target has ended"),
        }
    }
}

/// The host, probed once.
pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(Host::probe)
}
