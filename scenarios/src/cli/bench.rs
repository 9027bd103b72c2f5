//! `isolab bench`: costs and interference.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use isolab_scenarios::cost::{self, floor, ladder, overlay, spawn};
use isolab_scenarios::interference::{self, declaration};
use isolab_scenarios::schema;

use super::session::{self, Session};
use super::{Common, Failure};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// A launch as each primitive is added
    Ladder,
    /// The launcher against the cheapest sequence for the same posture
    Floor,
    /// The same bundle over all launchers
    Spawn,
    /// Create, read and copy-up on an overlay against the plain directory
    Overlay,
    /// Victims beside aggressors, with and without protection
    Interference,
}

impl Part {
    pub(super) const ALL: [Part; 5] =
        [Part::Ladder, Part::Floor, Part::Spawn, Part::Overlay, Part::Interference];
}

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// What to measure [default: everything]
    parts: Vec<Part>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn bench(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut session = Session::begin("bench", &arguments.common)?;
    let parts = if arguments.parts.is_empty() { &Part::ALL } else { arguments.parts.as_slice() };
    for part in parts {
        stage(&mut session, *part)?;
    }
    session.end(&arguments.common)
}

/// Seed of every order: a quick look is to be repeatable.
const SEED: u64 = 1;

/// Measures one part and adds the results.
pub(super) fn stage(session: &mut Session, part: Part) -> Result<(), Failure> {
    let Session { host, launchers, program, bars, cancel, .. } = &*session;
    let options = |limits| cost::Options { limits, program };
    let costs = match part {
        Part::Ladder => {
            let ladder = schema::parse("ladder.toml", ladder::FIRST).map_err(Failure::internal)?;
            ladder::run(&ladder, &options(ladder::QUICK), host, bars, cancel)
        }
        Part::Floor => floor::run(&options(floor::QUICK), host, bars, cancel),
        Part::Spawn => spawn::run(launchers, &options(spawn::QUICK), host, bars, cancel),
        Part::Overlay => overlay::run(&options(overlay::QUICK), host, bars, cancel),
        Part::Interference => return interference(session),
    };
    let costs = session::stage(costs, cancel)?;
    session.add_costs(costs);
    Ok(())
}

fn interference(session: &mut Session) -> Result<(), Failure> {
    let matrix = declaration::Matrix::parse("first.toml", declaration::FIRST).map_err(Failure::internal)?;
    measure(session, &matrix)
}

pub(super) fn measure(session: &mut Session, matrix: &declaration::Matrix) -> Result<(), Failure> {
    let options = interference::Options {
        rounds: None,
        seconds: None,
        time: Duration::from_secs(40),
        seed: SEED,
        program: &session.program,
    };
    let cells = interference::run(matrix, &options, &session.host, &session.bars, &session.cancel);
    let cells = session::stage(cells, &session.cancel)?;
    session.add_interference(cells);
    Ok(())
}
