//! `isolab check`: guarantees.

use std::path::Path;
use std::process::ExitCode;

use isolab_scenarios::check::{self, Findings, Options};
use isolab_scenarios::schema::Guarantee;
use isolab_scenarios::{catalog, inside};

use super::session::{self, Session};
use super::{Common, Failure, output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Ids of the catalogue's guarantees, or scenario files [default: all of the catalogue]
    ids: Vec<String>,
    /// Looks at the container that this process is in, started by whatever started it
    #[arg(long, conflicts_with_all = ["ids", "launcher", "no_controls", "out"])]
    inside: bool,
    /// Leaves out the positive controls, which show that each check can fail: half the time
    #[arg(long)]
    no_controls: bool,
    /// Launches each guarantee's mutants, in which one protection is missing or wrong: its check must turn red
    #[arg(long, conflicts_with = "inside")]
    mutants: bool,
    /// Lists the catalogue
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn check(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if arguments.inside {
        return look_inside(arguments.common.json);
    }
    let chosen = choose(&arguments.ids)?;
    if arguments.list {
        let line = |guarantee: &Guarantee| format!("{:<28} {}\n", guarantee.id, guarantee.promise);
        output::print(&chosen.iter().map(line).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut session = Session::begin("check", &arguments.common)?;
    if arguments.mutants {
        let options = options(&session, &chosen, true);
        let found = check::mutants::run(&options, &session.host, &session.bars, &session.cancel);
        let found = session::stage(found, &session.cancel)?;
        session.add_mutants(found);
    } else {
        check_all(&mut session, &chosen, !arguments.no_controls)?;
    }
    session.end(&arguments.common)
}

/// Guarantees by id or file; all of the catalogue for none.
pub(super) fn choose(names: &[String]) -> Result<Vec<Guarantee>, Failure> {
    let mut all = catalog::guarantees().map_err(Failure::internal)?;
    let (files, ids): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| name.contains(['/', '.']));
    let files = files.iter().map(|file| {
        let text = session::read(Path::new(file))?;
        Guarantee::parse(file, &text).map_err(Failure::input)
    });
    let files = files.collect::<Result<Vec<_>, _>>()?;
    if let Some(unknown) = ids.iter().find(|id| !all.iter().any(|guarantee| guarantee.id == **id)) {
        return Err(Failure::Input(format!(
            "no guarantee {unknown:?} in the catalogue; `isolab check --list` shows it"
        )));
    }
    if !names.is_empty() {
        all.retain(|guarantee| ids.contains(&guarantee.id));
    }
    all.extend(files);
    Ok(all)
}

/// Checks the catalogue's guarantees and adds the results.
pub(super) fn stage(session: &mut Session, ids: &[String], controls: bool) -> Result<(), Failure> {
    let guarantees = choose(ids)?;
    check_all(session, &guarantees, controls)
}

pub(super) fn check_all(
    session: &mut Session,
    guarantees: &[Guarantee],
    controls: bool,
) -> Result<(), Failure> {
    let options = options(session, guarantees, controls);
    let found = check::run(&options, &session.host, &session.bars, &session.cancel);
    let Findings { guarantees, not_tested } = session::stage(found, &session.cancel)?;
    session.add_guarantees(guarantees, not_tested);
    Ok(())
}

fn options<'o>(session: &'o Session, guarantees: &'o [Guarantee], controls: bool) -> Options<'o> {
    Options { launchers: &session.launchers, guarantees, controls, program: &session.program }
}

fn look_inside(json: bool) -> Result<ExitCode, Failure> {
    let facts = inside::look().map_err(Failure::internal)?;
    if json {
        output::print_json(&facts)?;
    } else {
        output::print(&inside::text(&facts))?;
    }
    let weak = facts.iter().any(|fact| fact.verdict == inside::Verdict::Weak);
    Ok(ExitCode::from(u8::from(weak)))
}
