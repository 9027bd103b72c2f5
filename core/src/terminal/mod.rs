//! The workload's terminal: a pseudo-terminal of the container's own devpts, whose controlling side is sent to the caller
//! over a unix socket (runtime-spec, config.md, `process.terminal`; `pty(7)`).

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::fmt;

use oci_spec::runtime::Process as Spec;

use crate::config::{Config, Reader};
use crate::plan::{self, Side, Step};

/// A terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Rows and columns; `None` leaves them 0, as the kernel has them.
    pub size: Option<(u16, u16)>,
}

/// One operation on terminals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Opens a pseudo-terminal, sends away its controlling side, and makes the other one the terminal and the standard
    /// streams of the process.
    Open {
        /// Its size.
        terminal: Terminal,
        /// Whom it is given to.
        uid: u32,
        /// Whether it is the container's `/dev/console` as well.
        console: bool,
    },
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Op::Open { terminal, uid, console } = self;
        write!(
            f,
            "open /dev/ptmx, send it to the console socket; its other side, of user {uid}, becomes the terminal"
        )?;
        if let Some((rows, columns)) = terminal.size {
            write!(f, " of {columns}x{rows}")?;
        }
        if *console { write!(f, " and /dev/console") } else { Ok(()) }
    }
}

impl Terminal {
    pub(crate) fn read(reader: &mut Reader<'_>, spec: &Spec) -> Option<Terminal> {
        if !spec.terminal().unwrap_or(false) {
            return None;
        }
        let mut number = |field: &str, value: u64| {
            u16::try_from(value).unwrap_or_else(|_| {
                reader.refuse(format!("process.consoleSize.{field}"), format!("{value} is more than 65535"));
                0
            })
        };
        let size =
            spec.console_size().map(|size| (number("height", size.height()), number("width", size.width())));
        Some(Terminal { size })
    }
}

/// The child's operation once its file systems are there.
pub(crate) fn plan(config: &Config, console: bool, steps: &mut Vec<Step>) {
    if let Some(terminal) = config.process.terminal {
        let op = Op::Open { terminal, uid: config.process.uid, console };
        steps.push(Step::new(Side::Child, plan::Op::Terminal(op)));
    }
}
