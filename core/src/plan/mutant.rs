//! Plans that are wrong on purpose: what a launcher would do that forgets a step, or takes it too early or too late.
//! Checks prove with them that they can fail.

use super::{Plan, Step};

/// A change to a plan. Steps are named by a part of the line that they print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    /// Leaves out all steps with this text.
    Drop(String),
    /// Takes the first step with the one text right after the last with the other.
    After(String, String),
    /// Takes the first step with the one text right before the first with the other.
    Before(String, String),
}

/// A mutation that changes nothing: the plan has no such step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan has no step `{0}` to mutate")]
pub struct NoSuchStep(pub String);

impl Plan {
    /// The same plan with one mistake. What the parent does before the clone stays before it.
    ///
    /// # Errors
    /// When there is no such step.
    pub fn mutated(&self, mutation: &Mutation) -> Result<Plan, NoSuchStep> {
        let mut plan = self.clone();
        match mutation {
            Mutation::Drop(text) => {
                let before = plan.steps[..plan.clone].iter().filter(|step| names(step, text)).count();
                let all = plan.steps.len();
                plan.steps.retain(|step| !names(step, text));
                if plan.steps.len() == all {
                    return Err(NoSuchStep(text.clone()));
                }
                plan.clone -= before;
            }
            Mutation::After(text, other) => {
                let step = plan.take(text)?;
                let at = plan.steps.iter().rposition(|step| names(step, other));
                plan.put(at.ok_or_else(|| NoSuchStep(other.clone()))? + 1, step);
            }
            Mutation::Before(text, other) => {
                let step = plan.take(text)?;
                let at = plan.steps.iter().position(|step| names(step, other));
                plan.put(at.ok_or_else(|| NoSuchStep(other.clone()))?, step);
            }
        }
        Ok(plan)
    }

    fn take(&mut self, text: &str) -> Result<Step, NoSuchStep> {
        let at = self.steps.iter().position(|step| names(step, text));
        let at = at.ok_or_else(|| NoSuchStep(text.to_owned()))?;
        self.clone -= usize::from(at < self.clone);
        Ok(self.steps.remove(at))
    }

    fn put(&mut self, at: usize, step: Step) {
        self.clone += usize::from(at <= self.clone);
        self.steps.insert(at, step);
    }
}

fn names(step: &Step, text: &str) -> bool {
    step.to_string().contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    fn plan() -> Plan {
        let spec = crate::oci::parse(include_bytes!("../../tests/configs/runc-spec.json")).unwrap();
        let config = crate::config::Config::new(&spec, std::path::Path::new("/b"), "a").unwrap();
        Plan::compile(&config, &Host::example()).unwrap()
    }

    fn at(plan: &Plan, text: &str) -> Option<usize> {
        plan.steps().iter().position(|step| names(step, text))
    }

    #[test]
    fn steps_are_left_out_and_taken_elsewhere() {
        let plan = plan();
        let dropped = plan.mutated(&Mutation::Drop("mask /proc/keys".into())).unwrap();
        assert_eq!(dropped.steps().len(), plan.steps().len() - 1);
        assert_eq!(at(&dropped, "mask /proc/keys"), None);
        let groups = plan.mutated(&Mutation::Drop("devices.allow".into())).unwrap();
        assert!(groups.clone_index() < plan.clone_index());
        assert!(groups.steps()[groups.clone_index()].to_string().starts_with("clone3"));
        let late = plan.mutated(&Mutation::After("drop from the bounding".into(), "capset".into())).unwrap();
        assert!(at(&late, "drop from the bounding") > at(&late, "capset"));
        let early = plan.mutated(&Mutation::Before("capset".into(), "setsid".into())).unwrap();
        assert!(at(&early, "capset") < at(&early, "setsid"));
        assert!(early.steps()[early.clone_index()].to_string().starts_with("clone3"));
    }

    #[test]
    fn a_mutation_that_changes_nothing_is_an_error() {
        let error = plan().mutated(&Mutation::Drop("no such step".into())).unwrap_err();
        assert_eq!(error.to_string(), "the plan has no step `no such step` to mutate");
    }
}
