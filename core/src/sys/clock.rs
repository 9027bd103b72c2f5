//! Clocks.

/// Nanoseconds of `CLOCK_MONOTONIC`. Through the vDSO where there is one, so usually not a system call.
#[must_use]
pub fn monotonic() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds of `CLOCK_TAI`, the one clock that runs evenly and that a time namespace does not shift
/// (`time_namespaces(7)`): the only one for both sides of a launch. Through the vDSO as well.
#[must_use]
pub fn tai() -> u64 {
    read(libc::CLOCK_TAI)
}

/// Nanoseconds of `CLOCK_BOOTTIME`.
#[must_use]
pub fn boottime() -> u64 {
    read(libc::CLOCK_BOOTTIME)
}

/// Nanoseconds of the calling thread's CPU time.
#[must_use]
pub fn thread_cpu() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Nanoseconds of CPU time of this process, all threads together.
#[must_use]
pub fn process_cpu() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Nanoseconds of CPU time of another process, all its threads together; also after its end, until it is reaped.
///
/// # Errors
/// `EINVAL` when there is no such process.
pub fn process_cpu_of(pid: i32) -> super::Result<u64> {
    // clock_getcpuclockid(3): the complement of the process id, and CPUCLOCK_SCHED (2) for the scheduler's exact time.
    let clock = (!pid << 3) | 2;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is writable.
    unsafe { super::call(super::Sysno::clock_gettime, super::args![clock, &raw mut time]) }?;
    Ok(nanoseconds(time))
}

/// Nanoseconds of CPU time of all children of this process that have ended and were waited for, with those that they
/// had waited for themselves; in microseconds' steps.
#[must_use]
pub fn children_cpu() -> u64 {
    // SAFETY: a structure of integers, for which zero is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is writable. With these arguments it cannot fail.
    let status = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    debug_assert_eq!(status, 0);
    let nanoseconds =
        |time: libc::timeval| (time.tv_sec as u64) * 1_000_000_000 + (time.tv_usec as u64) * 1000;
    nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is writable. The clocks above exist on every kernel since 2.6.39, so it cannot fail.
    let status = unsafe { libc::clock_gettime(clock, &raw mut time) };
    debug_assert_eq!(status, 0);
    nanoseconds(time)
}

fn nanoseconds(time: libc::timespec) -> u64 {
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

/// Sleeps until `CLOCK_MONOTONIC` shows `deadline`; returns at once when it is past.
pub fn sleep_until(deadline: u64) {
    let time = libc::timespec {
        tv_sec: (deadline / 1_000_000_000) as libc::time_t,
        tv_nsec: (deadline % 1_000_000_000) as libc::c_long,
    };
    let flags = libc::TIMER_ABSTIME;
    loop {
        // SAFETY: the time outlives the call; with an absolute deadline nothing is written back.
        let status = unsafe {
            libc::clock_nanosleep(libc::CLOCK_MONOTONIC, flags, &raw const time, std::ptr::null_mut())
        };
        if status != libc::EINTR {
            return;
        }
    }
}

/// Nanoseconds of `CLOCK_REALTIME` since the epoch.
#[must_use]
pub fn realtime() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// How late the calling thread's timers may fire, in nanoseconds (`PR_SET_TIMERSLACK`; the default is 50 µs, which
/// would hide smaller delays).
///
/// # Errors
/// None known.
pub fn set_timer_slack(nanoseconds: u64) -> super::Result<()> {
    // SAFETY: no pointers.
    unsafe { super::call(super::Sysno::prctl, super::args![libc::PR_SET_TIMERSLACK, nanoseconds]) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_of_a_process_is_there_until_it_is_reaped() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done"])
            .spawn()
            .unwrap();
        let pid = child.id().cast_signed();
        let pidfd = crate::sys::process::pidfd_open(pid).unwrap();
        crate::sys::process::poll(&[std::os::fd::AsFd::as_fd(&pidfd)], None).unwrap();
        let used = process_cpu_of(pid).unwrap();
        assert!((10_000..10_000_000_000).contains(&used), "{used}");
        let before = children_cpu();
        child.wait().unwrap();
        assert_eq!(process_cpu_of(pid), Err(crate::sys::Errno::EINVAL));
        // Other tests wait for children of their own meanwhile.
        assert!(children_cpu() - before + 2000 >= used, "{} {before} {used}", children_cpu());
    }
}
