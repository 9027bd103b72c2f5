//! A matrix as its file declares it: victims, aggressors, protections.

use isolab_core::host::Host;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::edit::Edit;
use crate::schema;
use crate::workload::{aggressor, victim};

/// A matrix.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Always `interference`.
    #[schemars(with = "String", extend("const" = "interference"))]
    pub kind: schema::Kind,
    /// Its id.
    pub id: String,
    /// One sentence: what is measured.
    pub title: String,
    /// What it is to answer, where it is one of the questions.
    pub question: Option<Question>,
    /// Rounds; every cell is measured once in each.
    pub rounds: u32,
    /// Seconds of measuring per cell and round.
    pub seconds: f64,
    /// Seconds by which an aggressor starts before the victim.
    pub settle: f64,
    /// Shares of its time that an aggressor works, one cell for each.
    #[serde(default = "full")]
    pub intensity: Vec<f64>,
    /// What is measured.
    pub victim: Vec<Victim>,
    /// What disturbs it.
    #[serde(default)]
    pub aggressor: Vec<Aggressor>,
    /// What may help.
    #[serde(default)]
    pub protection: Vec<Protection>,
}

fn full() -> Vec<f64> {
    vec![1.0]
}

/// A question from practice.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MatrixQuestion")]
pub struct Question {
    /// The question.
    pub asks: String,
    /// The slowdown from which on it matters.
    pub matters: f64,
    /// The answer when a cell is slowed down as much.
    pub yes: String,
    /// The answer when none is.
    pub no: String,
}

/// A measured workload.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Victim {
    /// Its name.
    pub name: String,
    /// What its samples are.
    pub measures: String,
    /// Nanoseconds between two requests.
    pub period: u64,
    /// What serves them.
    pub work: Measured,
    /// Edits on its container's config.
    #[serde(default)]
    pub edits: Vec<Edit>,
}

/// What serves a victim's requests.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measured {
    /// Isolab itself: each request is the launch of a container of this config that only exits.
    Launch,
    /// A workload in the container.
    #[serde(untagged)]
    Inside(victim::Work),
}

/// A disturbing workload.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aggressor {
    /// Its name.
    pub name: String,
    /// What it takes from others, for the protections that are against that: `cpu`, `memory`, `io`, …
    #[serde(default)]
    pub takes: Vec<String>,
    /// Threads; 0 is one for each CPU.
    #[serde(default)]
    pub threads: usize,
    /// What a unit of its work is.
    pub unit: String,
    /// What they do.
    pub work: aggressor::Work,
    /// Edits on its container's config, also when it is unprotected.
    #[serde(default)]
    pub edits: Vec<Edit>,
}

/// A named setting of one or both containers.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Protection {
    /// Its name.
    pub name: String,
    /// The cgroup controllers that it needs.
    pub controllers: Vec<String>,
    /// Whether only cgroup v2 has such a setting.
    #[serde(default)]
    pub v2: bool,
    /// CPUs that it needs at least.
    #[serde(default)]
    pub cpus: usize,
    /// What it can have an effect on: aggressors by name, or by what they take.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub against: Vec<Spanned<String>>,
    /// Whether the victim is measured alone under it too.
    #[serde(default)]
    pub alone: bool,
    /// Edits on the victim's config.
    #[serde(default)]
    pub victim: Vec<Edit>,
    /// Edits on the aggressor's config, after its own.
    #[serde(default)]
    pub aggressor: Vec<Edit>,
}

/// One cell: indices into the matrix's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub(super) victim: usize,
    /// The aggressor, and the index of its intensity.
    pub(super) aggressor: Option<(usize, usize)>,
    pub(super) protection: Option<usize>,
}

impl Matrix {
    /// Reads a matrix.
    ///
    /// # Errors
    /// When the text does not have its shape, or a protection is against nothing that any aggressor is or takes.
    pub fn parse(file: &str, text: &str) -> Result<Matrix, schema::Error> {
        let matrix: Matrix = schema::parse(file, text)?;
        for protection in &matrix.protection {
            for name in &protection.against {
                let wanted = name.get_ref();
                if !matrix.aggressor.iter().any(|aggressor| aggressor.answers_to(wanted)) {
                    let problem = format!(
                        "protection `{}` is against `{wanted}`, which no aggressor is or takes",
                        protection.name
                    );
                    return Err(schema::at_offset(file, text, Some(name.span().start), problem));
                }
            }
        }
        Ok(matrix)
    }

    /// All cells: each victim alone, beside each aggressor, and beside it under each protection against it.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for victim in 0..self.victim.len() {
            let alone = Place { victim, aggressor: None, protection: None };
            places.push(alone);
            let under = |at: &usize| self.protection[*at].alone;
            let under = (0..self.protection.len()).filter(under);
            places.extend(under.map(|at| Place { protection: Some(at), ..alone }));
            for (index, aggressor) in self.aggressor.iter().enumerate() {
                for intensity in 0..self.intensity.len() {
                    let beside = Place { aggressor: Some((index, intensity)), ..alone };
                    places.push(beside);
                    let helps = |at: &usize| self.protection[*at].is_against(aggressor);
                    let protections = (0..self.protection.len()).filter(helps);
                    places.extend(protections.map(|at| Place { protection: Some(at), ..beside }));
                }
            }
        }
        places
    }

    /// How long it takes at least: what is measured, and the time that aggressors get before it.
    #[must_use]
    pub fn seconds_in_all(&self) -> f64 {
        let beside = |place: &Place| if place.aggressor.is_some() { self.settle } else { 0.0 };
        let cells = self.places();
        f64::from(self.rounds) * cells.iter().map(|place| self.seconds + beside(place)).sum::<f64>()
    }

    /// Keeps what is named in each of the lists; an empty list keeps all.
    ///
    /// # Errors
    /// When a name is in none of them.
    pub fn keep(&mut self, choice: &Choice) -> Result<(), String> {
        keep("victim", &mut self.victim, &choice.victims, |victim| &victim.name)?;
        keep("aggressor", &mut self.aggressor, &choice.aggressors, |aggressor| &aggressor.name)?;
        keep("protection", &mut self.protection, &choice.protections, |protection| &protection.name)
    }

    /// The words for a cell.
    #[must_use]
    pub fn name_of(&self, place: Place) -> String {
        let mut name = self.victim[place.victim].name.clone();
        match place.aggressor {
            None => name.push_str(" alone"),
            Some((at, intensity)) => {
                name.push_str(" beside ");
                name.push_str(&self.aggressor[at].name);
                if self.intensity.len() > 1 {
                    name.push_str(&format!(" at {:.0} %", self.intensity[intensity] * 100.0));
                }
            }
        }
        if let Some(at) = place.protection {
            name.push_str(", ");
            name.push_str(&self.protection[at].name);
        }
        name
    }
}

