//! `isolab run`: scenario files that a user wrote, scenarios of the catalogue by id, or what a fuzzer has drawn.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use isolab_scenarios::cost::ladder;
use isolab_scenarios::interference::catalog;
use isolab_scenarios::interference::declaration::Matrix;
use isolab_scenarios::schema::{self, Guarantee, Kind};

use super::bench::{self, Tuning};
use super::matrix;
use super::session::{self, Session};
use super::{Common, Failure, check, from_fuzz};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Scenario files, ids of the catalogue's guarantees, or matrices of `isolab bench interference` by name
    #[arg(required_unless_present = "from_fuzz")]
    scenarios: Vec<String>,
    /// Launches an input of the fuzz targets launch_config and launch_diff, or a config.json with their workload, and tells what
    /// is not as asked, and how launchers differ
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenarios", "out"])]
    from_fuzz: Option<PathBuf>,
    /// Also times launches of it, with launchers taking turns
    #[arg(long, requires = "from_fuzz", conflicts_with = "scenarios")]
    bench: bool,
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
    if let Some(file) = &arguments.from_fuzz {
        return from_fuzz::run(file, &arguments.common, arguments.bench);
    }
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
