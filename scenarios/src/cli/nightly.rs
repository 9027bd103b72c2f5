//! `isolab nightly`: the stages of a profile one after another, one summary, one exit status.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use isolab_core::host::Host;
use isolab_reports::figures::Figures;
use isolab_reports::night::{self, Ended, Night};
use isolab_reports::{Record, Style, units};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::nightly::{Limit, Profile, Shard, Stage, run};
use isolab_scenarios::progress::say;
use isolab_scenarios::record;

use super::output::{self, WIDTH};
use super::{Failure, interrupt, session};

/// How long a stage that is told to end may take to put its things away.
const GRACE: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
#[command(
    after_help = "Each stage of a profile is a command of its own, with a folder and a log below --out. \
    The status is the worst of the stages': 5, 2, 1, 4, 3, 0 in this order."
)]
pub(super) struct Arguments {
    /// What to run: quick, full, or a TOML file of stages (--show prints one)
    #[arg(long, value_name = "PROFILE", default_value = "quick")]
    profile: String,
    /// Folder for all of it; it must not exist or be empty [default: target/isolab/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Goes on in the folder of a night that was cut off: what has ended there is not run again
    #[arg(long, requires = "out")]
    resume: bool,
    /// Only this part of the profile, such as 2/4: the second of four machines
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Puts together what the shards of a profile have written, into --out
    #[arg(long, value_name = "DIR", num_args = 1.., requires = "out", conflicts_with_all = ["resume", "shard", "show"])]
    merge: Vec<PathBuf>,
    /// Prints the profile, or the shard of it, and runs nothing
    #[arg(long)]
    show: bool,
}

pub(super) fn nightly(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if let (Some(out), false) = (&arguments.out, arguments.merge.is_empty()) {
        return merge(&arguments.merge, out);
    }
    let profile = profile(&arguments.profile)?;
    let stages = match arguments.shard {
        Some(shard) => shard.part(&profile.stage).into_iter().cloned().collect(),
        None => profile.stage,
    };
    if arguments.show {
        return show(&stages);
    }
    let cancel = interrupt::watch()?;
    let mut night = begin(arguments, &stages);
    let dir = arguments.out.clone().unwrap_or_else(|| output::default_dir(night.started));
    if arguments.resume {
        take_up(&mut night, &dir)?;
    } else {
        // Checked and made; from here on it is ours.
        output::Folder::new(&dir, None)?.keep();
    }
    let dir =
        dir.canonicalize().map_err(|error| Failure::Input(format!("find {}: {error}", dir.display())))?;
    let done = perform(&mut night, &stages, &dir, &cancel);
    write(&night, &dir)?;
    done?;
    end(&night, &dir)
}

fn end(night: &Night, dir: &Path) -> Result<ExitCode, Failure> {
    let page = dir.join("index.html");
    let style = Style::detect(&std::io::stdout());
    output::print(&night::text::render(night, &style, WIDTH, Some(&page)))?;
    Ok(ExitCode::from(night.status()))
}

fn merge(dirs: &[PathBuf], out: &Path) -> Result<ExitCode, Failure> {
    let read = |dir: &PathBuf| {
        Ok((dir.display().to_string(), Night::read(&dir.join(night::FILE)).map_err(Failure::input)?))
    };
    let merged = night::merge::merge(dirs.iter().map(read).collect::<Result<_, Failure>>()?)
        .map_err(Failure::Input)?;
    output::Folder::new(out, None)?.keep();
    for dir in dirs {
        copy(dir, out)?;
    }
    write(&merged, out)?;
    end(&merged, out)
}

/// Copies a folder's files; what is a shard's alone is written anew.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let named =
        |path: &Path, error: std::io::Error| Failure::Input(format!("copy {}: {error}", path.display()));
    for entry in fs::read_dir(from).map_err(|error| named(from, error))? {
        let source = entry.map_err(|error| named(from, error))?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        if source.is_dir() {
            fs::create_dir_all(&target).map_err(|error| named(&target, error))?;
            copy(&source, &target)?;
        } else {
            fs::copy(&source, target).map_err(|error| named(&source, error))?;
        }
    }
    Ok(())
}

fn profile(named: &str) -> Result<Profile, Failure> {
    if let Some(profile) = Profile::find(named) {
        return Ok(profile);
    }
    let path = Path::new(named);
    if !path.exists() {
        let names = Profile::names().join(", ");
        return Err(Failure::Input(format!("--profile {named}: no such file, and none of {names}")));
    }
    Profile::parse(named, &session::read(path)?).map_err(Failure::Input)
}

fn show(stages: &[Stage]) -> Result<ExitCode, Failure> {
    let minutes: u64 = stages.iter().map(|stage| stage.minutes).sum();
    let line = |stage: &Stage| {
        format!("{}: {} ({} min at most)\n", stage.name, stage.command.join(" "), stage.minutes)
    };
    let lines: String = stages.iter().map(line).collect();
    output::print(&format!("{lines}{} stages, {minutes} min at most\n", stages.len()))?;
    Ok(ExitCode::SUCCESS)
}