/// Names to keep of a matrix.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Victims.
    pub victims: Vec<String>,
    /// Aggressors.
    pub aggressors: Vec<String>,
    /// Protections.
    pub protections: Vec<String>,
}

fn keep<T>(
    what: &str,
    all: &mut Vec<T>,
    names: &[String],
    name: impl Fn(&T) -> &String,
) -> Result<(), String> {
    for wanted in names {
        if !all.iter().any(|item| name(item) == wanted) {
            let known: Vec<&str> = all.iter().map(|item| name(item).as_str()).collect();
            return Err(format!("no {what} is called {wanted:?}; there are: {}", known.join(", ")));
        }
    }
    all.retain(|item| names.is_empty() || names.contains(name(item)));
    Ok(())
}

impl Aggressor {
    /// Whether a protection that names `name` means it.
    fn answers_to(&self, name: &String) -> bool {
        &self.name == name || self.takes.contains(name)
    }

    /// Its threads here.
    pub(super) fn threads(&self, host: &Host) -> usize {
        if self.threads == 0 { host.cpus.len().max(1) } else { self.threads }
    }
}

impl Protection {
    fn is_against(&self, aggressor: &Aggressor) -> bool {
        self.against.iter().any(|name| aggressor.answers_to(name.get_ref()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::edit;
    use crate::interference::catalog;
    use crate::ready;
    use crate::template;

    fn host(cpus: &[u32], memory: u64) -> Host {
        Host { cpus: cpus.to_vec(), memory, ..crate::testing::host() }
    }

    #[test]
    fn every_matrix_has_every_cell_once() {
        for matrix in catalog::all() {
            let places = matrix.places();
            for (index, place) in places.iter().enumerate() {
                assert!(!places[..index].contains(place), "{}: {place:?} twice", matrix.id);
            }
        }
    }

    /// Four victims, five aggressors, three protections.
    #[test]
    fn the_quick_matrix_is_of_the_promised_size() {
        let quick = catalog::find("quick").unwrap();
        assert_eq!(quick.places().len(), 4 * (1 + 5 * (1 + 3)));
        assert!(quick.seconds_in_all() < 50.0, "{}", quick.seconds_in_all());
        let full = catalog::find("full").unwrap();
        assert!(full.victim.len() >= 10 && full.aggressor.len() >= 16, "{}", full.places().len());
        assert!(full.seconds_in_all() < 1000.0, "{} s, {} cells", full.seconds_in_all(), full.places().len());
    }

    #[test]
    fn every_edit_applies() {
        let mut values = ready::values(&host(&[0, 1, 3], 1 << 30));
        values["groups"] = "/sys/fs/cgroup".into();
        values["disk"] = json!({"victim": "/d/v", "aggressor": "/d/a", "major": 7, "minor": 0});
        for matrix in catalog::all() {
            let own = matrix.aggressor.iter().map(|aggressor| &aggressor.edits);
            let protections = matrix.protection.iter().flat_map(|p| [&p.victim, &p.aggressor]);
            for edits in own.chain(protections).chain(matrix.victim.iter().map(|victim| &victim.edits)) {
                let mut config = crate::bundle::base_config(&crate::testing::host());
                edit::apply(&mut config, edits).unwrap_or_else(|error| panic!("{}: {error}", matrix.id));
                let filled = template::fill(&config, &values).unwrap();
                assert!(!template::has_placeholder(&filled), "{filled}");
            }
        }
    }

    #[test]
    fn a_protection_against_nobody_is_refused() {
        let text = catalog::FIRST.replacen("against = [\"memory hog\"]", "against = [\"disk hog\"]", 1);
        let error = Matrix::parse("mine.toml", &text).unwrap_err().to_string();
        let line = text.lines().position(|line| line.contains("disk hog")).map_or(0, |line| line + 1);
        assert!(
            error.starts_with(&format!("mine.toml:{line}: `against`:")) && error.contains("`disk hog`"),
            "{error}"
        );
    }

    #[test]
    fn names_choose_and_unknown_ones_are_refused() {
        let mut matrix = catalog::find("quick").unwrap();
        let choice = Choice { victims: vec![matrix.victim[0].name.clone()], ..Choice::default() };
        matrix.keep(&choice).unwrap();
        assert_eq!((matrix.victim.len(), matrix.aggressor.len()), (1, 5));
        let nobody = Choice { aggressors: vec!["nobody".into()], ..Choice::default() };
        assert!(matrix.keep(&nobody).unwrap_err().contains("\"nobody\""));
    }
}
