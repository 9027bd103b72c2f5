//! Victim: a client and a server thread that talk over a pair of Unix sockets. A request is answered when its bytes have come
//! back, so it feels two wake-ups, which the scheduler may place anywhere.

use std::io;
use std::os::unix::net::UnixStream;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;
use crate::workload::echo;

/// Parameters of the request server: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimServer")]
pub struct Server {}

impl Server {
    #[expect(clippy::unused_self, reason = "as every victim")]
    pub(super) fn serve(&self) -> io::Result<Serve> {
        let (mut client, server) = UnixStream::pair()?;
        // It ends with the client's end; what fails there fails here.
        std::thread::spawn(move || drop(echo::answer(server)));
        Ok(Box::new(move || echo::round_trip(&mut client, b'i')))
    }
}
