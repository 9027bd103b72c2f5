//! Questions that use resources up, to see where the limit is.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::sys::{clock, mapping};
use serde_json::{Value, json};

use super::{errno_name, error_name};

pub(super) fn tasks(at_most: u32) -> Value {
    let mut started = Vec::new();
    let mut error = Value::Null;
    for _ in 0..at_most {
        let (stop, stopped) = mpsc::channel::<()>();
        let parked = move || stopped.recv().is_ok();
        match thread::Builder::new().stack_size(64 << 10).spawn(parked) {
            Ok(thread) => started.push((stop, thread)),
            Err(refused) => {
                error = json!(error_name(&refused));
                break;
            }
        }
    }
    let count = started.len();
    for (stop, thread) in started {
        drop(stop);
        if thread.join().is_err() {
            error = json!("a thread panicked");
        }
    }
    json!({"started": count, "error": error})
}

pub(super) fn allocate(mib: usize) -> Value {
    let mut memory = Vec::new();
    if let Err(error) = memory.try_reserve_exact(mib << 20) {
        return json!(error.to_string());
    }
    // Written page by page, and read back so that the writes are not optimised away.
    memory.resize(mib << 20, 1u8);
    std::hint::black_box(&memory);
    json!("ok")
}

pub(super) fn timed(question: &super::Question) -> Value {
    let begun = Instant::now();
    let answer = question.answer();
    json!({"answer": answer, "seconds": begun.elapsed().as_secs_f64()})
}

/// Huge pages.
pub(super) fn huge(mib: usize) -> Value {
    mapping::touch_huge(mib << 20).map_or_else(|errno| json!(errno_name(errno)), |()| json!("ok"))
}

pub(super) fn spin(millis: u64, threads: usize) -> Value {
    let length = Duration::from_millis(millis);
    let begun = Instant::now();
    let burn = || {
        let at = clock::thread_cpu();
        while begun.elapsed() < length {
            std::hint::spin_loop();
        }
        clock::thread_cpu() - at
    };
    let used: u64 = thread::scope(|scope| {
        let spinning: Vec<_> = (0..threads).map(|_| scope.spawn(burn)).collect();
        spinning.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    json!(Duration::from_nanos(used).as_secs_f64() / begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_say_what_they_got() {
        assert_eq!(tasks(3), json!({"started": 3, "error": null}));
        assert_eq!(allocate(1), json!("ok"));
        let cpus = spin(50, 1).as_f64().unwrap();
        assert!(cpus > 0.0 && cpus < 1.2, "{cpus}");
    }
}
