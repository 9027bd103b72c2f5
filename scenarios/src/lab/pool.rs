//! Several pieces of work at once, each result as it comes.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::Error;
use crate::cancel::Cancel;

/// Does every item with `work`, `jobs` at once and begun in their order, and hands each result to `each`, which runs in the
/// calling thread. The first failure ends the rest.
///
/// # Errors
/// What `work` or `each` fails with.
pub(super) fn run<T: Send, R: Send>(
    items: Vec<T>,
    jobs: usize,
    cancel: &Cancel,
    work: impl Fn(T, &Cancel) -> Result<R, Error> + Sync,
    mut each: impl FnMut(R) -> Result<(), Error>,
) -> Result<(), Error> {
    let queue = Mutex::new(VecDeque::from(items));
    // A list is whole at every moment, also after a panic.
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let stop = cancel.part();
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..jobs.max(1) {
            let (sender, next, work, stop) = (sender.clone(), &next, &work, &stop);
            scope.spawn(move || {
                while let Some(item) = next() {
                    let result = work(item, stop);
                    let failed = result.is_err();
                    if sender.send(result).is_err() || failed {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut done = Ok(());
        for result in results {
            // After a failure the others are only waited for.
            if done.is_ok() {
                done = result.and_then(&mut each);
                if done.is_err() {
                    stop.cancel();
                }
            }
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once() {
        let mut seen = Vec::new();
        run(
            (0..50).collect(),
            3,
            &Cancel::new(),
            |n: i32, _| Ok(n * 2),
            |n| {
                seen.push(n);
                Ok(())
            },
        )
        .unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..50).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_failure_ends_the_rest() {
        let fail = |n: u32, stop: &Cancel| {
            if n == 3 {
                return Err(Error::Qemu("planted".into()));
            }
            // As a boot does, which asks now and then.
            while n > 3 && !stop.is_cancelled() {
                thread::yield_now();
            }
            Ok(n)
        };
        let failed = run((0..100).collect(), 2, &Cancel::new(), fail, |_| Ok(()));
        assert!(matches!(failed, Err(Error::Qemu(_))));
    }
}
