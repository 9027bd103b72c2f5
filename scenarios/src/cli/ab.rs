//! `isolab ab`: two launchers on the user's own config.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::units;
use isolab_scenarios::cost::ab::{self, Pairs};
use isolab_scenarios::launcher;
use isolab_scenarios::leftovers;
use isolab_scenarios::progress::say;
use isolab_scenarios::schedule::Limits;
use serde_json::json;

use super::bars::Bars;
use super::{Failure, interrupt, session};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The two launchers, separated by a comma: core, runc, crun, bwrap, or the paths of OCI runtimes
    #[arg(long, value_name = "A,B", value_delimiter = ',', required = true)]
    launcher: Vec<String>,
    /// How long to take pairs, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// Pairs at most
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pairs: u32,
    /// Seed of the order within the pairs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// All samples and the comparison as JSON
    #[arg(long)]
    json: bool,
    /// An OCI config.json, or the directory of a bundle; its program must end by itself, with 0
    config: PathBuf,
}

pub(super) fn ab(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let [a, b] = arguments.launcher.as_slice() else {
        return Err(Failure::Input("--launcher wants two, such as ./old,./new".into()));
    };
    let cancel = interrupt::watch()?;
    let host = Host::probe();
    for left in leftovers::sweep(&host).map_err(Failure::input)? {
        say(&format!("isolab: {left}"));
    }
    let named = |name: &String| launcher::named(name, &host).map_err(Failure::Input);
    let both = [named(a)?, named(b)?];
    let limits = Limits {
        rounds: arguments.pairs,
        time: Duration::from_secs(arguments.seconds),
        seed: arguments.seed,
    };
    let bars = Bars::new();
    let measured =
        ab::run([both[0].as_ref(), both[1].as_ref()], &arguments.config, limits, &host, &bars, &cancel);
    let pairs = session::stage(measured, &cancel)?;
    drop(bars);
    print(&pairs, [a, b], arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

fn print(pairs: &Pairs, names: [&String; 2], as_json: bool) -> Result<(), Failure> {
    let comparison = pairs.compare().ok_or_else(|| Failure::Internal("no pair was measured".into()))?;
    let ab::Comparison { difference, ratio } = comparison;
    let text = if as_json {
        let spread = |paired: isolab_reports::stats::Paired| json!({"median": paired.median, "low": paired.low, "high": paired.high, "coverage": paired.coverage});
        let value = json!({
            "launchers": names,
            "unit": "ns",
            "samples": pairs,
            "difference": spread(difference),
            "ratio": spread(ratio),
            "verdict": comparison.verdict(),
        });
        format!("{value:#}\n")
    } else {
        let medians = pairs.medians().map(|median| units::nanos(median.unwrap_or_default()));
        format!(
            "A  {}  median {}\nB  {}  median {}\nB against A: {} ({}), {}\n",
            names[0],
            medians[0],
            names[1],
            medians[1],
            comparison.verdict(),
            difference.difference_line(),
            ratio.ratio_line(),
        )
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // A reader that stops reading, such as head, is no error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::internal(error)),
        _ => Ok(()),
    }
}
