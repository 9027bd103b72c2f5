//! Io priority (`ioprio_set(2)`).

use std::fmt;

use oci_spec::runtime::{IOPriorityClass, LinuxIOPriority as Spec};

use crate::config::Reader;

/// Class and level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoPriority {
    /// `IOPRIO_CLASS_*`: 1 real-time, 2 best-effort, 3 idle.
    pub class: u16,
    /// 0, the highest, to 7.
    pub level: u16,
}

impl IoPriority {
    pub(super) fn read(reader: &mut Reader<'_>, asked: &Spec) -> IoPriority {
        let level = asked.priority();
        if !(0..=7).contains(&level) {
            reader.refuse("process.ioPriority.priority", format!("{level} is not within 0 and 7"));
        }
        let class = match asked.class() {
            IOPriorityClass::IoprioClassRt => 1,
            IOPriorityClass::IoprioClassBe => 2,
            IOPriorityClass::IoprioClassIdle => 3,
        };
        IoPriority { class, level: u16::try_from(level).unwrap_or_default() & 7 }
    }

    /// The kernel's number: the class in the bits from 13 on.
    #[must_use]
    pub fn value(self) -> u16 {
        self.class << 13 | self.level
    }
}

impl fmt::Display for IoPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.class {
            1 => "real-time",
            2 => "best-effort",
            _ => "idle",
        };
        write!(f, "{class} {}", self.level)
    }
}
