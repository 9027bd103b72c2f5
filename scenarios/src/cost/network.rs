//! Network: round trip and throughput over a veth pair and a bridge, against loopback.
//!
//! | path | the measured end is in | and the server in |
//! | --- | --- | --- |
//! | loopback | a network namespace | the same |
//! | veth and bridge | another, linked to the bridge | the first, linked to the bridge |
//! | veth to bridge | the same other | the bridge's namespace, at its address |
//!
//! Both ends are containers, of which only the network differs. Two containers, held at their exec, own the namespaces for
//! as long as it is measured, and the others join them: the servers once, the measured end anew for each path in each
//! round, since a container has one network namespace. A sample is of a batch, over connections that are there.
//!
//! Links have the kernel's defaults: MTU 1500 and offloads on a veth, which hands over packets of up to 64 KiB within a host,
//! and MTU 65536 on loopback. Nothing is pinned: on a host with few CPUs the ends take turns on them as the scheduler decides, which is part of a
//! round trip.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::launch::Container;
use isolab_reports::record::{Cost, NotTested, Series};
use serde_json::Value;

use super::Options;
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::network::{GATEWAY, Lab, of_process};
use crate::progress::Progress;
use crate::ready::{Error, LIMIT, Ready, enforced_or_not};
use crate::schedule::{Limits, Rounds};
use crate::workload::peer::{Measure, OPERATIONS, Peer};
use crate::workload::session::Session;
use crate::workload::{Reply, Request};

/// What the ids of the costs in the record begin with.
pub const ID: &str = "network";
/// Limits for a run of about ten seconds.
pub const QUICK: Limits = Limits { rounds: 60, time: Duration::from_secs(10), seed: 1 };
/// The paths, in the order of the series. A round takes each once.
pub const PATHS: [&str; 3] = ["loopback", "veth and bridge", "veth to bridge"];

/// Where the server is, and where the measured end on the bridge is.
const SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 3);
/// Round trips in a sample, of each kind.
const ROUND_TRIPS: u32 = 200;
/// MiB in a sample of the throughput.
const MEBIBYTES: u32 = 64;

/// The samples of an operation on a path, round by round.
#[derive(Debug)]
pub struct Lane {
    /// One of [`OPERATIONS`].
    pub operation: &'static str,
    /// One of [`PATHS`].
    pub path: &'static str,
    /// Nanoseconds for a round trip, or for a MiB.
    pub samples: Vec<u64>,
    /// Asked against got, of the measured end.
    pub enforced: String,
}

/// The containers that own the namespaces, and the servers in them. Fields are dropped in their order.
pub struct Bench {
    servers: Vec<Session>,
    /// The first has the server's namespace, the second the measured end's on the bridge.
    owners: [Container; 2],
    lab: Lab,
    bundle: Bundle,
    bed: Bed,
}

impl Bench {
    /// Makes the network and starts the servers.
    ///
    /// # Errors
    /// When this host cannot make them; it takes root, and a kernel with bridges and veth.
    pub fn new(options: &Options<'_>, host: &Host, cancel: &Cancel) -> Result<Bench, Error> {
        let lab = Lab::new()?;
        let bed = Bed::new(options.program, host)?;
        let bundle = bed.bundle(ID, bed.config(ID))?;
        let owners = [owner(&bed, &bundle, "owner-0")?, owner(&bed, &bundle, "owner-1")?];
        for (owner, address) in owners.iter().zip([SERVER, CLIENT]) {
            lab.attach(of_process(owner.pid())?.as_fd(), address)?;
        }
        let mut bench = Bench { servers: Vec::new(), owners, lab, bundle, bed };
        let serve = Peer::Serve { seconds: SERVERS_LIVE.as_secs_f64() };
        for (id, namespace) in [("server", bench.of_owner(0)), ("bridge", bench.of_bridge())] {
            let mut server = bench.session(id, &namespace, &serve, cancel)?;
            server.go()?;
            bench.servers.push(server);
        }
        Ok(bench)
    }

