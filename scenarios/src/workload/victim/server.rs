//! Victim: a client and a server thread that talk over a pair of Unix sockets. A request is answered when its bytes have come
//! back, so it feels two wake-ups, which the scheduler may place anywhere.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};

use super::Serve;
use crate::workload::echo;

/// Parameters of the request server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Bytes of a request and of its answer.
    pub bytes: usize,
}

impl Server {
    pub(super) fn serve(&self) -> io::Result<Serve> {
        let (mut client, server) = UnixStream::pair()?;
        // It ends with the client's end.
        std::thread::spawn(move || echo::answer(server));
        let (request, mut answer) = (vec![b'i'; self.bytes], vec![0; self.bytes]);
        Ok(Box::new(move || {
            client.write_all(&request)?;
            client.read_exact(&mut answer)
        }))
    }
}
