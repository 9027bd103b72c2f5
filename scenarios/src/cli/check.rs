//! `isolab check`: guarantees.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};

use isolab_reports::record::Outcome;
use isolab_scenarios::check::{self, Findings, Options};
use isolab_scenarios::progress::say;
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
    /// Only those guarantees that take one plain launch: the quick look's, in a quarter of the time
    #[arg(long, conflicts_with_all = ["inside", "ids"])]
    quick: bool,
    /// Launches each guarantee's mutants, in which one protection is missing or wrong: its check must turn red
    #[arg(long, conflicts_with = "inside")]
    mutants: bool,
    /// Checks so often, and tells which results were not the same every time
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with_all = ["inside", "mutants"])]
    repeat: u32,
    /// Keeps two CPUs busy meanwhile
    #[arg(long, conflicts_with = "inside")]
    busy: bool,
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
    let chosen = if arguments.quick { quick()? } else { choose(&arguments.ids)? };
    if arguments.list {
        let line = |guarantee: &Guarantee| format!("{:<28} {}\n", guarantee.id, guarantee.promise);
        output::print(&chosen.iter().map(line).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut session = Session::begin("check", &arguments.common)?;
    let hogs = if arguments.busy { Some(Hogs::begin().map_err(Failure::internal)?) } else { None };
    let mut results = Results::default();
    if arguments.mutants {
        let options = options(&session, &chosen, true);
        let found = check::mutants::run(&options, &session.host, &session.bars, &session.cancel);
        let found = session::stage(found, &session.cancel)?;
        session.add_mutants(found);
    } else {
        for _ in 0..arguments.repeat.max(1) {
            results.add(check_all(&mut session, &chosen, !arguments.no_controls)?);
        }
    }
    drop(hogs);
    let status = session.end(&arguments.common)?;
    let unsteady = results.unsteady();
    for line in &unsteady {
        say(&format!("isolab: {line}"));
    }
    Ok(if unsteady.is_empty() { status } else { ExitCode::from(1) })
}

/// Processes that do nothing but run. Dropping it ends them.
struct Hogs(Vec<Child>);

impl Hogs {
    fn begin() -> std::io::Result<Hogs> {
        const HOUR: u64 = 3_600_000;
        let question =
            serde_json::json!({"hog": {"hog": {"spin": {"millis": HOUR, "threads": 1}}}}).to_string();
        let program = std::env::current_exe()?;
        let mut hogs = Hogs(Vec::new());
        for _ in 0..2 {
            let mut command = std::process::Command::new(&program);
            command.args(["inside", "probe", &question]).stdin(Stdio::null()).stdout(Stdio::null());
            hogs.0.push(command.spawn()?);
        }
        Ok(hogs)
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            if let Err(error) = hog.kill().and_then(|()| hog.wait()) {
                say(&format!("isolab: cannot end process {}: {error}", hog.id()));
            }
        }
    }
}

/// What each guarantee came to on each launcher, run by run.
#[derive(Default)]
struct Results(BTreeMap<(String, String), BTreeMap<&'static str, u32>>);

impl Results {
    fn add(&mut self, found: Vec<(String, String, &'static str)>) {
        for (id, launcher, word) in found {
            *self.0.entry((id, launcher)).or_default().entry(word).or_default() += 1;
        }
    }

    /// Those that were not the same every time.
    fn unsteady(&self) -> Vec<String> {
        let line = |((id, launcher), words): (&(String, String), &BTreeMap<&'static str, u32>)| {
            let words: Vec<String> =
                words.iter().map(|(word, count)| format!("{count} times {word}")).collect();
            (words.len() > 1).then(|| format!("{id} on {launcher} is not steady: {}", words.join(", ")))
        };
        self.0.iter().filter_map(line).collect()
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::Broken => "broken",
        Outcome::NotOffered { .. } => "not offered",
        Outcome::NotTestable { .. } => "not testable",
    }
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

/// Those that take one plain launch.
pub(super) fn quick() -> Result<Vec<Guarantee>, Failure> {
    let mut all = choose(&[])?;
    all.retain(Guarantee::is_plain);
    Ok(all)
}

/// Checks, adds the results, and returns each in a word.
pub(super) fn check_all(
    session: &mut Session,
    guarantees: &[Guarantee],
    controls: bool,
) -> Result<Vec<(String, String, &'static str)>, Failure> {
    let options = options(session, guarantees, controls);
    let found = check::run(&options, &session.host, &session.bars, &session.cancel);
    let Findings { guarantees, not_tested } = session::stage(found, &session.cancel)?;
    let words =
        guarantees.iter().map(|one| (one.id.clone(), one.launcher.clone(), word(&one.outcome))).collect();
    session.add_guarantees(guarantees, not_tested);
    Ok(words)
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
