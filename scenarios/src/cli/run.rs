//! `isolab run`: scenario files that a user wrote, or scenarios of the catalogue by id.

use std::path::Path;
use std::process::ExitCode;

use isolab_scenarios::cost::ladder;
use isolab_scenarios::interference::catalog;
use isolab_scenarios::interference::declaration::Matrix;
use isolab_scenarios::schema::{self, Guarantee, Kind};

use super::bench::{self, Tuning};
use super::matrix;
use super::session::{self, Session};
use super::{Common, Failure, check};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Scenario files, ids of the catalogue's guarantees, or matrices of `isolab bench interference` by name
    #[arg(required = true)]
    scenarios: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// What a file declares.
enum Scenario {
    Guarantee(Box<Guarantee>),
    Cost(Box<ladder::Ladder>),
    Interference(Box<Matrix>),
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    // All are read before the first is run.
    let scenarios = arguments.scenarios.iter().map(|name| load(name)).collect::<Result<Vec<_>, _>>()?;
    let mut session = Session::begin("run", &arguments.common)?;
    let mut guarantees = Vec::new();
    for scenario in scenarios {
        match scenario {
            Scenario::Guarantee(guarantee) => guarantees.push(*guarantee),
            Scenario::Cost(ladder) => {
                let options = Tuning::QUICK.options(ladder::QUICK, &session.program);
                let costs = ladder::run(&ladder, &options, &session.host, &session.bars, &session.cancel);
                let costs = session::stage(costs, &session.cancel)?;
                session.add_costs(costs);
            }
            Scenario::Interference(matrix) => {
                matrix::measure(&mut session, &matrix, &Tuning::QUICK, bench::LONG, None)?
            }
        }
    }
    if !guarantees.is_empty() {
        check::check_all(&mut session, &guarantees, true)?;
    }
    session.end(&arguments.common)
}

fn load(name: &str) -> Result<Scenario, Failure> {
    let path = Path::new(name);
    if !path.exists() && !name.contains(['/', '.']) {
        if let Some(matrix) = catalog::find(name) {
            return Ok(Scenario::Interference(Box::new(matrix)));
        }
        let mut found = check::choose(&[name.to_owned()])?;
        return found
            .pop()
            .map(|guarantee| Scenario::Guarantee(Box::new(guarantee)))
            .ok_or_else(|| unknown(name));
    }
    let text = session::read(path)?;
    Ok(match schema::kind(name, &text).map_err(Failure::input)? {
        Kind::Guarantee => {
            Scenario::Guarantee(Box::new(Guarantee::parse(name, &text).map_err(Failure::input)?))
        }
        Kind::Cost => Scenario::Cost(Box::new(schema::parse(name, &text).map_err(Failure::input)?)),
        Kind::Interference => {
            Scenario::Interference(Box::new(Matrix::parse(name, &text).map_err(Failure::input)?))
        }
    })
}

fn unknown(name: &str) -> Failure {
    Failure::Input(format!("{name}: neither a file nor an id of the catalogue"))
}
