//! What came of one injection, and of all of them.

use isolab_reports::record::{Finding, Problem, Sweep, SweepKind};
use serde::{Deserialize, Serialize};

/// What a launch with a fault came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The launcher failed, and said this.
    Refused(String),
    /// The container ran; this is otherwise than without a fault.
    Launched(Vec<String>),
    /// The launcher reported success, and the container's program never ran.
    Nothing,
    /// It is not known: the launcher was killed.
    Killed,
    /// It took too long.
    Hang,
}

/// One injection, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Whether the launch came to the place.
    pub reached: bool,
    /// What it came to.
    pub outcome: Outcome,
    /// How long the launcher took, in milliseconds.
    pub millis: u64,
    /// What it left for a moment, and is gone by itself.
    pub late: bool,
    /// What it left, and recovery removed.
    pub recovered: Vec<String>,
    /// What it left for good.
    pub left: Vec<String>,
}

impl Trial {
    /// One that came to this and left nothing.
    #[must_use]
    pub fn of(outcome: Outcome) -> Trial {
        Trial { reached: true, outcome, millis: 0, late: false, recovered: Vec::new(), left: Vec::new() }
    }

    /// What must not be.
    fn problems(&self) -> Vec<(Problem, Vec<String>)> {
        let mut problems = Vec::new();
        match &self.outcome {
            Outcome::Refused(said) if said.trim().is_empty() => {
                problems.push((Problem::Silent, vec!["it failed without a word".into()]));
            }
            Outcome::Launched(differences) if !differences.is_empty() => {
                problems.push((Problem::Weaker, differences.clone()));
            }
            Outcome::Nothing => {
                problems.push((Problem::Silent, vec!["it reported success, and nothing ran".into()]));
            }
            Outcome::Hang => {
                let line = format!("it had not ended after {} s", super::LIMIT.as_secs());
                problems.push((Problem::Hang, vec![line]));
            }
            _ => {}
        }
        if !self.left.is_empty() {
            problems.push((Problem::Left, self.left.clone()));
        }
        problems
    }
}

/// Adds up trials.
pub(super) struct Tally {
    sweep: Sweep,
    begun: std::time::Instant,
}

impl Tally {
    pub(super) fn new(kind: SweepKind, launcher: &str, seed: u64, possible: usize) -> Tally {
        let sweep = Sweep {
            kind,
            launcher: launcher.into(),
            seed,
            possible: possible as u64,
            tried: 0,
            reached: 0,
            refused: 0,
            same: 0,
            late: 0,
            recovered: 0,
            seconds: 0.0,
            findings: Vec::new(),
            not_reached: Vec::new(),
            notes: Vec::new(),
        };
        Tally { sweep, begun: std::time::Instant::now() }
    }

    /// Adds one; whether all is as it must be.
    pub(super) fn add(&mut self, injection: &str, trial: &Trial) -> bool {
        self.add_with(injection, trial, Vec::new())
    }

    /// The same, with problems that are seen elsewhere.
    pub(super) fn add_with(
        &mut self,
        injection: &str,
        trial: &Trial,
        mut problems: Vec<(Problem, Vec<String>)>,
    ) -> bool {
        let sweep = &mut self.sweep;
        sweep.tried += 1;
        problems.extend(trial.problems());
        if trial.reached {
            sweep.reached += 1;
            sweep.refused += u64::from(matches!(trial.outcome, Outcome::Refused(_)));
            sweep.same += u64::from(trial.outcome == Outcome::Launched(Vec::new()));
            sweep.late += u64::from(trial.late);
            sweep.recovered += u64::from(!trial.recovered.is_empty());
        } else {
            sweep.not_reached.push(injection.to_owned());
        }
        let finding = |(problem, evidence)| Finding { injection: injection.to_owned(), problem, evidence };
        let good = problems.is_empty();
        sweep.findings.extend(problems.into_iter().map(finding));
        good
    }

    /// So many launches without a fault.
    pub(super) fn launched(&mut self, count: u64) {
        self.sweep.tried += count;
        self.sweep.reached += count;
        self.sweep.same += count;
    }

    /// Something else that was seen.
    pub(super) fn note(&mut self, line: String) {
        self.sweep.notes.push(line);
    }

    pub(super) fn end(mut self) -> Sweep {
        self.sweep.seconds = self.begun.elapsed().as_secs_f64();
        self.sweep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_is_a_finding_and_the_rest_is_counted() {
        let mut tally = Tally::new(SweepKind::Errno, "a", 1, 9);
        let trial = |outcome| Trial::of(outcome);
        assert!(tally.add("1", &trial(Outcome::Refused("no".into()))));
        assert!(tally.add("2", &trial(Outcome::Launched(vec![]))));
        assert!(tally.add("3", &trial(Outcome::Killed)));
        assert!(tally.add("4", &Trial { reached: false, ..trial(Outcome::Launched(vec![])) }));
        assert!(tally.add("5", &Trial { late: true, recovered: vec!["x".into()], ..trial(Outcome::Killed) }));
        assert!(!tally.add("6", &trial(Outcome::Refused(" \n".into()))));
        assert!(!tally.add("7", &trial(Outcome::Launched(vec!["weak".into()]))));
        assert!(!tally.add("8", &trial(Outcome::Hang)));
        assert!(!tally.add("9", &trial(Outcome::Nothing)));
        assert!(!tally.add("10", &Trial { left: vec!["group".into()], ..trial(Outcome::Killed) }));
        let sweep = tally.end();
        assert_eq!((sweep.tried, sweep.reached, sweep.refused, sweep.same), (10, 9, 2, 1));
        assert_eq!((sweep.late, sweep.recovered, sweep.not_reached), (1, 1, vec!["4".to_owned()]));
        let problems: Vec<Problem> = sweep.findings.iter().map(|finding| finding.problem).collect();
        assert_eq!(
            problems,
            [Problem::Silent, Problem::Weaker, Problem::Hang, Problem::Silent, Problem::Left]
        );
    }
}
