//! A container beside the one that is judged: alive until that has ended.

use std::io;
use std::os::fd::OwnedFd;

use isolab_core::host::Cgroups;
use isolab_core::observe::Observation;
use serde_json::{Value, json};

use super::answers::{Answering, Failure};
use super::outside;
use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::launcher::{LIMIT, Running};
use crate::probe::Answers;

/// A container beside the one that is judged.
pub(super) struct Container {
    pub(super) bundle: Bundle,
    pub(super) container: Box<dyn Running>,
    pub(super) answering: Answering,
    pub(super) answers: Option<Answers>,
    pub(super) input: OwnedFd,
}

impl Container {
    /// What it has answered and how it looks; then it ends.
    pub(super) fn end(mut self, cgroups: &Cgroups) -> Result<Value, Failure> {
        let answers = match self.answers {
            Some(answers) => Some(answers),
            None => self.answering.next(&Cancel::new(), LIMIT)?,
        };
        let seen = Observation::of(self.container.pid(), cgroups).map_err(io::Error::other)?;
        let seen = outside::alive(&seen, self.bundle.config(), &self.bundle.rootfs(), cgroups);
        drop(self.input);
        self.container.wait(LIMIT)?;
        self.container.remove()?;
        crate::scratch::remove_tree(self.bundle.dir())?;
        let inside = answers.and_then(|mut answers| answers.remove("second"));
        Ok(json!({"inside": inside, "outside": seen}))
    }
}
