//! Victim: a round trip to a server on the bridge, over TCP without delay.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Serve;

/// No round trip on one host takes as long, unless something is lost.
const LIMIT: Duration = Duration::from_secs(5);

/// Parameters of the network victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The server.
    pub to: SocketAddr,
    /// Bytes of a request and of its answer.
    pub bytes: usize,
}

impl Network {
    /// The connection is made by the first request: before the start the container has no link.
    pub(super) fn serve(&self) -> Serve {
        let (to, request, mut answer) = (self.to, vec![b'i'; self.bytes], vec![0; self.bytes]);
        let mut connected: Option<TcpStream> = None;
        Box::new(move || {
            let stream = match &mut connected {
                Some(stream) => stream,
                none => none.insert(connect(to)?),
            };
            stream.write_all(&request)?;
            stream.read_exact(&mut answer)
        })
    }
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, LIMIT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::workload::echo;

    #[test]
    fn a_request_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        std::thread::spawn(move || echo::answer(listener.accept().unwrap().0));
        let mut serve = Network { to, bytes: 64 }.serve();
        assert!((0..3).all(|_| serve().is_ok()));
    }
}
