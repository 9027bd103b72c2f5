//! A drawn config as it is written, with at most one thing damaged.

use arbitrary::{Arbitrary, Result, Unstructured};
use isolab_scenarios::drawn::Config;
use serde_json::Value;

use super::damage::{Damage, Expected};

/// See above.
#[derive(Debug)]
pub struct Input {
    /// The config.
    pub config: Config,
    /// The container's name.
    pub id: &'static str,
    /// What is damaged.
    pub damage: Option<Damage>,
    /// Whether it is written on lines of its own.
    pub pretty: bool,
}

impl<'b> Arbitrary<'b> for Input {
    fn arbitrary(bytes: &mut Unstructured<'b>) -> Result<Input> {
        let pretty = bytes.int_in_range(0..=3u8)? == 3;
        let damaged = bytes.int_in_range(0..=2u8)? == 2;
        let damage = if damaged { Some(Damage::arbitrary(bytes)?) } else { None };
        const WRONG: [&str; 8] = ["", ".", "-x", "a/b", "..", "a\nb", "a\0", "ä"];
        let id = match bytes.int_in_range(0..=31u8)? {
            31 => *bytes.choose(&WRONG)?,
            nth => ["drawn", "a.b-c_d+e", "_", "0"][usize::from(nth % 4)],
        };
        Ok(Input { id, config: Config::arbitrary(bytes)?, damage, pretty })
    }
}

impl Input {
    /// The text, and what must come of it.
    #[must_use]
    pub fn written(&self) -> (String, Expected) {
        let spec = &self.config.spec;
        match self.damage.as_ref().and_then(|damage| damage.written(spec, self.pretty)) {
            Some(written) => written,
            None => (print(spec, self.pretty), Expected::As(spec.clone())),
        }
    }
}

pub(super) fn print(spec: &Value, pretty: bool) -> String {
    if pretty { format!("{spec:#}\n") } else { spec.to_string() }
}
