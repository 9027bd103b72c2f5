//! How a guest is heard: its messages, as lines of JSON in one zlib stream, on its second serial port.
//!
//! Compressed, because an emulated serial port is slow; flushed after each message, so that whoever reads the growing
//! file decodes as far as the bytes go.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress};
use isolab_core::sys::terminal;

use super::job::Message;

/// The port, as the guest names it.
pub(super) const PORT: &str = "/dev/ttyS1";

/// The guest's end.
pub(super) struct Wire {
    stream: ZlibEncoder<File>,
}

impl Wire {
    pub(super) fn open() -> io::Result<Wire> {
        let port = OpenOptions::new().write(true).open(PORT)?;
        terminal::set_raw(port.as_fd()).map_err(system)?;
        Ok(Wire { stream: ZlibEncoder::new(port, Compression::default()) })
    }

    /// Says it and waits until it is gone, so that nothing of it is left to disturb what comes next.
    pub(super) fn say(&mut self, message: &Message) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.stream.write_all(&line)?;
        self.stream.flush()?;
        terminal::drain(self.stream.get_ref().as_fd()).map_err(system)
    }
}

fn system(errno: isolab_core::sys::Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.into_raw())
}

/// What was heard of a guest so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    /// In the order in which they were said.
    pub messages: Vec<Message>,
}

impl Heard {
    /// Whether the guest has said that it is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.messages.last() == Some(&Message::Done)
    }
}

/// Decodes what a guest has sent so far. An unfinished or broken end is left out.
#[must_use]
pub fn read(bytes: &[u8]) -> Heard {
    let text = inflate(bytes);
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    Heard { messages: lines.map_while(|line| serde_json::from_slice(line).ok()).collect() }
}

/// Inflates as far as the bytes go.
fn inflate(bytes: &[u8]) -> Vec<u8> {
    /// By how much the output grows at a time.
    const STEP: usize = 256 << 10;
    let mut stream = Decompress::new(true);
    let mut text = Vec::new();
    loop {
        text.reserve(STEP);
        let (consumed, produced) = (stream.total_in(), stream.total_out());
        let rest = &bytes[consumed as usize..];
        let done = stream.decompress_vec(rest, &mut text, FlushDecompress::Sync);
        let stuck = (stream.total_in(), stream.total_out()) == (consumed, produced);
        match done {
            Ok(flate2::Status::Ok) if !stuck => {}
            _ => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::guest::End;

    fn said() -> Vec<Message> {
        let stdout: String = (0..200_000).map(|n| format!("{n}\n")).collect();
        vec![
            Message::Ready { release: "6.1".into(), problems: vec!["no \"veth\"".into()] },
            Message::Begun { command: 0 },
            Message::Ended { command: 0, end: End::Status(0), stdout, stderr: String::new() },
            Message::Done,
        ]
    }

    fn sent(messages: &[Message]) -> Vec<u8> {
        let mut stream = ZlibEncoder::new(Vec::new(), Compression::default());
        for message in messages {
            let mut line = serde_json::to_vec(message).unwrap();
            line.push(b'\n');
            stream.write_all(&line).unwrap();
            stream.flush().unwrap();
        }
        // A guest powers off without finishing the stream.
        stream.get_ref().clone()
    }

    #[test]
    fn everything_that_was_said_is_heard() {
        let heard = read(&sent(&said()));
        assert_eq!(heard.messages, said());
        assert!(heard.is_complete());
    }

    #[test]
    fn a_growing_file_is_heard_as_far_as_it_goes() {
        let bytes = sent(&said());
        let first = sent(&said()[..1]).len();
        assert_eq!(read(&bytes[..first]).messages, said()[..1]);
        let last = sent(&said()[..3]).len();
        for cut in [0, 1, first, bytes.len() / 2, last - 1, last] {
            let heard = read(&bytes[..cut]);
            assert!(said().starts_with(&heard.messages) && !heard.is_complete(), "cut at {cut}");
        }
    }

    #[test]
    fn garbage_is_not_heard() {
        assert_eq!(read(b"QEMU: terminating on signal 15"), Heard::default());
        let mut bytes = sent(&said());
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 64] {
            *byte ^= 0x5a;
        }
        assert!(!read(&bytes).is_complete());
    }
}
