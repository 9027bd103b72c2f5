//! Victim: a round trip to a server on the bridge, over TCP without delay.

use std::net::{SocketAddr, TcpStream};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;
use crate::workload::echo;

/// Parameters of the network victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimNetwork")]
pub struct Network {
    /// The server.
    pub to: SocketAddr,
}

impl Network {
    /// The connection is made by the first request: before the start the container has no link.
    pub(super) fn serve(&self) -> Serve {
        let to = self.to;
        let mut connected: Option<TcpStream> = None;
        Box::new(move || {
            let stream = match &mut connected {
                Some(stream) => stream,
                none => none.insert(echo::connect(to)?),
            };
            echo::round_trip(stream, b'i')
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_request_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        std::thread::spawn(move || echo::serve_tcp(&listener));
        let mut serve = Network { to }.serve();
        assert!((0..3).all(|_| serve().is_ok()));
    }
}
