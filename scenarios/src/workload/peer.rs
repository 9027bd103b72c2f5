//! The ends of a network path: one serves, the other is measured.
//!
//! The measured end waits for each answer before it sends again, so it finds what one request costs on a path that is
//! otherwise idle, not what happens under load.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::stop::Stop;
use super::victim::pace::nanos;
use super::{Error, Reply, Start, echo, sink};

/// What the measured end does, in its order.
pub const OPERATIONS: [&str; 3] = ["TCP round trip", "UDP round trip", "TCP throughput"];
/// Port of the echo, over TCP and UDP. The network namespace has no other servers.
const ECHO: u16 = 7000;
/// Port of the sink.
const SINK: u16 = 7001;
/// How long the server may take to listen.
const PATIENCE: Duration = Duration::from_secs(1);
/// Round trips before the timed ones: addresses are resolved then, and the bridge knows its ports.
const WARM_UP: u32 = 20;

/// One end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Peer {
    /// Serves until its stdin ends, or for so many seconds at most.
    Serve {
        /// The most.
        seconds: f64,
    },
    /// Measures.
    Measure(Measure),
}

/// What is measured. Each operation gives one sample, in nanoseconds: the median of the round trips of 64 bytes, since one
/// that another process delays says nothing of the path, and the mean for a MiB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Who serves.
    pub server: Ipv4Addr,
    /// How many round trips, of each kind.
    pub round_trips: u32,
    /// How much to send in one direction, in MiB.
    pub mebibytes: u32,
}

impl Peer {
    pub(super) fn run(&self, start: &mut Start<'_>) -> Result<Vec<Reply>, Error> {
        match self {
            Peer::Serve { seconds } => Ok(vec![serve(*seconds, start)?]),
            Peer::Measure(measure) => measure.run(start),
        }
    }
}

fn serve(seconds: f64, start: &mut Start<'_>) -> Result<Reply, Error> {
    let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    // Nothing is open before the start: until then the container is compared with what was asked for. The port that clients
    // wait for comes last.
    start()?;
    let udp = UdpSocket::bind(any(ECHO)).map_err(at("bind the echo's UDP port"))?;
    let bulk = TcpListener::bind(any(SINK)).map_err(at("listen for the sink"))?;
    let tcp = TcpListener::bind(any(ECHO)).map_err(at("listen for echoes"))?;
    let begun = Instant::now();
    let stop = Stop::new(seconds, io::stdin());
    // The threads are never joined: the process ends first. A server that fails is seen by its client.
    std::thread::spawn(move || echo::serve_tcp(&tcp));
    std::thread::spawn(move || echo::serve_udp(&udp));
    std::thread::spawn(move || sink::serve(&bulk));
    while !stop.reached() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Reply { seconds: begun.elapsed().as_secs_f64(), ..Reply::default() })
}

impl Measure {
    fn run(&self, start: &mut Start<'_>) -> Result<Vec<Reply>, Error> {
        let server = |port| SocketAddr::from((self.server, port));
        let to = |operation: &str| at(format!("{operation}, {}", self.server));
        let [tcp, udp, bulk] = OPERATIONS;
        start()?;
        let mut stream = patiently(|| echo::connect(server(ECHO))).map_err(to(tcp))?;
        let socket = echo::connect_udp(server(ECHO)).map_err(to(udp))?;
        let mut by_tcp = |mark| echo::round_trip(&mut stream, mark);
        let mut by_udp = |mark| echo::round_trip_udp(&socket, mark);
        median(WARM_UP, &mut by_tcp).map_err(to(tcp))?;
        median(WARM_UP, &mut by_udp).map_err(to(udp))?;
        let by_tcp = median(self.round_trips, &mut by_tcp).map_err(to(tcp))?;
        let by_udp = median(self.round_trips, &mut by_udp).map_err(to(udp))?;
        let mebibytes = u64::from(self.mebibytes.max(1));
        let passed = sink::send(server(SINK), mebibytes * sink::CHUNKS_OF_MIB).map_err(to(bulk))?;
        let samples = [by_tcp, by_udp, nanos(passed) / mebibytes];
        let work = [u64::from(self.round_trips), u64::from(self.round_trips), mebibytes];
        let replies = OPERATIONS.iter().zip(samples.into_iter().zip(work));
        Ok(replies.map(|(name, (sample, work))| reply(name, sample, work)).collect())
    }
}

fn reply(name: &str, sample: u64, work: u64) -> Reply {
    let seconds = Duration::from_nanos(sample.saturating_mul(work)).as_secs_f64();
    Reply { name: name.to_owned(), samples: vec![sample], work, seconds, ..Reply::default() }
}

/// Tries again while nobody listens: the server has been started, and is about to.
fn patiently<T>(connect: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        match connect() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            done => return done,
        }
    }
}

/// The median nanoseconds of so many round trips, each with a mark that the one before did not have.
fn median(count: u32, round_trip: &mut dyn FnMut(u8) -> io::Result<()>) -> io::Result<u64> {
    let mut samples = Vec::with_capacity(count as usize);
    for number in 0..count {
        let begun = Instant::now();
        round_trip((number % 251) as u8)?;
        samples.push(nanos(begun.elapsed()));
    }
    samples.sort_unstable();
    Ok(samples.get(samples.len() / 2).copied().unwrap_or_default())
}

fn at(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let operation = operation.into();
    move |source| Error::Io { operation, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_as_they_are_written() {
        let measure = Measure { server: Ipv4Addr::new(198, 18, 0, 2), round_trips: 100, mebibytes: 8 };
        for peer in [Peer::Serve { seconds: 2.5 }, Peer::Measure(measure)] {
            let text = serde_json::to_string(&peer).unwrap();
            assert_eq!(serde_json::from_str::<Peer>(&text).unwrap(), peer, "{text}");
        }
    }

    #[test]
    fn every_round_trip_has_its_mark() {
        let mut marks = Vec::new();
        median(300, &mut |mark| {
            marks.push(mark);
            Ok(())
        })
        .unwrap();
        assert_eq!(marks.len(), 300);
        assert!(marks.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_missing_server_is_named() {
        // Nobody listens on this address of the host.
        let server = Ipv4Addr::new(127, 18, 0, 9);
        let error = Measure { server, round_trips: 1, mebibytes: 1 }.run(&mut || Ok(())).unwrap_err();
        assert!(error.to_string().contains("TCP round trip, 127.18.0.9"), "{error}");
    }
}
