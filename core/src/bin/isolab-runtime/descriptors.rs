//! Descriptors that a workload is given besides its standard streams: those of socket activation (`sd_listen_fds(3)`), and
//! as many after them as the caller asks for.

use std::ffi::CString;
use std::path::Path;

use isolab_core::config::Config;

use crate::failure::Failure;

/// `O_CLOEXEC`, the same on all architectures here.
const CLOSED_AT_EXEC: i32 = 0o2_000_000;

/// How many descriptors from 3 on are passed on; a workload that is given sockets is told so.
pub(crate) fn preserved(config: &mut Config, more: u32) -> Result<u32, Failure> {
    let variable = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    // For this process, or without saying for whom, as engines do that pass it on.
    let ours = variable("LISTEN_PID").is_none_or(|pid| pid == std::process::id());
    let listen = variable("LISTEN_FDS").filter(|_| ours).unwrap_or(0);
    if listen > 0 {
        // The workload is number 1 in its pid namespace.
        for entry in [format!("LISTEN_FDS={listen}"), "LISTEN_PID=1".to_owned()] {
            config.process.env.push(CString::new(entry).unwrap_or_default());
        }
    }
    let count = listen.checked_add(more).filter(|count| *count < 1 << 20);
    let count = count.ok_or_else(|| Failure::new(format!("--preserve-fds {more} is too many")))?;
    for fd in 3..3 + count {
        if !is_inherited(fd) {
            return Err(Failure::new(format!("--preserve-fds {more}: descriptor {fd} is not open")));
        }
    }
    Ok(count)
}

/// Whether a descriptor came from the caller: what this process opened itself is closed at an exec, and so would not be
/// here if it had been so before.
fn is_inherited(fd: u32) -> bool {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & CLOSED_AT_EXEC == 0)
}

/// Writes a process's number where an engine waits for it: at once, never half, and never through a link that somebody has
/// put there.
pub(crate) fn write_pid(path: &Path, pid: i32) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::context(&format!("--pid-file {}", path.display()), error);
    let name =
        path.file_name().ok_or_else(|| Failure::new(format!("--pid-file {}: no file", path.display())))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(hidden);
    // Of one whose number was this one's, and that was killed. What is a link goes, and not what it leads to.
    drop(std::fs::remove_file(&temporary));
    let written = std::fs::File::create_new(&temporary)
        .and_then(|mut file| std::io::Write::write_all(&mut file, pid.to_string().as_bytes()))
        .and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| {
        drop(std::fs::remove_file(&temporary));
        failed(error)
    })
}
