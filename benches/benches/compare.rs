//! `isolab compare` on two records of a million samples each: time and memory of a process of its own, reading included.
//! The goal is 2 s and 200 MB.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use isolab_benches::{Recording, program};
use isolab_core::host::Host;
use isolab_reports::compare::{Comparison, Options, text};
use isolab_reports::record::{Cost, Record, Series};
use isolab_reports::{Style, runs};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::record;
use isolab_scenarios::scratch::Scratch;

/// Samples of each record, in so many series.
const SAMPLES: usize = 1_000_000;
const SERIES: usize = 4;

/// Processes that are measured.
const ROUNDS: usize = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let done = match &arguments[..] {
        [_, compare, base, new] if compare == "compare" => compared(Path::new(base), Path::new(new)),
        _ => measured(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts the processes, and says what they took.
fn measured() -> Result<(), String> {
    let mut recording = Recording::begin("compare");
    let scratch = Scratch::new().map_err(|error| error.to_string())?;
    let records = [0, 1].map(|side| written(scratch.path(), side));
    let [base, new] = records;
    let (base, new) = (base?, new?);
    let (mut times, mut peaks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let output = Command::new(program()).arg("compare").args([&base, &new]).output();
        let output = output.map_err(|error| format!("start {}: {error}", program().display()))?;
        times.push(begun.elapsed().as_nanos() as u64);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let peak = said.trim().parse::<u64>();
        peaks.push(
            peak.map_err(|error| format!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)))?,
        );
    }
    recording.add_samples("compare", "Two records of a million samples each", &[("compare", &times)]);
    times.sort_unstable();
    let (median, most) = (times[ROUNDS / 2] as f64 / 1e9, peaks.iter().max().unwrap_or(&0) / 1024);
    println!(
        "compare/million: {median:.2} s (goal 2 s), at most {most} MB (goal 200 MB), {ROUNDS} processes"
    );
    recording.write();
    Ok(())
}

/// A record of a million samples, as a bench writes it. One series took turns with another.
fn written(dir: &Path, side: u64) -> Result<PathBuf, String> {
    let begun = record::begin("bench", &Host::probe(), Vec::new(), &Cancel::new());
    let mut record: Record = begun.map_err(|cancelled| cancelled.to_string())?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 + side;
    let mut sample = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        1_000_000 + state % 100_000
    };
    let series = (0..SERIES).map(|n| {
        let samples = (0..SAMPLES / SERIES).map(|_| sample()).collect();
        Series::of(format!("series {n}"), (n > 0).then_some("series 0"), samples)
    });
    let (id, title, launcher) = ("many".to_owned(), "Many samples".to_owned(), "core".to_owned());
    record.costs.push(Cost { id, title, launcher, series: series.collect() });
    record.started += side;
    let path = dir.join(format!("{side}.json"));
    record.write(&path).map_err(|error| error.to_string())?;
    Ok(path)
}

/// Compares, and prints the most memory that this process had, in KiB.
fn compared(base: &Path, new: &Path) -> Result<(), String> {
    let read = |path: &Path| runs::read(path).map_err(|error| error.to_string());
    let comparison = Comparison::of(&read(base)?, &read(new)?, &[], Options::default());
    let comparison = comparison.map_err(|error| error.to_string())?;
    let text = text::render(&comparison, &Style::PLAIN, 100);
    if comparison.rows.len() != SERIES || text.is_empty() {
        return Err(format!("{} series instead of {SERIES}", comparison.rows.len()));
    }
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.ok_or("no VmHWM in /proc/self/status")?.trim().trim_end_matches(" kB"));
    Ok(())
}
