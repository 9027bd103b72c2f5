//! Round trip and throughput over veth and a bridge, against loopback: `isolab bench network` with more rounds.
//!
//! The bench's own binary is what runs in the containers.

use std::process::ExitCode;
use std::time::Duration;

use criterion::{Criterion, criterion_group};
use isolab_benches::{Recording, inside_or, options, program};
use isolab_core::host::Host;
use isolab_reports::stats::{Paired, Sorted};
use isolab_reports::units;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::network::{self, Bench, Lane, PATHS};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;

const LIMITS: Limits = Limits { rounds: 200, time: Duration::from_secs(60), seed: 1 };

fn paths(_: &mut Criterion) {
    let mut recording = Recording::begin("network");
    let (program, cancel) = (program(), Cancel::new());
    let bench = match Bench::new(&options(&program, LIMITS), &Host::probe(), &cancel) {
        Ok(bench) => bench,
        Err(error) => {
            return eprintln!("network: not testable here: {error}; it takes root, bridges and veth");
        }
    };
    let lanes = bench.lanes(LIMITS, &Quiet, &cancel).unwrap_or_else(|error| panic!("a path failed: {error}"));
    bench.end(&cancel).unwrap_or_else(|error| panic!("end the servers: {error}"));
    for of_operation in lanes.chunks(PATHS.len()) {
        let loopback = &of_operation[0];
        let names: Vec<String> =
            of_operation.iter().map(|lane| format!("{}, {}", lane.operation, lane.path)).collect();
        let lanes = names.iter().zip(of_operation);
        let variants: Vec<(&str, &[u64])> =
            lanes.map(|(name, lane)| (name.as_str(), lane.samples.as_slice())).collect();
        recording.add_samples(network::ID, "A network path against loopback", &variants);
        for lane in of_operation {
            let nanos = units::nanos(Sorted::nanos(&lane.samples).median().unwrap_or_default());
            let ratio = Paired::ratio(&float(lane), &float(loopback)).map(|ratio| ratio.ratio_line());
            let ratio = ratio.unwrap_or_default();
            println!("network/{}, {}: {nanos}, against loopback {ratio}", lane.operation, lane.path);
        }
    }
}

fn float(lane: &Lane) -> Vec<f64> {
    lane.samples.iter().map(|&sample| sample as f64).collect()
}

criterion_group!(benches, paths);

fn main() -> ExitCode {
    inside_or(benches)
}
