//! The matrix as its file declares it: victims, aggressors, protections.

use isolab_core::host::Host;
use serde::Deserialize;
use serde_json::Value;

use crate::edit::Edit;
use crate::schema;
use crate::workload::Work;

/// The declaration that comes with isolab.
pub const FIRST: &str = include_str!("../../catalog/interference/first.toml");

/// A matrix.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Always `interference`.
    pub kind: schema::Kind,
    /// Its id.
    pub id: String,
    /// One sentence: what is measured.
    pub title: String,
    /// Rounds; every cell is measured once in each.
    pub rounds: u32,
    /// Seconds of measuring per cell and round.
    pub seconds: f64,
    /// Seconds by which an aggressor starts before the victim.
    pub settle: f64,
    /// What is measured.
    pub victim: Vec<Victim>,
    /// What disturbs it.
    pub aggressor: Vec<Aggressor>,
    /// What may help.
    #[serde(default)]
    pub protection: Vec<Protection>,
}

/// A measured workload.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Victim {
    /// Its name.
    pub name: String,
    /// What its samples are.
    pub measures: String,
    /// What it does.
    pub work: Work,
    /// Edits on its container's config.
    #[serde(default)]
    pub edits: Vec<Edit>,
}

/// A disturbing workload.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggressor {
    /// Its name.
    pub name: String,
    /// What it does. No threads stand for one per CPU of the host.
    pub work: Work,
    /// Edits on its container's config, also when it is unprotected.
    #[serde(default)]
    pub edits: Vec<Edit>,
}

/// A named setting of one or both containers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protection {
    /// Its name.
    pub name: String,
    /// The cgroup controller that it needs.
    pub controller: String,
    /// CPUs that it needs at least.
    #[serde(default)]
    pub cpus: usize,
    /// The aggressors that it can have an effect on.
    pub against: Vec<String>,
    /// Edits on the victim's config.
    #[serde(default)]
    pub victim: Vec<Edit>,
    /// Edits on the aggressor's config, after its own.
    #[serde(default)]
    pub aggressor: Vec<Edit>,
}

/// One cell: indices into the matrix's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) victim: usize,
    pub(super) aggressor: Option<usize>,
    pub(super) protection: Option<usize>,
}

impl Matrix {
    /// Reads a matrix.
    ///
    /// # Errors
    /// When the text does not have its shape, or a protection names an aggressor that there is none of.
    pub fn parse(file: &str, text: &str) -> Result<Matrix, schema::Error> {
        let matrix: Matrix = schema::parse(file, text)?;
        for protection in &matrix.protection {
            for name in &protection.against {
                if !matrix.aggressor.iter().any(|aggressor| &aggressor.name == name) {
                    let problem = format!(
                        "protection `{}` is against `{name}`, which is no aggressor",
                        protection.name
                    );
                    let at = text.find(&format!("\"{name}\""));
                    return Err(schema::at_offset(file, text, at, problem));
                }
            }
        }
        Ok(matrix)
    }

    /// All cells: each victim alone, beside each aggressor, and beside it under each protection against it.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for victim in 0..self.victim.len() {
            places.push(Place { victim, aggressor: None, protection: None });
            for (index, aggressor) in self.aggressor.iter().enumerate() {
                let beside = Place { victim, aggressor: Some(index), protection: None };
                places.push(beside);
                let helps = |protection: &Protection| protection.against.contains(&aggressor.name);
                let protections = (0..self.protection.len()).filter(|&at| helps(&self.protection[at]));
                places.extend(protections.map(|at| Place { protection: Some(at), ..beside }));
            }
        }
        places
    }
}

impl Work {
    /// The work as it fits this host and a container of this config: as many threads as CPUs where it says none, and
    /// memory of at most three quarters of the group's limit (what the program itself needs comes on top) and an eighth of the host's.
    pub(super) fn fitted(&self, config: &Value, host: &Host) -> Work {
        let threads = |threads: usize| if threads == 0 { host.cpus.len().max(1) } else { threads };
        let mut work = self.clone();
        match &mut work {
            Work::CpuHog(hog) => hog.threads = threads(hog.threads),
            Work::MemoryHog(hog) => {
                hog.threads = threads(hog.threads);
                let limit = config.pointer("/linux/resources/memory/limit").and_then(Value::as_u64);
                let most = limit.map_or(u64::MAX, |limit| limit / 4 * 3).min(host.memory / 8);
                hog.bytes = hog.bytes.min(usize::try_from(most).unwrap_or(usize::MAX));
            }
            Work::Timer(_) | Work::MemoryVictim(_) | Work::Files(_) => {}
        }
        work
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::edit;
    use crate::ready;
    use crate::template;
    use crate::workload::memory_hog::MemoryHog;

    fn first() -> Matrix {
        Matrix::parse("catalog/interference/first.toml", FIRST).unwrap()
    }

    fn host(cpus: &[u32], memory: u64) -> Host {
        Host { cpus: cpus.to_vec(), memory, ..crate::testing::host() }
    }

    #[test]
    fn the_first_matrix_has_every_cell_once() {
        let places = first().places();
        // Alone; the CPU hog with three protections; the memory hog with four.
        assert_eq!(places.len(), 2 * (1 + (1 + 3) + (1 + 4)));
        for (index, place) in places.iter().enumerate() {
            assert!(!places[..index].contains(place), "{place:?} twice");
        }
    }

    #[test]
    fn every_edit_applies() {
        let matrix = first();
        let values = ready::values(&host(&[0, 1, 3], 1 << 30));
        for protection in &matrix.protection {
            for edits in [&protection.victim, &protection.aggressor] {
                let mut config = json!({});
                edit::apply(&mut config, edits).unwrap();
                let filled = template::fill(&config, &values).unwrap();
                assert!(!template::has_placeholder(&filled));
                if protection.name == "cpuset" {
                    let cpus = &filled["linux"]["resources"]["cpu"]["cpus"];
                    assert!(cpus == "0" || cpus == "1,3", "{cpus}");
                }
            }
        }
    }

    #[test]
    fn a_hog_takes_what_its_cage_allows() {
        let hog = |threads, bytes| Work::MemoryHog(MemoryHog { threads, bytes });
        let caged = json!({"linux": {"resources": {"memory": {"limit": 1 << 20}}}});
        let two = host(&[0, 1], 1 << 30);
        assert_eq!(hog(0, 1 << 28).fitted(&caged, &two), hog(2, 3 << 18));
        assert_eq!(hog(1, 1 << 10).fitted(&json!({}), &two), hog(1, 1 << 10));
        assert_eq!(hog(1, 1 << 30).fitted(&json!({}), &two), hog(1, 1 << 27), "an eighth of the host");
    }

    #[test]
    fn a_protection_against_nobody_is_refused() {
        let text = FIRST.replace("against = [\"memory hog\"]", "against = [\"disk hog\"]");
        let error = Matrix::parse("mine.toml", &text).unwrap_err().to_string();
        assert!(error.starts_with("mine.toml:") && error.contains("`disk hog`"), "{error}");
    }
}
