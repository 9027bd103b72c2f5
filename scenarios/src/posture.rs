//! What a container is, without what differs between two launches of the same config.

use std::collections::BTreeMap;

use isolab_core::observe::Observation;
use serde_json::Value;

/// What a container is without a fault: facts by their path in an [`Observation`], such as `status.caps.effective`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posture {
    facts: BTreeMap<String, String>,
    own: Observation,
}

impl Posture {
    /// What some launches agree in; what they do not, such as the time that they took, is no part of it.
    /// `own` is this process's, whose namespaces the host's are.
    pub(crate) fn common(seen: &[Observation], own: &Observation) -> Posture {
        let mut all = seen.iter().map(|seen| facts(seen, own));
        let mut facts = all.next().unwrap_or_default();
        for other in all {
            facts.retain(|path, fact| other.get(path) == Some(fact));
        }
        Posture { facts, own: own.clone() }
    }

    /// What is otherwise in a container, a line each.
    pub(crate) fn differences(&self, seen: &Observation) -> Vec<String> {
        let seen = facts(seen, &self.own);
        let line = |(path, fact): (&String, &String)| match seen.get(path) {
            Some(other) if other == fact => None,
            Some(other) => Some(format!("{path} is {other} instead of {fact}")),
            None => Some(format!("{path} is missing; it is {fact} otherwise")),
        };
        self.facts.iter().filter_map(line).collect()
    }
}

/// Facts of an observation, without the identities that the kernel gives out. A namespace is `1` where it is not `own`'s.
pub(crate) fn facts(seen: &Observation, own: &Observation) -> BTreeMap<String, String> {
    let mut seen = seen.clone();
    // Identities say nothing: the kernel gives them out, and gives them out again.
    for (kind, inode) in &mut seen.namespaces {
        *inode = u64::from(own.namespaces.get(kind) != Some(inode));
    }
    for mount in &mut seen.mounts {
        (mount.id, mount.parent, mount.device.1) = (0, 0, 0);
    }
    // In which order they were made depends on the way that a launch takes around what fails.
    seen.mounts.sort_by(|one, other| one.target.cmp(&other.target));
    let mut facts = BTreeMap::new();
    flatten("", &serde_json::to_value(&seen).unwrap_or_default(), &mut facts);
    // What may hold secrets is not stored with the rest.
    facts.insert("env".into(), format!("{:?}", seen.env));
    facts
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&below(name), value, into)),
        Value::Array(items) => {
            into.insert(below("length"), items.len().to_string());
            for (index, value) in items.iter().enumerate() {
                flatten(&below(&index.to_string()), value, into);
            }
        }
        plain => {
            into.insert(path.to_owned(), plain.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use isolab_core::observe::Status;

    use super::*;

    fn seen(pid: i32, seccomp: u32, fds: &[i32]) -> Observation {
        let fds = fds.iter().map(|fd| (*fd, "/x".to_owned())).collect();
        let status = Status { nspid: vec![pid, 1], seccomp, ..Status::default() };
        Observation { status, fds, ..Observation::default() }
    }

    #[test]
    fn what_differs_anyway_is_not_compared_and_all_else_is() {
        let posture = Posture::common(&[seen(7, 2, &[0]), seen(8, 2, &[0])], &Observation::default());
        assert_eq!(posture.differences(&seen(9, 2, &[0])), Vec::<String>::new());
        assert_eq!(posture.differences(&seen(9, 0, &[0])), ["status.seccomp is 0 instead of 2"]);
        assert_eq!(posture.differences(&seen(9, 2, &[0, 5])), ["fds.length is 2 instead of 1"]);
        assert!(posture.facts.len() > 10);
    }
}
