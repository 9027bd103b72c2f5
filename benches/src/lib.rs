//! criterion benches of isolab. The benches are in `benches/`; this library holds what they share.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_reports::figures::Figures;
use isolab_reports::record::{Cost, NotTested, Record, Series};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::Options;
use isolab_scenarios::cost::floor::{Pair, QUICK};
use isolab_scenarios::schedule::Limits;
use isolab_scenarios::{interference, record, workload};

/// The bench's own binary stands in for isolab's: the program that is launched is another.
#[must_use]
pub fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"))
}

/// The `main` of a bench whose own binary is what runs in the containers: a workload there, the benches here.
#[must_use]
pub fn inside_or(benches: impl FnOnce()) -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, inside, work, request] = &arguments[..]
        && (&**inside, &**work) == ("inside", "work")
    {
        return workload::main(request);
    }
    benches();
    ExitCode::SUCCESS
}

/// How the benches measure.
#[must_use]
pub fn options(program: &Path, limits: Limits) -> Options<'_> {
    Options { limits, program, planted: 0, rest: Duration::ZERO }
}

/// What the floor takes.
pub const FLOOR_TAKES: &str = "it takes root and a cgroup v2 tree, hybrid or not";

/// The launcher and the floor, ready to take turns; `None`, with the reason printed and recorded, where this host cannot have
/// them.
#[must_use]
pub fn floor_pair(recording: &mut Recording) -> Option<Pair> {
    match Pair::new(&options(&program(), QUICK), &Host::probe()) {
        Ok(pair) => Some(pair),
        Err(error) => {
            recording.add_gap(recording.name, &error.to_string(), FLOOR_TAKES);
            None
        }
    }
}

/// A record of a bench in the making: `isolab report` reads what it writes.
pub struct Recording {
    name: &'static str,
    begun: Instant,
    record: Record,
}

impl Recording {
    /// Begins, before anything is measured: it calibrates.
    #[must_use]
    pub fn begin(name: &'static str) -> Recording {
        let command = format!("cargo bench --bench {name}");
        let record = record::begin(&command, &Host::probe(), Vec::new(), &Cancel::new());
        let record = record.unwrap_or_else(|cancelled| panic!("nobody cancels a bench: {cancelled}"));
        Recording { name, begun: Instant::now(), record }
    }

    /// Adds what a measurement returned.
    pub fn add(&mut self, (costs, not_tested): (Vec<Cost>, Vec<NotTested>)) {
        self.record.costs.extend(costs);
        self.record.not_tested.extend(not_tested);
    }

    /// Adds samples that take turns, of which the first are what the others are compared against.
    pub fn add_samples<'s>(&mut self, id: &str, title: &str, variants: &[(&'s str, &'s [u64])]) {
        let first = variants.first().map(|(name, _)| *name);
        let series = variants
            .iter()
            .map(|(name, samples)| Series::of(*name, first.filter(|first| first != name), samples.to_vec()));
        let launcher = "core".into();
        self.add((
            vec![Cost { id: id.into(), title: title.into(), launcher, series: series.collect() }],
            Vec::new(),
        ));
    }

    /// Adds cells of a matrix.
    pub fn add_interference(&mut self, found: interference::Findings) {
        self.record.interference.extend(found.cells);
        self.record.not_tested.extend(found.not_tested);
        self.record.instrument = found.instrument;
    }

    /// What the pages would say of it so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures::of(&self.record)
    }

    /// Adds why something was not measured, and says it.
    pub fn add_gap(&mut self, what: &str, reason: &str, remedy: &str) {
        eprintln!("{what}: not testable here: {reason}; {remedy}");
        let gap = NotTested { what: what.into(), reason: reason.into(), remedy: remedy.into() };
        self.record.not_tested.push(gap);
    }

    /// Writes it to `target/isolab/bench/NAME/record.json`, or to `NAME/record.json` below `$ISOLAB_RECORDS`, over that
    /// of the last run, and says where.
    pub fn write(mut self) {
        record::end(&mut self.record, self.begun);
        let base = std::env::var_os("ISOLAB_RECORDS").map_or_else(default_base, PathBuf::from);
        let path = base.join(self.name).join("record.json");
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.unwrap_or_else(|error| panic!("make the folder of {}: {error}", path.display()));
        self.record.write(&path).unwrap_or_else(|error| panic!("{error}"));
        println!("{}/record: {}", self.name, path.display());
    }
}

/// In cargo's target directory, which the bench itself is in and which cargo tags (`CACHEDIR.TAG`), as it does the folder of
/// each target in it.
fn default_base() -> PathBuf {
    let program = program();
    let target = program.ancestors().filter(|folder| folder.join("CACHEDIR.TAG").exists()).last();
    target.unwrap_or(Path::new("target")).join("isolab/bench")
}
