//! A sink for bytes, and what fills it: the throughput of one TCP connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Bytes of a write, and of a read at most.
const CHUNK: usize = 64 << 10;
/// How long the count is waited for once all is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads each connection to its end, in a thread of its own, and answers with the number of bytes.
///
/// # Errors
/// When no connection can be accepted any more, or there can be no thread.
pub fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        // A connection that breaks is its client's failure, which the client says.
        std::thread::Builder::new().spawn(move || drop(drain(stream)))?;
    }
}

fn drain(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut count = 0_u64;
    loop {
        match stream.read(&mut buffer)? {
            0 => return stream.write_all(&count.to_le_bytes()),
            length => count += length as u64,
        }
    }
}

/// Sends so many chunks of 64 KiB over a new connection. The time begins when it is there and ends when the other end says
/// that it has read them all.
///
/// # Errors
/// When the connection breaks, or not all arrived.
pub fn send(server: SocketAddr, chunks: u64) -> io::Result<Duration> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (chunk, mut count) = (vec![b'i'; CHUNK], [0; 8]);
    let begun = Instant::now();
    for _ in 0..chunks {
        stream.write_all(&chunk)?;
    }
    stream.shutdown(Shutdown::Write)?;
    stream.read_exact(&mut count)?;
    let passed = begun.elapsed();
    match u64::from_le_bytes(count) == chunks * CHUNK as u64 {
        true => Ok(passed),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "not as much arrived as was sent")),
    }
}

/// Chunks of a MiB.
pub(super) const CHUNKS_OF_MIB: u64 = (1 << 20) / CHUNK as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_sent_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || serve(&listener));
        assert!(send(address, 3 * CHUNKS_OF_MIB).unwrap() > Duration::ZERO);
        send(address, 0).unwrap();
    }
}
