//! `isolab bench interference`: which matrices, which of their cells, and going on after an interruption.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use isolab_scenarios::interference::declaration::{Aggressor, Choice, Matrix};
use isolab_scenarios::interference::{self, catalog, journal};
use isolab_scenarios::progress::say;
use isolab_scenarios::workload::aggressor::Work;

use super::bench::{LONG, Tuning};
use super::session::{self, Session};
use super::{Failure, output};

#[derive(clap::Args)]
pub(super) struct Matrices {
    /// Matrices of `interference`, separated by commas: quick, full, first, intensity, v2, the name of a question, `questions` for all
    /// of those, or a file [default: quick]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    matrix: Vec<String>,
    /// Only these victims
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    victims: Vec<String>,
    /// Only these aggressors
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    aggressors: Vec<String>,
    /// Only these protections
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    protections: Vec<String>,
    /// Stressors of stress-ng as further aggressors, such as cpu, vm or switch
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    stress_ng: Vec<String>,
    /// Shares of its time that each aggressor works, such as 0.25,0.5,1
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = share)]
    intensity: Vec<f64>,
    /// Goes on with an interrupted run; --out is the folder that it wrote to
    #[arg(long, requires = "out")]
    resume: bool,
    /// Prints the cells and how long they take, and measures nothing
    #[arg(long)]
    list: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.01..=1.0).contains(&share) { Ok(share) } else { Err("give 0.01 to 1".into()) }
}

impl Matrices {
    /// The matrices with what was chosen of them.
    pub(super) fn chosen(&self) -> Result<Vec<Matrix>, Failure> {
        let quick = ["quick".to_owned()];
        let names = if self.matrix.is_empty() { &quick[..] } else { &self.matrix };
        let mut matrices = Vec::new();
        for name in names {
            match name.as_str() {
                "questions" => matrices.extend(catalog::questions()),
                name => matrices.push(find(name)?),
            }
        }
        for matrix in &mut matrices {
            self.narrow(matrix).map_err(Failure::Input)?;
        }
        Ok(matrices)
    }

    fn narrow(&self, matrix: &mut Matrix) -> Result<(), String> {
        let choice = Choice {
            victims: self.victims.clone(),
            aggressors: self.aggressors.clone(),
            protections: self.protections.clone(),
        };
        matrix.keep(&choice)?;
        matrix.aggressor.extend(self.stress_ng.iter().map(|name| stress_ng(name)));
        if !self.intensity.is_empty() {
            matrix.intensity.clone_from(&self.intensity);
        }
        Ok(())
    }

    pub(super) fn only_lists(&self) -> bool {
        self.list
    }

    /// How the files end that an output folder may hold already.
    pub(super) fn kept(&self) -> Option<&'static str> {
        self.resume.then_some(journal::ENDING)
    }

    /// Measures one after another.
    pub(super) fn measure(
        &self,
        matrices: &[Matrix],
        session: &mut Session,
        tuning: &Tuning,
        folder: Option<&Path>,
    ) -> Result<(), Failure> {
        for matrix in matrices {
            let measured = measure(session, matrix, tuning, LONG, folder);
            if let (Err(Failure::Interrupted), Some(folder)) = (&measured, folder) {
                say(&format!("isolab: the same command with --resume goes on in {}", folder.display()));
            }
            measured?;
        }
        Ok(())
    }
}

/// A stressor as an aggressor: on the host's own programs and libraries, which it can only read.
fn stress_ng(stressor: &str) -> Aggressor {
    catalog::stress_ng(stressor, Work::stress_ng(stressor))
}

fn find(name: &str) -> Result<Matrix, Failure> {
    if let Some(matrix) = catalog::find(name) {
        return Ok(matrix);
    }
    if !name.contains(['/', '.']) {
        let known = catalog::names().join(", ");
        return Err(Failure::Input(format!("no matrix is called {name:?}; there are: {known}, and files")));
    }
    let text = session::read(Path::new(name))?;
    Matrix::parse(name, &text).map_err(Failure::input)
}

/// The matrix of the quick look.
pub(super) fn first(session: &mut Session, tuning: &Tuning) -> Result<(), Failure> {
    let time = tuning.rounds.map_or(Duration::from_secs(40), |_| LONG);
    measure(session, &find("first")?, tuning, time, None)
}

pub(super) fn measure(
    session: &mut Session,
    matrix: &Matrix,
    tuning: &Tuning,
    time: Duration,
    folder: Option<&Path>,
) -> Result<(), Failure> {
    let options = interference::Options {
        rounds: tuning.rounds,
        seconds: tuning.seconds,
        time,
        seed: tuning.seed,
        program: &session.program,
        journal: folder,
    };
    let found = interference::run(matrix, &options, &session.host, &session.bars, &session.cancel);
    let found = session::stage(found, &session.cancel)?;
    session.add_interference(found);
    Ok(())
}

/// Removes the journals of a run that was written down.
pub(super) fn forget(matrices: &[Matrix], folder: Option<&Path>) {
    for matrix in matrices {
        if let Some(folder) = folder {
            // Where another part was measured, there is none.
            drop(fs::remove_file(journal::path(folder, &matrix.id)));
        }
    }
}

/// Prints what would be measured.
pub(super) fn list(matrices: &[Matrix]) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    for matrix in matrices {
        let places = matrix.places();
        text.push_str(&format!(
            "{}: {} cells, {} rounds of {} s, {:.0} s and some launches\n",
            matrix.id,
            places.len(),
            matrix.rounds,
            matrix.seconds,
            matrix.seconds_in_all(),
        ));
        places.into_iter().for_each(|place| text.push_str(&format!("  {}\n", matrix.name_of(place))));
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