fn begin(arguments: &Arguments, stages: &[Stage]) -> Night {
    let host = Host::probe();
    let place = format!("Linux {}, {}", host.kernel, units::counted(host.cpus.len(), "CPU"));
    let stage = |stage: &Stage| night::Stage {
        name: stage.name.clone(),
        command: stage.command.clone(),
        host: place.clone(),
        ended: None,
        seconds: 0.0,
        page: None,
        said: Vec::new(),
    };
    Night {
        night_format: night::FORMAT,
        isolab: env!("CARGO_PKG_VERSION").into(),
        revision: record::revision(),
        host: place.clone(),
        started: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        profile: arguments.profile.clone(),
        shard: arguments.shard.map(|shard| shard.to_string()),
        missing: Vec::new(),
        stages: stages.iter().map(stage).collect(),
    }
}

/// What of an earlier run is done; it must have been the same.
fn take_up(night: &mut Night, dir: &Path) -> Result<(), Failure> {
    let path = dir.join(night::FILE);
    let before = Night::read(&path).map_err(Failure::input)?;
    let plan = |night: &Night| -> Vec<_> {
        night.stages.iter().map(|stage| (stage.name.clone(), stage.command.clone())).collect()
    };
    let differs = match () {
        () if plan(&before) != plan(night) || before.shard != night.shard => "other stages",
        () if before.isolab != night.isolab || before.revision != night.revision => {
            "another version of isolab"
        }
        () if before.host != night.host => "another host",
        () => {
            *night = before;
            night.stages.iter_mut().filter(|stage| !is_done(stage)).for_each(|stage| stage.ended = None);
            return Ok(());
        }
    };
    Err(Failure::Input(format!(
        "--resume: {} is of {differs}; begin again in another folder",
        path.display()
    )))
}

/// Whether it came to an end that another run would come to as well.
fn is_done(stage: &night::Stage) -> bool {
    matches!(stage.ended, Some(Ended::Exited { status: 0 | 1 | 3 | 4 }))
}

fn perform(night: &mut Night, stages: &[Stage], dir: &Path, cancel: &Cancel) -> Result<(), Failure> {
    let count = stages.len();
    for (at, stage) in stages.iter().enumerate() {
        if night.stages[at].ended.is_some() {
            say(&format!("isolab: {} of {count}: {}: done before", at + 1, stage.name));
            continue;
        }
        say(&format!("isolab: {} of {count}: {}, {} min at most", at + 1, stage.name, stage.minutes));
        let begun = Instant::now();
        let out = dir.join(&stage.name);
        // What a run that was cut off has left of it.
        drop(fs::remove_dir_all(&out));
        let command = filled(&stage.command, &out, dir)?;
        let limit = Limit { minutes: stage.minutes, grace: GRACE };
        let ended = run(&command, &dir.join(format!("{}.log", stage.name)), limit, cancel)
            .map_err(|_| Failure::Interrupted)?;
        let seconds = begun.elapsed().as_secs_f64();
        say(&format!("isolab: {}: {}, {:.1} min", stage.name, ended.words(), seconds / 60.0));
        let done = &mut night.stages[at];
        (done.ended, done.seconds) = (Some(ended), seconds);
        done.page = out.join("report.html").exists().then(|| format!("{}/report.html", stage.name));
        done.said = said(&out);
        write(night, dir)?;
    }
    Ok(())
}

fn filled(command: &[String], out: &Path, night: &Path) -> Result<Vec<String>, Failure> {
    let (out, all) = (out.display().to_string(), night.display().to_string());
    let mut filled: Vec<String> =
        command.iter().map(|word| word.replace("{out}", &out).replace("{night}", &all)).collect();
    if filled.first().is_some_and(|program| program == "isolab") {
        filled[0] = std::env::current_exe().map_err(Failure::internal)?.display().to_string();
    }
    Ok(filled)
}

/// The answers of a stage's record, where it wrote one.
fn said(out: &Path) -> Vec<String> {
    let Ok(record) = Record::read(&out.join("record.json")) else { return Vec::new() };
    let answers = Figures::of(&record).answers.into_iter().filter(|answer| !answer.is_empty());
    // Word joiners are for wrapping where they were made.
    let plain = |text: String| text.replace('\u{2060}', "").trim().to_owned();
    answers.map(|answer| plain(format!("{} {} {}", answer.question, answer.short, answer.spread))).collect()
}

fn write(night: &Night, dir: &Path) -> Result<(), Failure> {
    let path = dir.join(night::FILE);
    night.write(&path).map_err(|error| Failure::Input(format!("write {}: {error}", path.display())))?;
    output::write_file(&dir.join("summary.md"), &night::markdown::render(night))?;
    output::write_file(&dir.join("index.html"), &night::html::render(night).map_err(Failure::internal)?)
}
