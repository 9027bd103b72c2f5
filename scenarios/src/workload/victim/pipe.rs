//! Victim: a byte to another thread through a pipe, and back through another: the shortest way to feel a context switch.

use std::io::{self, Read, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;

/// Parameters of the pipe victim: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimPipe")]
pub struct Pipe {}

impl Pipe {
    #[expect(clippy::unused_self, reason = "as every victim")]
    pub(super) fn serve(&self) -> io::Result<Serve> {
        let (mut there, mut to) = io::pipe()?;
        let (mut from, mut back) = io::pipe()?;
        std::thread::spawn(move || {
            let mut byte = [0];
            while there.read_exact(&mut byte).and_then(|()| back.write_all(&byte)).is_ok() {}
        });
        Ok(Box::new(move || {
            to.write_all(b"p")?;
            from.read_exact(&mut [0])
        }))
    }
}