    /// The network namespace of an owner, as a path.
    fn of_owner(&self, owner: usize) -> PathBuf {
        format!("/proc/{}/ns/net", self.owners[owner].pid()).into()
    }

    /// The bridge's network namespace, which no process lives in, as a path.
    fn of_bridge(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.lab.namespace().as_raw_fd()).into()
    }

    /// Starts one end in a container that joins a network namespace.
    fn session(
        &self,
        id: &str,
        namespace: &std::path::Path,
        peer: &Peer,
        cancel: &Cancel,
    ) -> Result<Session, Error> {
        let mut config = self.bundle.config().clone();
        config["linux"]["cgroupsPath"] = self.bed.group(id).into();
        join(&mut config, namespace);
        let request = Request::Peer(peer.clone());
        Session::launch(id, &config, &request, (self.bundle.dir(), id, &self.bed.host), cancel)
    }

    /// One sample of each operation on a path, and asked against got.
    fn round(&self, path: usize, cancel: &Cancel) -> Result<(Vec<Reply>, String), Error> {
        let (namespace, server) = match path {
            0 => (self.of_owner(0), Ipv4Addr::LOCALHOST),
            1 => (self.of_owner(1), SERVER),
            _ => (self.of_owner(1), GATEWAY),
        };
        let measure = Peer::Measure(Measure { server, round_trips: ROUND_TRIPS, mebibytes: MEBIBYTES });
        let mut session = self.session("measured", &namespace, &measure, cancel)?;
        session.go()?;
        let enforced = session.enforced().to_owned();
        Ok((session.finish(OPERATIONS.len(), LIMIT, cancel)?, enforced))
    }

    /// Measures.
    ///
    /// # Errors
    /// When a path does not work, or the run is to stop.
    pub fn lanes(
        &self,
        limits: Limits,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Vec<Lane>, Error> {
        let mut lanes = empty();
        progress.begin("network", u64::from(limits.rounds) * PATHS.len() as u64);
        let mut rounds = Rounds::new(PATHS.len(), limits);
        while let Some(order) = rounds.next_round() {
            for path in order {
                progress.step(PATHS[path]);
                let (replies, enforced) = self.round(path, cancel)?;
                add(&mut lanes, path, &replies, &enforced);
            }
        }
        progress.done();
        Ok(lanes)
    }

    /// Ends the servers and removes the containers.
    ///
    /// # Errors
    /// When a server has ended otherwise, or a container cannot be removed.
    pub fn end(self, cancel: &Cancel) -> Result<(), Error> {
        self.servers.into_iter().try_for_each(|server| server.stop(1, LIMIT, cancel).map(drop))?;
        self.owners.into_iter().try_for_each(|owner| Ok(owner.remove()?))
    }
}

/// No run is as long.
const SERVERS_LIVE: Duration = Duration::from_secs(24 * 60 * 60);

/// A container with a network namespace of its own, verified, which is held at its exec.
fn owner(bed: &Bed, bundle: &Bundle, id: &str) -> Result<Container, Error> {
    let mut config = bundle.config().clone();
    config["linux"]["cgroupsPath"] = bed.group(id).into();
    let ready = Ready::new(&config, bundle.dir(), id, &bed.host)?;
    let container = ready.held()?;
    enforced_or_not(ready.enforced(&container)?)?;
    Ok(container)
}

/// Makes the container join a network namespace instead of having its own.
fn join(config: &mut Value, namespace: &std::path::Path) {
    let namespaces = config["linux"]["namespaces"].as_array_mut();
    for kind in namespaces.into_iter().flatten().filter(|kind| kind["type"] == "network") {
        kind["path"] = namespace.display().to_string().into();
    }
}

/// Operation by operation, each on all paths.
fn empty() -> Vec<Lane> {
    let lane = |operation, path| Lane { operation, path, samples: Vec::new(), enforced: String::new() };
    OPERATIONS.into_iter().flat_map(|operation| PATHS.map(|path| lane(operation, path))).collect()
}

