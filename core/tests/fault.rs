//! Calls fail when they are told to, and no others do. By itself, since all threads of a process take part.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use isolab_core::sys::fault::{Act, Point, aside, inject, record};
use isolab_core::sys::{Errno, Result, fs};

/// One test at a time.
static TURN: Mutex<()> = Mutex::new(());

fn two_writes() -> [Result<()>; 2] {
    let null = File::options().write(true).open("/dev/null").unwrap();
    [1, 2].map(|_| fs::write(null.as_fd(), b"x"))
}

#[test]
fn the_call_that_was_named_fails_and_no_other() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, points) = record(two_writes).unwrap();
    let seen = |point: &Point| (point.call.name(), point.nth, point.own);
    assert_eq!(points.iter().map(seen).collect::<Vec<_>>(), [("write", 1, true), ("write", 2, true)]);
    let site = points[0].site;
    assert!(site.to_string().starts_with("fs.rs:"), "{site}");
    let full = Act::Fail(Errno::ENOSPC);
    let (done, reached) = inject(site, 2, full, two_writes).unwrap();
    assert_eq!((done, reached), ([Ok(()), Err(Errno::ENOSPC)], true));
    let (done, reached) = inject(site, 3, full, two_writes).unwrap();
    assert_eq!((done, reached), ([Ok(()), Ok(())], false));
    let (done, reached) = inject(site, 1, full, || aside(two_writes)).unwrap();
    assert_eq!((done, reached), ([Ok(()), Ok(())], false));
    assert_eq!(two_writes(), [Ok(()), Ok(())]);
}

/// As a write to a v1 memory limit does when a signal arrives.
#[test]
fn a_setting_that_was_interrupted_is_written_again() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let file = std::env::temp_dir().join(format!("isolab-fault-{}", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let path = std::ffi::CString::new(file.to_str().unwrap()).unwrap();
    let set = || fs::put(&path, b"268435456");
    let (done, points) = record(set).unwrap();
    assert_eq!(done, Ok(()));
    let write = points.iter().find(|point| point.call.name() == "write").unwrap();
    std::fs::write(&file, "").unwrap();
    let (done, reached) = inject(write.site, 1, Act::Fail(Errno::EINTR), set).unwrap();
    let written = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!((done, reached, written.as_str()), (Ok(()), true, "268435456"));
}
