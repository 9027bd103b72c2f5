//! The matrices that come with isolab.

use super::declaration::{Aggressor, Matrix};
use crate::workload::aggressor::Work;

/// Two victims, two aggressors: the quick look's, and the kernel lab's.
pub const FIRST: &str = include_str!("../../catalog/interference/first.toml");

/// Name and text.
const FILES: [(&str, &str); 12] = [
    ("first", FIRST),
    ("quick", include_str!("../../catalog/interference/quick.toml")),
    ("full", include_str!("../../catalog/interference/full.toml")),
    ("v2", include_str!("../../catalog/interference/v2.toml")),
    ("intensity", include_str!("../../catalog/interference/intensity.toml")),
    ("oom", include_str!("../../catalog/interference/questions/oom.toml")),
    ("quota-period", include_str!("../../catalog/interference/questions/quota-period.toml")),
    ("pinning", include_str!("../../catalog/interference/questions/pinning.toml")),
    ("fork-bomb", include_str!("../../catalog/interference/questions/fork-bomb.toml")),
    ("fsync", include_str!("../../catalog/interference/questions/fsync.toml")),
    ("churn", include_str!("../../catalog/interference/questions/churn.toml")),
    ("flood", include_str!("../../catalog/interference/questions/flood.toml")),
];

/// One by its name.
#[must_use]
pub fn find(name: &str) -> Option<Matrix> {
    let (name, text) = FILES.iter().find(|(known, _)| *known == name)?;
    Some(read(name, text))
}

/// All.
#[must_use]
pub fn all() -> Vec<Matrix> {
    FILES.iter().map(|(name, text)| read(name, text)).collect()
}

/// Those that answer a question.
#[must_use]
pub fn questions() -> Vec<Matrix> {
    all().into_iter().filter(|matrix| matrix.question.is_some()).collect()
}

/// Their names, for a help text.
#[must_use]
pub fn names() -> Vec<&'static str> {
    FILES.iter().map(|(name, _)| *name).collect()
}

/// A stressor of stress-ng as an aggressor: on the host's own programs and libraries, which it can only read.
#[must_use]
pub fn stress_ng(stressor: &str, work: Work) -> Aggressor {
    let host = ["/usr", "/lib", "/lib64", "/bin"].map(|path| {
        let options = ["rbind", "ro", "nosuid", "nodev"];
        serde_json::json!({"append": "mounts", "value":
            {"destination": path, "type": "bind", "source": path, "options": options}})
    });
    let cage = [("memory.limit", 1u64 << 29), ("pids.limit", 256)]
        .map(|(limit, to)| serde_json::json!({"set": format!("linux.resources.{limit}"), "to": to}));
    let edits = host.into_iter().chain(cage).chain([serde_json::json!({"remove": "linux.seccomp"})]);
    Aggressor {
        name: format!("stress-ng {stressor}"),
        takes: ["cpu", "memory", "io", "kernel"].map(String::from).into(),
        threads: 0,
        unit: "bogo operation".into(),
        work,
        edits: edits
            .map(|edit| serde_json::from_value(edit).unwrap_or_else(|error| unreachable!("{error}")))
            .collect(),
    }
}

fn read(name: &str, text: &str) -> Matrix {
    // A test reads all of them.
    Matrix::parse(name, text).unwrap_or_else(|error| unreachable!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_read_and_called_by_their_id() {
        for (name, matrix) in names().into_iter().zip(all()) {
            assert_eq!(matrix.id, name);
        }
        assert!(questions().len() >= 6);
    }

    #[test]
    fn a_stressor_is_caged() {
        let aggressor = stress_ng("switch", Work::stress_ng("switch"));
        assert!(aggressor.work.is_stress_ng());
        let mut config = serde_json::json!({"linux": {"seccomp": {}}});
        crate::edit::apply(&mut config, &aggressor.edits).unwrap();
        assert_eq!(config["linux"]["resources"]["pids"]["limit"], 256);
        assert!(config["mounts"].as_array().is_some_and(|mounts| mounts.len() == 4));
    }
}
