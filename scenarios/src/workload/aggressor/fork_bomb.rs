//! Aggressor: processes that make processes, which make processes. A unit of work is one that was made by the first.
//!
//! Their number is bounded by the group's pids limit alone; once it is reached, the first process takes one away and makes
//! another. All of them end with the container's first process, and by themselves when their time is over.

use std::collections::VecDeque;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::workload::{Request, own_command};

/// How long a process that was refused waits before it tries again.
const PAUSE: Duration = Duration::from_millis(1);

/// Parameters of the bomb.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorForkBomb")]
pub struct ForkBomb {
    /// Milliseconds after which every process ends by itself.
    pub millis: u64,
    /// Processes that the first one keeps.
    pub own: usize,
}

impl ForkBomb {
    pub(super) fn unit(&self) -> io::Result<Unit> {
        let (mut command, own) = (self.command()?, self.own);
        let mut children: VecDeque<Child> = VecDeque::new();
        Ok(Box::new(move || match command.spawn() {
            Ok(child) => {
                children.push_back(child);
                if children.len() > own { end_oldest(&mut children).map(|()| 1) } else { Ok(1) }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                end_oldest(&mut children)?;
                Ok(0)
            }
            Err(error) => Err(error),
        }))
    }

    fn command(&self) -> io::Result<Command> {
        let mut command = own_command(&Request::ForkBomb(self.clone()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }
}

fn end_oldest(children: &mut VecDeque<Child>) -> io::Result<()> {
    let Some(mut oldest) = children.pop_front() else { return Ok(()) };
    oldest.kill()?;
    oldest.wait().map(drop)
}

/// A process of the bomb, but for the first.
pub(in crate::workload) fn burn(how: &ForkBomb) -> io::Result<()> {
    let (begun, mut command) = (Instant::now(), how.command()?);
    let mut children = Vec::new();
    while begun.elapsed() < Duration::from_millis(how.millis) {
        // It is refused at the limit, which is what the limit is for.
        match command.spawn() {
            Ok(child) => children.push(child),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    for mut child in children {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}
