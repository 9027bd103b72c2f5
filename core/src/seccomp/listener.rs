//! Who decides on calls with `SCMP_ACT_NOTIFY`: an agent at a unix socket, which is given the filter's listener
//! together with the state of the container process (the runtime-spec's "Container Process State").

use std::path::PathBuf;

/// The agent, as the profile names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its socket, on the host.
    pub path: PathBuf,
    /// Passed on to it unread.
    pub metadata: Option<String>,
}

#[cfg(feature = "launch")]
pub use send::Error;

#[cfg(feature = "launch")]
mod send {
    use super::Listener;
    use crate::sys::{Errno, socket};
    use oci_spec::runtime::{ContainerProcessStateBuilder, SECCOMP_FD_NAME, State};
    use std::io::{self, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;
    use std::time::Duration;

    /// How long an agent may leave its socket full.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// What fits into a new connection's buffer at once (`net.core.wmem_default` is 208 KiB), with the descriptor.
    const FIRST: usize = 64 * 1024;

    /// Why the agent does not have the listener.
    #[derive(Debug, thiserror::Error)]
    pub enum Error {
        /// No connection, or it broke.
        #[error("{operation} the seccomp agent at {}: {source}{}", path.display(), remedy(source))]
        Socket {
            /// What was tried.
            operation: &'static str,
            /// `linux.seccomp.listenerPath`.
            path: PathBuf,
            /// The system's error.
            source: io::Error,
        },
        /// The state could not be written as JSON.
        #[error("write the state of the container process: {0}")]
        State(String),
    }

    fn remedy(error: &io::Error) -> &'static str {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                "; linux.seccomp.listenerPath must be a socket that an agent listens on before the container is created"
            }
            _ => "",
        }
    }

    impl Listener {
        /// Gives the agent `fd`, the listener of the filter that process `pid` has loaded, with the container's state
        /// (`creating`, or `created` for a process that joins it). One connection, closed after it, as the spec has it.
        ///
        /// # Errors
        /// When the agent cannot be reached or does not read; the container must not start then.
        pub fn send(&self, fd: BorrowedFd<'_>, pid: i32, state: &State) -> Result<(), Error> {
            let json = self.message(pid, state)?;
            let failed =
                |operation| move |source| Error::Socket { operation, path: self.path.clone(), source };
            let mut agent = UnixStream::connect(&self.path).map_err(failed("connect to"))?;
            agent.set_write_timeout(Some(PATIENCE)).map_err(failed("connect to"))?;
            let (first, rest) = json.split_at(json.len().min(FIRST));
            let system = |errno: Errno| io::Error::from_raw_os_error(errno.into_raw());
            socket::send_descriptor(agent.as_fd(), first, fd).map_err(system).map_err(failed("send to"))?;
            agent.write_all(rest).map_err(failed("send to"))
        }

        fn message(&self, pid: i32, state: &State) -> Result<Vec<u8>, Error> {
            let mut message = ContainerProcessStateBuilder::default()
                .version(state.version().clone())
                .fds([SECCOMP_FD_NAME.to_owned()])
                .pid(pid)
                .state(state.clone());
            if let Some(metadata) = &self.metadata {
                message = message.metadata(metadata.clone());
            }
            let message = message.build().map_err(|error| Error::State(error.to_string()))?;
            serde_json::to_vec(&message).map_err(|error| Error::State(error.to_string()))
        }
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::unwrap_used, reason = "this is test code")]

        use super::*;
        use std::io::Read;
        use std::os::fd::OwnedFd;
        use std::os::unix::net::UnixListener;

        fn state(annotation: usize) -> State {
            serde_json::from_value(serde_json::json!({
                "ociVersion": "1.2.0", "id": "c1", "status": "creating", "pid": 42, "bundle": "/b",
                "annotations": { "a": "x".repeat(annotation) }
            }))
            .unwrap()
        }

        /// What an agent receives: the descriptor, and all bytes up to the connection's end.
        fn received(listener: &Listener, state: &State) -> (OwnedFd, serde_json::Value) {
            let agent = UnixListener::bind(&listener.path).unwrap();
            let [passed, peer] = socket::pair().unwrap();
            std::thread::scope(|scope| {
                let sender = scope.spawn(|| listener.send(passed.as_fd(), 42, state));
                let (mut connection, _) = agent.accept().unwrap();
                let mut bytes = vec![0; FIRST];
                let fd = socket::receive_descriptor(connection.as_fd(), &mut bytes).unwrap();
                let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
                bytes.truncate(end + 1);
                connection.read_to_end(&mut bytes).unwrap();
                sender.join().unwrap().unwrap();
                // It is the very descriptor that was sent.
                socket::send(fd.as_fd(), 7).unwrap();
                assert_eq!(socket::receive(peer.as_fd()).unwrap(), Some(7));
                (fd, serde_json::from_slice(&bytes).unwrap())
            })
        }

        #[test]
        fn agent_gets_descriptor_and_state() {
            let path = std::env::temp_dir().join(format!("isolab-listener-{}", std::process::id()));
            for (metadata, annotation) in [(Some("meta"), 1), (None, 1), (Some("meta"), 300_000)] {
                let listener = Listener { path: path.clone(), metadata: metadata.map(str::to_owned) };
                let state = state(annotation);
                let (_, json) = received(&listener, &state);
                std::fs::remove_file(&path).unwrap();
                assert_eq!(json["ociVersion"], "1.2.0");
                assert_eq!(json["fds"], serde_json::json!(["seccompFd"]));
                assert_eq!(json["pid"], 42);
                assert_eq!(json.get("metadata").and_then(|value| value.as_str()), metadata);
                assert_eq!(json["state"], serde_json::to_value(&state).unwrap());
            }
        }

        #[test]
        fn missing_agent_is_named_with_a_remedy() {
            let listener = Listener { path: "/nonexistent/agent".into(), metadata: None };
            let [passed, _peer] = socket::pair().unwrap();
            let error = listener.send(passed.as_fd(), 1, &state(1)).unwrap_err().to_string();
            assert!(error.contains("connect to the seccomp agent at /nonexistent/agent"), "{error}");
            assert!(error.contains("listenerPath must be a socket"), "{error}");
        }
    }
}
