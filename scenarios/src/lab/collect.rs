//! From what a guest said to what came of the boot.

use isolab_reports::lab::record::Outcome;
use isolab_reports::record::{NotTested, Record};

use super::guest::{Command, End, Message};
use super::machine::Booted;

/// The outcome of a boot that was to run these commands.
pub(super) fn outcome(booted: &Booted, commands: &[Command]) -> Outcome {
    let how = match (&booted.failure, record(&booted.messages, commands)) {
        (None, Ok(record)) => return Outcome::Done { record: Box::new(record) },
        (Some(failure), _) => failure.clone(),
        (None, Err(problem)) => problem,
    };
    Outcome::Failed { how, tail: booted.tail() }
}

/// One record of all that the commands printed.
fn record(messages: &[Message], commands: &[Command]) -> Result<Record, String> {
    let mut whole: Option<Record> = None;
    let mut unprepared = Vec::new();
    for message in messages {
        match message {
            Message::Ready { problems, .. } => unprepared = problems.iter().map(|p| gap(p)).collect(),
            Message::Ended { command, end, stdout, stderr } => {
                let words = commands.get(*command).map(|command| command.argv.join(" ")).unwrap_or_default();
                let part = printed(*end, stdout, stderr).map_err(|problem| format!("{words}: {problem}"))?;
                match &mut whole {
                    None => whole = Some(part),
                    Some(whole) => add(whole, part),
                }
            }
            Message::Begun { .. } | Message::Done => {}
        }
    }
    let mut whole = whole.ok_or("the guest ran nothing")?;
    whole.not_tested.extend(unprepared);
    Ok(whole)
}

/// Whether a boot came to its end, prepared as it was to be.
#[must_use]
pub fn ran_as_meant(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done { record } => record.not_tested.iter().all(|gap| gap.what != PREPARATION),
        Outcome::Failed { .. } => false,
    }
}

const PREPARATION: &str = "the guest's preparation";

fn gap(problem: &str) -> NotTested {
    NotTested {
        what: PREPARATION.into(),
        reason: problem.into(),
        remedy: "use a kernel that has it, built in or among its modules (--modules DIR)".into(),
    }
}

/// The record that a command printed. Status 1 says that a guarantee is broken, which is a result.
fn printed(end: End, stdout: &str, stderr: &str) -> Result<Record, String> {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    match end {
        End::Status(0 | 1) => {
            serde_json::from_str(stdout).map_err(|error| format!("what it printed is no record: {error}"))
        }
        End::Status(status) => Err(format!("exit status {status}: {last}")),
        End::Signal(signal) => Err(format!("killed by signal {signal}: {last}")),
        End::Limit => Err(format!("did not end in time: {last}")),
    }
}

fn add(whole: &mut Record, part: Record) {
    whole.seconds += part.seconds;
    whole.guarantees.extend(part.guarantees);
    whole.costs.extend(part.costs);
    whole.interference.extend(part.interference);
    for gap in part.not_tested {
        if !whole.not_tested.contains(&gap) {
            whole.not_tested.push(gap);
        }
    }
}
