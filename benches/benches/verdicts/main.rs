//! How often verdicts on spawn latency are wrong, and what they find: ours and criterion's, from the same launches.
//!
//! `cargo bench --bench verdicts` replays the recording that is kept in `benches/recordings`. With `ISOLAB_MINUTES=20` it makes a
//! recording of its own, of so many minutes, adds 20 live comparisons, and writes both to `$ISOLAB_RECORDS`.

mod criterions;
mod live;
mod ours;
mod recording;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use isolab_benches::Recording;
use isolab_reports::Record;
use isolab_reports::record::Cost;

/// The recording that is kept.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/recordings/spawn.json.gz");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(leg) = criterions::Leg::of(&arguments) {
        leg.run();
        return ExitCode::SUCCESS;
    }
    match std::env::var("ISOLAB_MINUTES").ok().map(|minutes| minutes.parse::<u64>()) {
        None => {
            let record = Record::read(Path::new(KEPT)).unwrap_or_else(|error| panic!("{error}"));
            println!("recorded on {}, Linux {}", record.host.cpu, record.host.kernel);
            replay(&record.costs);
        }
        Some(Ok(minutes)) => anew(Duration::from_secs(60 * minutes.clamp(1, 60))),
        Some(Err(error)) => panic!("ISOLAB_MINUTES: {error}"),
    }
    ExitCode::SUCCESS
}

fn anew(time: Duration) {
    let mut recording = Recording::begin("verdicts");
    let Some(mut pair) = isolab_benches::floor_pair(&mut recording) else { return recording.write() };
    let wastes = recording::wastes(&mut pair);
    let costs = recording::make(&mut pair, wastes, time);
    recording.add((costs.clone(), Vec::new()));
    // Before the rest, which takes a while and can be done again from it.
    recording.write();
    replay(&costs);
    live::confirm(pair, wastes);
}

fn replay(costs: &[Cost]) {
    ours::print(costs);
    criterions::print(costs);
}
