//! `isolab kernels KERNEL… -- COMMAND…`: one of isolab's commands inside each kernel, its output and its status back here.

use std::process::ExitCode;

use isolab_reports::record::Record;
use isolab_scenarios::lab::command::{self, Said};
use isolab_scenarios::progress::{Progress, say};

use super::super::Failure;
use super::super::output::{self, Folder};
use super::options::Arguments;
use super::setup::Setup;

/// Of isolab's statuses: something could not be tested.
const NOT_TESTED: u8 = 4;

/// Runs it on one kernel after the other. The status is the largest of theirs, with 4 for a guest that did not come to its
/// end.
pub(super) fn command(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut setup = Setup::without_kernels(&arguments.lab, Vec::new())?;
    let out = arguments.out.clone().unwrap_or_else(|| output::default_dir(setup.lab.started));
    let mut folder = Folder::new(&out, None)?;
    setup.add(&arguments.lab.kernels)?;
    let words = with_json(&arguments.run);
    let accelerator = command::accelerator(setup.clock, arguments.lab.disk.is_some());
    // The first layout that was asked for: a boot is one sample of the layouts, however long it measures.
    let seed = arguments.seeds.0.first().copied().unwrap_or_default();
    let mut status = 0;
    setup.bars.begin("a command in guests", setup.guests.len() as u64);
    for (number, guest) in setup.guests.iter().enumerate() {
        setup.bars.step(&guest.kernel.name);
        let said = command::run(guest, &setup.isolab, accelerator, &words, seed, &setup.cancel);
        let said = setup.end(said)?;
        let name = &guest.kernel.name;
        let ended = said.status().map_or_else(|| "did not end".into(), |status| format!("status {status}"));
        setup.bars.note(&format!("{name}: {ended}, {:.0} s, {accelerator:?}", said.seconds));
        for line in said.problems.iter().map(String::as_str).chain(said.stderr.lines()) {
            setup.bars.note(&format!("{name}: {line}"));
        }
        status = status.max(said.status().unwrap_or(NOT_TESTED));
        keep(&mut folder, number, &said)?;
        show(arguments, &said)?;
    }
    setup.bars.done();
    // Nothing of it is to be removed again: from here on there is something in it.
    say(&format!("isolab: results in {}", out.display()));
    Ok(ExitCode::from(status))
}

/// Commands that make a record print it, so that it can be brought back.
fn with_json(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    let makes =
        words.first().is_some_and(|word| ["bench", "check", "run", "faults"].contains(&word.as_str()));
    if makes && !words.iter().any(|word| word == "--json") {
        words.push("--json".into());
    }
    words
}

/// A folder a kernel, by its place: its name may be a path.
fn keep(folder: &mut Folder, number: usize, said: &Said) -> Result<(), Failure> {
    let below = folder.below(&number.to_string())?;
    output::write_file(&below.join("kernel.log"), &said.log)?;
    match said.record() {
        Some(record) => {
            record.write(&below.join("record.json")).map_err(Failure::internal)?;
            output::write_html(&record, &below.join("report.html"))
        }
        None => output::write_file(&below.join("stdout"), &said.stdout),
    }
}

fn show(arguments: &Arguments, said: &Said) -> Result<(), Failure> {
    let record: Option<Record> = said.record();
    match record {
        Some(record) if !arguments.json => output::print_summary(&record, None),
        _ => output::print(&said.stdout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_record_prints_it() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(with_json(&words("bench ladder")), words("bench ladder --json"));
        assert_eq!(with_json(&words("check --json")), words("check --json"));
        assert_eq!(with_json(&words("host")), words("host"));
    }
}
