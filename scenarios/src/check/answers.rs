//! A probe's answers, a line each, read on the side: a container that says nothing is a result.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::rig::Source;
use crate::cancel::{Cancel, Cancelled};
use crate::launcher::{LIMIT, StartError};
use crate::probe::Answers;

/// Why a session has no facts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The launcher does not do this.
    #[error("{0}")]
    NotOffered(String),
    /// The scenario does not fit.
    #[error("{0}")]
    Scenario(String),
    #[error("{0}")]
    Start(StartError),
    #[error("hang: no answer within {} s", LIMIT.as_secs())]
    Hang,
    #[error("the container ended before it answered ({exit}): {line}")]
    Silent { exit: String, line: String },
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Somebody who answers.
pub(crate) struct Answering(Receiver<io::Result<String>>);

impl Answering {
    /// Somebody at the other end of a pipe.
    pub(crate) fn stream(stream: std::os::fd::OwnedFd) -> Answering {
        Answering::of(Source::Stream(stream))
    }

    pub(super) fn of(source: Source) -> Answering {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut lines: Box<dyn BufRead> = match source {
                Source::Stream(stream) => Box::new(BufReader::new(File::from(stream))),
                Source::File(path) => Box::new(BufReader::new(Growing::new(path))),
            };
            loop {
                let mut line = String::new();
                let read = match lines.read_line(&mut line) {
                    Ok(0) => break,
                    Ok(_) => Ok(line),
                    // A terminal whose other side is closed (ioctl_tty(2)).
                    Err(error) if error.raw_os_error() == Some(libc::EIO) => break,
                    Err(error) => Err(error),
                };
                // Nobody waits any more when the run was cancelled.
                if read.is_err() | sender.send(read).is_err() {
                    break;
                }
            }
        });
        Answering(receiver)
    }

    /// The next line of answers, or `None` when the output ended without one.
    pub(crate) fn next(&mut self, cancel: &Cancel, limit: Duration) -> Result<Option<Answers>, Failure> {
        const TICK: Duration = Duration::from_millis(50);
        let begun = Instant::now();
        loop {
            cancel.check()?;
            match self.0.recv_timeout(TICK) {
                Ok(line) => {
                    let line = line?;
                    if !line.ends_with('\n') {
                        return Ok(None);
                    }
                    return Ok(Some(serde_json::from_str(line.trim_end()).map_err(io::Error::from)?));
                }
                Err(RecvTimeoutError::Timeout) if begun.elapsed() < limit => {}
                Err(RecvTimeoutError::Timeout) => return Err(Failure::Hang),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }
}

/// A file that somebody writes to: its end is not the end, for a while.
struct Growing {
    file: Option<File>,
    path: PathBuf,
    begun: Instant,
}

impl Growing {
    fn new(path: PathBuf) -> Growing {
        Growing { file: None, path, begun: Instant::now() }
    }
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.begun.elapsed() < LIMIT {
            if self.file.is_none() {
                self.file = Some(File::open(&self.path)?);
            }
            let read = self.file.as_mut().map_or(Ok(0), |file| file.read(buffer))?;
            if read > 0 {
                return Ok(read);
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(0)
    }
}
