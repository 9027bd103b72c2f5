//! A night: stages that ran one after another, each with a status, a log and a folder of its own.
//!
//! As in a record nothing here is a conclusion, but for what each stage itself said of its findings in a few words.

pub mod html;
pub mod markdown;
pub mod merge;
pub mod text;

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::figures::answers::Tone;
use crate::record::{self, RecordError};

/// The format that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// Its file in the night's folder.
pub const FILE: &str = "night.json";

/// One run of `isolab nightly`, or what several shards of it have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Night {
    /// [`FORMAT`] of the build that wrote it.
    pub night_format: u32,
    /// Version of isolab that wrote it.
    pub isolab: String,
    /// The commit of the checkout that it ran in.
    pub revision: Option<String>,
    /// Where it ran: kernel and CPUs; of a merged one, how many such places.
    pub host: String,
    /// Seconds since the epoch at which it began first.
    pub started: u64,
    /// The profile, by name or path.
    pub profile: String,
    /// Which part of the profile this is, such as `2/4`; `None` for all of it.
    pub shard: Option<String>,
    /// Shards that were not there when they were merged.
    #[serde(default)]
    pub missing: Vec<String>,
    /// In the order of the profile.
    pub stages: Vec<Stage>,
}

/// A stage of a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Unique in its night; its folder and its log are named after it.
    pub name: String,
    /// The command and its arguments, as somebody would write them.
    pub command: Vec<String>,
    /// Where it ran. Figures of different places are never taken together.
    pub host: String,
    /// How it ended; `None` while it has not.
    pub ended: Option<Ended>,
    /// How long it took.
    pub seconds: f64,
    /// Its page, relative to the night's folder, where it has one.
    pub page: Option<String>,
    /// What it found, in a few words each.
    pub said: Vec<String>,
}

/// How a stage ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Ended {
    /// By itself.
    Exited {
        /// Its exit status.
        status: u8,
    },
    /// By a signal that came from elsewhere.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// It was ended, since it took longer than its profile allows.
    TooLong {
        /// What the profile allows.
        minutes: u64,
    },
    /// It could not be started.
    NotStarted {
        /// Why.
        reason: String,
    },
}

impl Ended {
    /// The exit status that it stands for; what did not end by itself is a failure of the night's own.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Ended::Exited { status } => *status,
            Ended::Killed { .. } | Ended::TooLong { .. } | Ended::NotStarted { .. } => 5,
        }
    }

    /// In a few words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Ended::Exited { status: 0 } => "fine".into(),
            Ended::Exited { status: 1 } => "broken or slower".into(),
            Ended::Exited { status: 2 } => "wrong usage or input".into(),
            Ended::Exited { status: 3 } => "inconclusive".into(),
            Ended::Exited { status: 4 } => "not testable".into(),
            Ended::Exited { status } => format!("failed with status {status}"),
            Ended::Killed { signal } => format!("killed by signal {signal}"),
            Ended::TooLong { minutes } => format!("ended after its {minutes} min"),
            Ended::NotStarted { reason } => format!("not started: {reason}"),
        }
    }

    /// How that should make the reader feel.
    #[must_use]
    pub fn tone(&self) -> Tone {
        match self.status() {
            0 => Tone::Good,
            3 | 4 => Tone::Wary,
            _ => Tone::Bad,
        }
    }
}

/// Statuses, the worst first: what was not measured because the night is wrong hides more than what was found.
const WORST: [u8; 6] = [5, 2, 1, 4, 3, 0];

impl Night {
    /// Reads a night of any format up to [`FORMAT`].
    ///
    /// # Errors
    /// When the file cannot be read, is no night, or was written by a newer isolab.
    pub fn read(path: &Path) -> Result<Night, RecordError> {
        #[derive(Deserialize)]
        struct Head {
            night_format: u32,
        }
        record::read(path, FORMAT, |head: Head| head.night_format)
    }

    /// Writes it beside its place and then to it, so that it is whole at any moment.
    ///
    /// # Errors
    /// Of writing.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("json.new");
        std::fs::write(&new, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(new, path)
    }

