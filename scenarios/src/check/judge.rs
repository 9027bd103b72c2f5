//! Facts held against expectations.

use isolab_reports::record::{self, Evidence, Outcome};
use serde_json::Value;

use super::Error;
use super::answers::Failure;
use super::session::{Facts, Session, Site};
use crate::cancel::Cancel;
use crate::launcher::Launcher;
use crate::schema::{Case, Control, Guarantee};

/// What was concluded.
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) evidence: Vec<Evidence>,
    /// Whether a container was there to be looked at, or a refusal that was asked for. Of several cases, that of the one
    /// which decided.
    pub(super) launched: bool,
    /// The index of the case that decided it, where there are several.
    case: Option<usize>,
}

impl Judged {
    pub(super) fn without_facts(outcome: Outcome) -> Judged {
        Judged { outcome, evidence: Vec::new(), launched: false, case: None }
    }

    /// How it can be seen again, when it is broken.
    pub(super) fn again(
        &self,
        guarantee: &Guarantee,
        control: Option<&Control>,
        site: &Site<'_>,
    ) -> Option<record::Again> {
        if self.outcome != Outcome::Broken {
            return None;
        }
        let case = self.case.and_then(|index| guarantee.case.get(index));
        let session = Session { guarantees: vec![guarantee], case, control };
        let config = site.config_of(&session).unwrap_or(Value::Null);
        Some(record::Again { command: format!("isolab check {} --no-controls", guarantee.id), config })
    }
}

/// Launches a guarantee, all of its cases, and concludes. With a control, that is wrong in each.
pub(super) fn cases(
    guarantee: &Guarantee,
    control: Option<&Control>,
    site: &mut Site<'_>,
    launcher: &dyn Launcher,
    cancel: &Cancel,
) -> Result<Judged, Error> {
    let unexpected = if control.is_some() { Outcome::Holds } else { Outcome::Broken };
    let mut launch = || once(guarantee, control, site, launcher, cancel);
    let first = launch()?;
    if !guarantee.measured || first.outcome != unexpected {
        return Ok(first);
    }
    Ok(most(first, launch()?, launch()?))
}

/// What two of three launches say, with what the odd one found as evidence. A scheduler may leave a workload behind for a while; a
/// launcher that lacks something lacks it each time.
fn most(first: Judged, second: Judged, third: Judged) -> Judged {
    let (mut most, odd) = if first.outcome == second.outcome {
        (first, third)
    } else if first.outcome == third.outcome {
        (first, second)
    } else {
        (third, first)
    };
    let once = odd.evidence.into_iter().filter(|_| odd.outcome != most.outcome);
    let evidence = once.filter(|evidence| !evidence.agrees);
    most.evidence.extend(evidence.map(|one| Evidence {
        fact: format!("in one of three launches: {}", one.fact),
        agrees: true,
        ..one
    }));
    most
}

/// Launches each case once.
fn once(
    guarantee: &Guarantee,
    control: Option<&Control>,
    site: &mut Site<'_>,
    launcher: &dyn Launcher,
    cancel: &Cancel,
) -> Result<Judged, Error> {
    if guarantee.case.is_empty() {
        let session = Session { guarantees: vec![guarantee], case: None, control };
        return one(guarantee, None, &site.run(&session, launcher, cancel));
    }
    let mut whole = Judged { outcome: Outcome::Holds, evidence: Vec::new(), launched: false, case: None };
    for (index, case) in guarantee.case.iter().enumerate() {
        cancel.check()?;
        let session = Session { guarantees: vec![guarantee], case: Some(case), control };
        let judged = one(guarantee, Some(case), &site.run(&session, launcher, cancel))?;
        whole.evidence.extend(judged.evidence.into_iter().map(|evidence| named(case, evidence)));
        match (&whole.outcome, judged.outcome) {
            (Outcome::Holds, Outcome::Holds) => whole.launched |= judged.launched,
            (Outcome::Broken, Outcome::Broken) if judged.launched && !whole.launched => {
                (whole.launched, whole.case) = (true, Some(index));
            }
            (_, Outcome::Holds) | (Outcome::Broken, _) => {}
            (_, worse) => (whole.outcome, whole.launched, whole.case) = (worse, judged.launched, Some(index)),
        }
    }
    Ok(whole)
}

