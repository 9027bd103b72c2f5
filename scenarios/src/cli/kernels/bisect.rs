//! `isolab kernels bisect`: the first kernel of a list on which something changed.

use std::path::PathBuf;
use std::process::ExitCode;

use isolab_scenarios::lab;
use isolab_scenarios::lab::bisect::{self, Look};
use isolab_scenarios::lab::kernel;
use isolab_scenarios::lab::plan::{Planned, plan};
use isolab_scenarios::lab::question::{Answer, Question};
use isolab_scenarios::lab::run;
use isolab_scenarios::lab::suite::Suite;

use super::super::{Failure, output};
use super::options::LabArguments;
use super::seeds::Seeds;
use super::setup::Setup;

#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// What to ask: a metric such as spawn/netns, guarantee/ID, or feature/NAME
    #[arg(long, value_name = "WHAT")]
    metric: String,
    /// First of the versions that apt offers
    #[arg(long, value_name = "VERSION", requires = "to", conflicts_with = "kernels")]
    from: Option<String>,
    /// Last of the versions that apt offers
    #[arg(long, value_name = "VERSION", requires = "from")]
    to: Option<String>,
    /// A folder of images to search, oldest first by their version, instead of a list of kernels
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kernels", "from"])]
    images: Option<PathBuf>,
    /// Boots of each kernel, each of another layout: a number, a range such as 9-16, or a list
    #[arg(long, value_name = "SEEDS", default_value = "8")]
    seeds: Seeds,
    #[command(flatten)]
    lab: LabArguments,
}

pub(super) fn bisect(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let question = Question::parse(&arguments.metric);
    let suite = question.suite(&arguments.lab.launcher).map_err(Failure::Input)?;
    let setup = Setup::without_kernels(&arguments.lab, Vec::new())?;
    let names = names(arguments, &setup)?;
    let [first, .., last] = names.as_slice() else {
        return Err(Failure::Input("two kernels at least are needed to search between; name them, oldest first, or give --from and --to, or --images".into()));
    };
    let mut search = Search { setup, question, suite, seeds: arguments.seeds.0.clone() };
    search.measure(&[first.clone(), last.clone()])?;
    if search.answer(first, first)?.look == Look::Unknown {
        return Ok(ExitCode::from(4));
    }
    match search.answer(first, last)?.look {
        Look::Changed => {}
        Look::Same => {
            output::print(&format!("{} does not differ between {first} and {last}\n", arguments.metric))?;
            return Ok(ExitCode::SUCCESS);
        }
        Look::Unknown => return Ok(ExitCode::from(4)),
    }
    let found = bisect::bisect(names.len(), |place| {
        search.measure(&names[place..=place])?;
        Ok::<_, Failure>(search.answer(first, &names[place])?.look)
    })?;
    let (before, after) = (&names[found.before], &names[found.after]);
    let note = match &names[found.before + 1..found.after] {
        [] => String::new(),
        between => format!(", or in one of {}, which could not be asked", between.join(", ")),
    };
    output::print(&format!("{} changed first in {after}{note}; not yet in {before}\n", arguments.metric))?;
    Ok(ExitCode::from(1))
}

/// The kernels to search, oldest first.
fn names(arguments: &Arguments, setup: &Setup) -> Result<Vec<String>, Failure> {
    let found = match (&arguments.images, &arguments.from, &arguments.to) {
        (Some(directory), _, _) => kernel::images(directory),
        (None, Some(from), Some(to)) => kernel::offered(from, to, &setup.cancel),
        _ => return Ok(arguments.lab.kernels.clone()),
    };
    setup.end(found.map_err(lab::Error::from))
}

/// A search in progress: the lab grows with each kernel that is asked.
struct Search {
    setup: Setup,
    question: Question,
    suite: Suite,
    seeds: Vec<u64>,
}

impl Search {
    /// Boots kernels that are new to the lab.
    fn measure(&mut self, names: &[String]) -> Result<(), Failure> {
        let known = self.setup.guests.len();
        self.setup.add(names)?;
        let measures = self.question.measures();
        let seeds: &[u64] = if measures { &self.seeds } else { &[] };
        let new = |planned: &mut Planned| planned.kernel += known;
        let mut planned = plan(self.setup.guests.len() - known, seeds, !measures);
        planned.iter_mut().for_each(new);
        let mut boots = Vec::new();
        let options = self.setup.options(&self.suite);
        let ran = run::run(planned, &options, &self.setup.bars, &self.setup.cancel, |planned, boot| {
            boots.push((planned.kernel, boot));
            Ok(())
        });
        self.setup.end(ran)?;
        for (kernel, boot) in boots {
            self.setup.lab.kernels[kernel].boots.extend(boot);
        }
        Ok(())
    }

    /// Asks a kernel, and says what it answers.
    fn answer(&self, first: &str, kernel: &str) -> Result<Answer, Failure> {
        let answer = self.question.answer(&self.setup.lab, first, kernel);
        let judged = match answer.look {
            _ if first == kernel => "",
            Look::Same => "same: ",
            Look::Changed => "changed: ",
            Look::Unknown => "not known: ",
        };
        output::print(&format!("{kernel}: {judged}{}\n", answer.words))?;
        Ok(answer)
    }
}
