//! What the network namespace holds.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

use serde_json::{Value, json};

use super::{or_error, outcome};

pub(super) fn connect_abstract(name: &str) -> Value {
    outcome(SocketAddr::from_abstract_name(name).and_then(|address| UnixStream::connect_addr(&address)))
}

pub(super) fn connect_path(path: &str) -> Value {
    outcome(UnixStream::connect(path))
}

/// Of this thread's network namespace, which on isolab's stage is not that of its process.
pub(crate) fn interfaces() -> Value {
    or_error(fs::read_to_string("/proc/thread-self/net/dev").map(|text| json!(parse_interfaces(&text))))
}

/// Two lines of headings, then `name: counters`.
fn parse_interfaces(text: &str) -> Vec<String> {
    let mut names: Vec<_> =
        text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect();
    names.sort();
    names
}

pub(super) fn routes() -> Value {
    let route = |line: &str| line.split_whitespace().next().map(str::to_owned);
    or_error(
        fs::read_to_string("/proc/self/net/route")
            .map(|text| json!(text.lines().skip(1).filter_map(route).collect::<Vec<_>>())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_read_from_proc() {
        let text = "Inter-|   Receive\n face |bytes\n    lo:   0  0\n  eth0: 12  3\n";
        assert_eq!(parse_interfaces(text), ["eth0", "lo"]);
        assert_eq!(connect_abstract("isolab-nobody-listens"), json!("ECONNREFUSED"));
    }
}