fn named(case: &Case, evidence: Evidence) -> Evidence {
    Evidence { fact: format!("{}: {}", case.name, evidence.fact), ..evidence }
}

/// What one launch says of one guarantee.
pub(super) fn one(
    guarantee: &Guarantee,
    case: Option<&Case>,
    facts: &Result<Facts, Failure>,
) -> Result<Judged, Error> {
    let facts = match facts {
        Ok(facts) => facts.of(&guarantee.id),
        Err(Failure::Cancelled(cancelled)) => return Err((*cancelled).into()),
        Err(Failure::NotOffered(reason)) => {
            return Ok(Judged::without_facts(Outcome::NotOffered { reason: reason.clone() }));
        }
        Err(Failure::Scenario(reason)) => {
            let remedy =
                "the scenario does not fit the base config on this host; as root there is more in it".into();
            return Ok(Judged::without_facts(Outcome::NotTestable { reason: reason.clone(), remedy }));
        }
        Err(failure) => {
            let expected = "the container starts and answers".into();
            let found = failure.to_string();
            // A container that was there and said nothing is seen; one that did not start is not.
            let launched = matches!(failure, Failure::Silent { .. } | Failure::Hang);
            let evidence = Evidence { fact: "launch".into(), expected, found, agrees: false };
            return Ok(Judged { outcome: Outcome::Broken, evidence: vec![evidence], launched, case: None });
        }
    };
    let mut evidence: Vec<_> =
        guarantee.expect.iter().flat_map(|(path, expect)| expect.judge(path, &facts)).collect();
    for (path, expect) in case.map(|case| &case.expect).into_iter().flatten() {
        evidence.extend(expect.judge(path, &facts));
    }
    let holds = evidence.iter().all(|evidence| evidence.agrees);
    let outcome = if holds { Outcome::Holds } else { Outcome::Broken };
    Ok(Judged { outcome, evidence, launched: true, case: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(found: f64) -> Judged {
        let holds = found <= 0.3;
        let evidence = Evidence {
            fact: "inside.cpus".into(),
            expected: "is at most 0.3".into(),
            found: found.to_string(),
            agrees: holds,
        };
        let outcome = if holds { Outcome::Holds } else { Outcome::Broken };
        Judged { outcome, evidence: vec![evidence], launched: true, case: None }
    }

    fn disagreeing(judged: &Judged) -> Vec<&str> {
        let found = judged.evidence.iter().filter(|evidence| !evidence.agrees);
        found.map(|evidence| evidence.found.as_str()).collect()
    }

    #[test]
    fn what_one_of_three_launches_found_is_told_and_does_not_decide() {
        for odd in 0..3 {
            let [first, second, third] = [0, 1, 2].map(|at| judged(if at == odd { 0.9 } else { 0.2 }));
            let held = most(first, second, third);
            assert_eq!(held.outcome, Outcome::Holds, "{odd}");
            assert!(disagreeing(&held).is_empty(), "{odd}");
            let told = held.evidence.last().unwrap();
            assert_eq!(
                (told.fact.as_str(), told.found.as_str()),
                ("in one of three launches: inside.cpus", "0.9")
            );
            let [first, second, third] = [0, 1, 2].map(|at| judged(if at == odd { 0.2 } else { 0.9 }));
            let broken = most(first, second, third);
            assert_eq!(broken.outcome, Outcome::Broken, "{odd}");
            assert_eq!(disagreeing(&broken), ["0.9"], "{odd}");
        }
    }
}