fn add(lanes: &mut [Lane], path: usize, replies: &[Reply], enforced: &str) {
    for (operation, reply) in replies.iter().enumerate() {
        let lane = &mut lanes[operation * PATHS.len() + path];
        lane.samples.extend(&reply.samples);
        enforced.clone_into(&mut lane.enforced);
    }
}

/// Measures, for a record.
///
/// # Errors
/// When the run is to stop.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let measured = Bench::new(options, host, cancel).and_then(|bench| {
        let lanes = bench.lanes(options.limits, progress, cancel)?;
        bench.end(cancel)?;
        Ok(lanes)
    });
    match measured {
        Ok(lanes) => Ok((costs(&lanes, host.cpus.len()), Vec::new())),
        Err(error) => Ok((Vec::new(), vec![error.into_not_tested(ID)?])),
    }
}

/// One for each operation, with the paths as its series.
fn costs(lanes: &[Lane], cpus: usize) -> Vec<Cost> {
    let titles = [
        format!(
            "Time for a round trip of 64 bytes by TCP between two containers, the median of {ROUND_TRIPS}"
        ),
        format!(
            "Time for a round trip of 64 bytes by UDP between two containers, the median of {ROUND_TRIPS}"
        ),
        format!(
            "Time to send a MiB by TCP from one container to another, the mean of {MEBIBYTES}, in writes of 64 KiB"
        ),
    ];
    let operations = lanes.chunks(PATHS.len()).zip(OPERATIONS).zip(titles);
    let costs = operations.map(|((lanes, operation), title)| Cost {
        id: format!("{ID}-{}", operation.to_lowercase().replace(' ', "-")),
        title: format!("{title}, on {cpus} CPUs, nothing pinned"),
        launcher: "core".into(),
        series: lanes.iter().map(series).collect(),
    });
    costs.collect()
}

fn series(lane: &Lane) -> Series {
    let against = (lane.path != PATHS[0]).then_some(PATHS[0]);
    Series { enforced: Some(lane.enforced.clone()), ..Series::of(lane.path, against, lane.samples.clone()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn replies(samples: [u64; 3]) -> Vec<Reply> {
        samples.map(|sample| Reply { samples: vec![sample], ..Reply::default() }).to_vec()
    }

    #[test]
    fn samples_go_to_their_operation_and_path() {
        let mut lanes = empty();
        for (path, samples) in [(2, [5, 6, 7]), (0, [1, 2, 3]), (1, [8, 9, 10])] {
            add(&mut lanes, path, &replies(samples), "enforced");
        }
        let samples: Vec<u64> = lanes.iter().flat_map(|lane| lane.samples.clone()).collect();
        assert_eq!(samples, [1, 8, 5, 2, 9, 6, 3, 10, 7]);
    }

    #[test]
    fn every_path_is_compared_with_loopback() {
        let costs = costs(&empty(), 2);
        let ids: Vec<&str> = costs.iter().map(|cost| &*cost.id).collect();
        assert_eq!(ids, ["network-tcp-round-trip", "network-udp-round-trip", "network-tcp-throughput"]);
        for cost in &costs {
            let series: Vec<_> = cost.series.iter().map(|s| (&*s.name, s.against.as_deref())).collect();
            let over = Some("loopback");
            assert_eq!(series, [("loopback", None), ("veth and bridge", over), ("veth to bridge", over)]);
        }
    }

    #[test]
    fn a_container_joins_a_network_namespace_and_no_other() {
        let mut config = json!({"linux": {"namespaces": [{"type": "pid"}, {"type": "network"}]}});
        join(&mut config, std::path::Path::new("/proc/7/ns/net"));
        let joined = json!([{"type": "pid"}, {"type": "network", "path": "/proc/7/ns/net"}]);
        assert_eq!(config["linux"]["namespaces"], joined);
    }
}
