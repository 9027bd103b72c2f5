//! What a guest runs, by purpose: isolab's own commands, as a user would type them.

use std::collections::BTreeMap;

use isolab_reports::lab::record::{Layout, Purpose};

use super::guest::Command;

/// Where the program lies in the guest.
pub const ISOLAB: &str = "/isolab";

/// What to run on every kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Launchers, as `--launcher` takes them.
    pub launchers: Vec<String>,
    /// Guarantees by id; for none those of the quick look, or all.
    pub guarantees: Vec<String>,
    /// Whether none are all of the catalogue.
    pub all: bool,
    /// Parts of `isolab bench`, each with its rounds in one boot.
    pub parts: Vec<(String, u32)>,
    /// Nanoseconds of CPU time to waste in each launch; see `isolab bench --plant`.
    pub plant: u64,
}

/// Seconds of each cell of the interference matrix: enough timer wake-ups for a 99th percentile of every boot, and no more, since
/// an emulated CPU that is busy for a second takes many.
const CELL: &str = "0.11";
/// Milliseconds between launches: some grace periods. On the counted clock an idle guest's time costs nothing.
const REST: &str = "30";
/// Seconds of the guest's time for one command, for each launcher.
const LIMIT: u64 = 600;

impl Suite {
    /// The quick scenarios. On the counted clock a boot's rounds agree closely and boots do not, so rounds are few and boots many.
    #[must_use]
    pub fn quick(launchers: Vec<String>) -> Suite {
        let mut parts = vec![("alone", 40), ("ladder", 12), ("overlay", 2), ("interference", 1)];
        if launchers.len() > 1 {
            parts.push(("spawn", 4));
        }
        let parts = parts.into_iter().map(|(part, rounds)| (part.to_owned(), rounds)).collect();
        Suite { launchers, guarantees: Vec::new(), all: false, parts, plant: 0 }
    }

    /// What one metric needs.
    ///
    /// # Errors
    /// When there is no such metric, or it compares launchers and there is only one.
    pub fn for_metric(metric: &str, launchers: Vec<String>) -> Result<Suite, String> {
        let quick = Suite::quick(launchers);
        let (cost, _) = metric.split_once('/').unwrap_or((metric, ""));
        let part = match cost {
            "spawn" => "alone",
            "primitive-ladder" => "ladder",
            "overlay-io" => "overlay",
            "spawn-launchers" if quick.launchers.len() > 1 => "spawn",
            "spawn-launchers" => {
                return Err(format!("{metric} is measured beside another; name several with --launcher"));
            }
            _ if metric.contains(" / ") => "interference",
            _ => return Err(format!("no metric {metric:?}; a report lists them, such as spawn/netns")),
        };
        let parts = quick.parts.into_iter().filter(|(name, _)| name == part).collect();
        Ok(Suite { parts, ..quick })
    }

    /// The commands of a boot.
    #[must_use]
    pub fn commands(&self, purpose: Purpose, layout: &Layout) -> Vec<Command> {
        let launchers = self.launchers.join(",");
        let command = |words: &[&str]| {
            let argv = std::iter::once(ISOLAB).chain(words.iter().copied()).map(str::to_owned).collect();
            Command { argv, env: BTreeMap::new(), limit: LIMIT * self.launchers.len().max(1) as u64 }
        };
        match purpose {
            Purpose::Check => {
                let mut words = vec!["check", "--json", "--launcher", &launchers];
                words.extend(self.guarantees.iter().map(String::as_str));
                if self.guarantees.is_empty() && !self.all {
                    words.push("--quick");
                }
                vec![command(&words)]
            }
            Purpose::Measure => {
                let (seed, plant) = (layout.seed.to_string(), self.plant.to_string());
                let bench = |(part, rounds): &(String, u32)| {
                    let rounds = rounds.to_string();
                    let words = ["bench", part, "--json", "--launcher", &launchers, "--rounds", &rounds];
                    let more = ["--seed", &seed, "--plant", &plant, "--seconds", CELL, "--rest", REST];
                    // One emulated CPU is too slow for more than the first matrix.
                    let matrix: &[&str] = if part == "interference" { &["--matrix", "first"] } else { &[] };
                    command(&[&words[..], &more, matrix].concat())
                };
                self.parts.iter().map(bench).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_part() {
        let part = |metric: &str, launchers: &[&str]| {
            let launchers = launchers.iter().map(|&name| name.to_owned()).collect();
            Suite::for_metric(metric, launchers).map(|suite| suite.parts[0].0.clone())
        };
        for (metric, name) in [
            ("spawn/netns", "alone"),
            ("primitive-ladder/+ proc", "ladder"),
            ("overlay-io/read, overlay", "overlay"),
            ("timer latency / alone p99", "interference"),
        ] {
            assert_eq!(part(metric, &["core"]).as_deref(), Ok(name));
        }
        assert_eq!(part("spawn-launchers/runc", &["core", "runc"]).as_deref(), Ok("spawn"));
        assert!(part("spawn-launchers/runc", &["core"]).unwrap_err().contains("--launcher"));
        assert!(part("no-such/metric", &["core"]).unwrap_err().contains("such as spawn/netns"));
    }
}
