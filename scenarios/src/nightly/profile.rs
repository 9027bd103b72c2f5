//! A profile as its file declares it.

use std::collections::BTreeSet;

use serde::Deserialize;

/// What runs in a night, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its stages.
    pub stage: Vec<Stage>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Names its folder and its log: small letters, digits and hyphens.
    pub name: String,
    /// The program and its arguments. `isolab` is the isolab that runs the night; `{out}` stands for the stage's folder, which
    /// the command makes, and `{night}` for the folder of all.
    pub command: Vec<String>,
    /// When it has taken so long it is ended, and counts as failed.
    pub minutes: u64,
}

/// Those that come with isolab.
const FILES: [(&str, &str); 2] = [
    ("quick", include_str!("../../catalog/nightly/quick.toml")),
    ("full", include_str!("../../catalog/nightly/full.toml")),
];

impl Profile {
    /// One that comes with isolab.
    #[must_use]
    pub fn find(name: &str) -> Option<Profile> {
        let (name, text) = FILES.iter().find(|(known, _)| *known == name)?;
        // A test reads all of them.
        Some(Profile::parse(name, text).unwrap_or_else(|error| unreachable!("{error}")))
    }

    /// Their names.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        FILES.iter().map(|(name, _)| *name).collect()
    }

    /// Reads a profile; `file` is for messages.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(file: &str, text: &str) -> Result<Profile, String> {
        let profile: Profile = toml::from_str(text).map_err(|error| format!("{file}: {error}"))?;
        let mut names = BTreeSet::new();
        if profile.stage.is_empty() {
            return Err(format!("{file}: it has no [[stage]]"));
        }
        for stage in &profile.stage {
            stage.check().map_err(|wrong| format!("{file}: stage {:?}: {wrong}", stage.name))?;
            if !names.insert(&stage.name) {
                return Err(format!("{file}: two stages are named {:?}", stage.name));
            }
        }
        Ok(profile)
    }
}

impl Stage {
    fn check(&self) -> Result<(), &'static str> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err("a name is of small letters, digits and hyphens");
        }
        if self.command.first().is_none_or(String::is_empty) {
            return Err("`command` names no program");
        }
        if self.minutes == 0 {
            return Err("`minutes` is 0, so that it would be ended at once");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_isolab_can_be_read() {
        for name in Profile::names() {
            let profile = Profile::find(name).unwrap();
            assert!(
                profile.stage.iter().all(|stage| stage.command[0] != "isolab" || stage.command.len() > 1)
            );
        }
        assert_eq!(Profile::find("slow"), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_stage() {
        let stage = |name: &str, rest: &str| format!("[[stage]]\nname = '{name}'\n{rest}\n");
        let fine = "command = ['isolab', 'host']\nminutes = 1";
        let cases = [
            ("stage = []".to_owned(), "no [[stage]]"),
            (stage("A", fine), "\"A\": a name"),
            (stage("../x", fine), "\"../x\": a name"),
            (stage("a", "command = []\nminutes = 1"), "names no program"),
            (stage("a", "command = ['x']\nminutes = 0"), "`minutes` is 0"),
            (stage("a", fine) + &stage("a", fine), "two stages"),
            (stage("a", "command = ['x']\nminutes = 1\nhours = 2"), "hours"),
        ];
        for (text, wrong) in cases {
            let error = Profile::parse("mine.toml", &text).unwrap_err();
            assert!(error.starts_with("mine.toml:") && error.contains(wrong), "{error}");
        }
    }
}
