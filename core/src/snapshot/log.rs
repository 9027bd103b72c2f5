//! The kernel's log: what it says of faults of its own since the scope was made. Whose launch it was it does not say, so
//! what another has caused counts as well: after an oops nothing on this host can be trusted.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

use super::look::Look;
use super::{Kind, Scope};

/// What such lines have in them: of oopses and warnings, and of what was not given back.
const ALARMING: [&str; 12] = [
    "BUG:",
    "WARNING:",
    "Oops",
    "Kernel panic",
    "general protection fault",
    "unable to handle",
    "possible circular locking",
    "blocked for more than",
    "leaked",
    "refcount",
    "still in use",
    "negative i_count",
];
/// How many are kept.
const MOST: usize = 100;

/// The log from some time on. What is read once is not there to be read again, so it is kept.
#[derive(Debug)]
pub(super) struct Log(Mutex<(io::Result<File>, Vec<String>)>);

impl Log {
    /// From now on.
    pub(super) fn new() -> Log {
        // Each read is one record, and the end is EAGAIN (Documentation/ABI/testing/dev-kmsg).
        let open = File::options().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg");
        let at_end = open.and_then(|mut file| io::Seek::seek(&mut file, io::SeekFrom::End(0)).map(|_| file));
        Log(Mutex::new((at_end, Vec::new())))
    }

    /// The alarming lines so far.
    fn lines(&self) -> Result<Vec<String>, String> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, lines) = &mut *guard;
        let file = file.as_mut().map_err(|error| error.to_string())?;
        let mut record = [0; 8192];
        loop {
            match file.read(&mut record) {
                Ok(0) => break,
                Ok(length) => {
                    let found = alarm(&String::from_utf8_lossy(record.get(..length).unwrap_or_default()));
                    lines.extend(found.filter(|_| lines.len() < MOST));
                }
                // Records that were overwritten before they were read are lost.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(lines.clone())
    }
}

/// `level,sequence,microseconds,flags;text`, and further lines for machines. With the number and the time, since the same
/// may be said twice.
fn alarm(record: &str) -> Option<String> {
    let (head, text) = record.split_once(';')?;
    let text = text.lines().next()?;
    let mut fields = head.split(',').skip(1);
    let (number, time) = (fields.next()?, fields.next()?.parse::<u64>().ok()? / 1_000_000);
    let found = ALARMING.iter().any(|word| text.contains(word));
    found.then(|| format!("{text} (record {number}, {time} s after boot)"))
}

pub(super) fn look(look: &mut Look<'_>) {
    let Scope { log, .. } = look.scope;
    match log.lines() {
        Ok(lines) => lines.into_iter().for_each(|line| look.saw(Kind::Log, line.clone(), line)),
        Err(error) => look.unseen("/dev/kmsg", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets are records: each read is one.
    #[test]
    fn what_was_said_once_is_kept() {
        let (write, read) = std::os::unix::net::UnixDatagram::pair().unwrap();
        read.set_nonblocking(true).unwrap();
        let log = Log(Mutex::new((Ok(File::from(std::os::fd::OwnedFd::from(read))), Vec::new())));
        for record in ["6,1,2,-;calm", "4,2,3,-;1 page leaked", "6,3,4,-;calm"] {
            write.send(record.as_bytes()).unwrap();
        }
        for _ in 0..2 {
            assert_eq!(log.lines().unwrap(), ["1 page leaked (record 2, 0 s after boot)"]);
        }
    }

    #[test]
    fn faults_are_told_from_what_is_only_said() {
        let record = "4,812,34567890,-;refcount_t: underflow; use-after-free.\n SUBSYSTEM=x\n";
        let expected = "refcount_t: underflow; use-after-free. (record 812, 34 s after boot)";
        assert_eq!(alarm(record).as_deref(), Some(expected));
        for word in ["BUG: kernel NULL pointer", "Oops: 0000 [#1]", "lo is still in use", "3 pages leaked"] {
            assert!(alarm(&format!("3,1,2,-;{word}")).is_some(), "{word}");
        }
        for calm in ["6,1,2,-;eth0: link up", "6,1,2,-;calm\n A=BUG:", "no record", "6;BUG:"] {
            assert_eq!(alarm(calm), None, "{calm}");
        }
    }
}
