//! Echo, as RFC 862 has it: what arrives is sent back. The client's side is one round trip of one message.
//!
//! Nagle's algorithm is off on both sides: it would hold a small message back until the one before is acknowledged.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// Bytes of a message: those of one cache line, far below any link's MTU.
pub const MESSAGE: usize = 64;
/// How long an answer is waited for. A datagram that is lost is an error, not a hang.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves connections, each in a thread that ends with it.
///
/// # Errors
/// When no connection can be accepted any more, or there can be no thread.
pub fn serve_tcp(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        // A connection that breaks is its client's failure, which the client says.
        std::thread::Builder::new().spawn(move || drop(serve_connection(stream)))?;
    }
}

fn serve_connection(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    answer(stream)
}

/// Answers on any stream until its other end is closed.
///
/// # Errors
/// When the stream fails.
pub fn answer(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buffer = [0; MESSAGE];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}

/// Serves datagrams.
///
/// # Errors
/// When the socket fails.
pub fn serve_udp(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; MESSAGE];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        socket.send_to(&buffer[..length], from)?;
    }
}

/// A connection for [`round_trip`].
///
/// # Errors
/// When there is no server.
pub fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends a message and waits until all of it is back.
///
/// # Errors
/// When the connection breaks, or something else comes back.
pub fn round_trip(stream: &mut (impl Read + Write), mark: u8) -> io::Result<()> {
    let mut back = [0; MESSAGE];
    stream.write_all(&[mark; MESSAGE])?;
    stream.read_exact(&mut back)?;
    same(&back, mark)
}

/// A socket for [`round_trip_udp`], which takes datagrams of the server alone.
///
/// # Errors
/// When there is no way to it.
pub fn connect_udp(server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Sends a message in a datagram and waits until it is back.
///
/// # Errors
/// When it is lost, or something else comes back.
pub fn round_trip_udp(socket: &UdpSocket, mark: u8) -> io::Result<()> {
    let mut back = [0; MESSAGE + 1];
    socket.send(&[mark; MESSAGE])?;
    let length = socket.recv(&mut back)?;
    same(&back[..length], mark)
}

fn same(back: &[u8], mark: u8) -> io::Result<()> {
    match back == [mark; MESSAGE] {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "not what was sent came back")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_over_tcp() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || serve_tcp(&listener));
        let mut streams = [connect(address).unwrap(), connect(address).unwrap()];
        for mark in 0..4 {
            for stream in &mut streams {
                round_trip(stream, mark).unwrap();
            }
        }
    }

    #[test]
    fn messages_come_back_over_udp() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        std::thread::spawn(move || serve_udp(&server));
        let socket = connect_udp(address).unwrap();
        (0..4).for_each(|mark| round_trip_udp(&socket, mark).unwrap());
    }

    #[test]
    fn something_else_is_no_echo() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = connect_udp(server.local_addr().unwrap()).unwrap();
        server.send_to(&[1; MESSAGE - 1], socket.local_addr().unwrap()).unwrap();
        assert_eq!(round_trip_udp(&socket, 1).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