    /// The exit status of all: the worst of the stages', 5 for one that has not ended or is missing.
    #[must_use]
    pub fn status(&self) -> u8 {
        let statuses: Vec<u8> =
            self.stages.iter().map(|stage| stage.ended.as_ref().map_or(5, Ended::status)).collect();
        // A status that isolab does not know is no better than its own failure.
        let known = |status: &u8| WORST.contains(status);
        if !self.missing.is_empty() || statuses.iter().any(|status| !known(status)) {
            return 5;
        }
        WORST.into_iter().find(|worst| statuses.contains(worst)).unwrap_or(0)
    }

    /// Stages in the order in which to look at them: the worst first, then as they ran.
    #[must_use]
    pub fn by_urgency(&self) -> Vec<&Stage> {
        let mut stages: Vec<&Stage> = self.stages.iter().collect();
        let place = |stage: &&Stage| {
            let status = stage.ended.as_ref().map_or(5, Ended::status);
            WORST.iter().position(|worst| *worst == status).unwrap_or(0)
        };
        stages.sort_by_key(place);
        stages
    }

    /// One line on all of it: `2 of 7 stages want a look`.
    #[must_use]
    pub fn headline(&self) -> String {
        let open = self.stages.iter().filter(|stage| stage.ended.is_none()).count();
        let bad = |stage: &&Stage| stage.ended.as_ref().is_some_and(|ended| ended.tone() == Tone::Bad);
        let (bad, all) = (self.stages.iter().filter(bad).count(), self.stages.len());
        if !self.missing.is_empty() {
            let shards = if self.missing.len() == 1 { "shard" } else { "shards" };
            return format!(
                "{shards} {} missing; {bad} of the {all} stages that are there want a look",
                self.missing.join(", ")
            );
        }
        match (open, bad) {
            (0, 0) => format!("all {all} stages are fine"),
            (0, _) => format!("{bad} of {all} stages want a look"),
            _ => format!("{open} of {all} stages are still to run"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn stage(name: &str, ended: Option<Ended>) -> Stage {
        let command = ["isolab", "check"].map(String::from).into();
        Stage {
            name: name.into(),
            command,
            host: "Linux 6.12.0, 2 CPUs".into(),
            ended,
            seconds: 61.0,
            page: Some(format!("{name}/report.html")),
            said: vec!["Does it hold? All that was tested holds".into()],
        }
    }

    pub(crate) fn night(statuses: &[u8]) -> Night {
        let exited = |(at, status): (usize, &u8)| {
            stage(&format!("stage-{at}"), Some(Ended::Exited { status: *status }))
        };
        Night {
            night_format: FORMAT,
            isolab: "1.0.0".into(),
            revision: Some("0123456789ab".into()),
            host: "Linux 6.12.0, 2 CPUs".into(),
            started: 1_750_000_000,
            profile: "quick".into(),
            shard: None,
            missing: Vec::new(),
            stages: statuses.iter().enumerate().map(exited).collect(),
        }
    }

    #[test]
    fn the_worst_status_is_the_nights() {
        let cases: [(&[u8], u8); 7] = [
            (&[0, 0], 0),
            (&[0, 3], 3),
            (&[3, 4, 0], 4),
            (&[4, 1, 0], 1),
            (&[1, 2], 2),
            (&[2, 5], 5),
            (&[0, 77], 5),
        ];
        for (statuses, worst) in cases {
            assert_eq!(night(statuses).status(), worst, "{statuses:?}");
        }
        let mut night = night(&[0, 0]);
        night.stages[1].ended = None;
        assert_eq!((night.status(), night.headline().as_str()), (5, "1 of 2 stages are still to run"));
    }

    #[test]
    fn it_is_read_as_it_was_written_and_a_newer_one_is_refused() {
        let dir = std::env::temp_dir().join(format!("isolab-night-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(FILE);
        let mut night = night(&[0, 1]);
        night.write(&path).unwrap();
        let read = Night::read(&path);
        night.night_format = FORMAT + 1;
        night.write(&path).unwrap();
        let newer = Night::read(&path);
        std::fs::remove_dir_all(&dir).unwrap();
        night.night_format = FORMAT;
        assert_eq!(read.unwrap(), night);
        assert!(newer.is_err());
    }

    #[test]
    fn what_is_bad_comes_first() {
        let night = night(&[0, 4, 1, 0, 5]);
        let names: Vec<&str> = night.by_urgency().iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["stage-4", "stage-2", "stage-1", "stage-0", "stage-3"]);
        assert_eq!(night.headline(), "2 of 5 stages want a look");
    }
}
