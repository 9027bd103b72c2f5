//! The other end of a round trip: sends back what it gets.

use std::io::{Read, Write};

/// Bytes that are answered at once.
const MOST: usize = 64 << 10;

/// Answers until the other end is closed or fails.
pub(crate) fn answer(mut stream: impl Read + Write) {
    let mut buffer = vec![0; MOST];
    while let Ok(got @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..got]).is_err() {
            return;
        }
    }
}
