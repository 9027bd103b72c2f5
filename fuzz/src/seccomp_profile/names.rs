//! System calls by name and ABI, from other sources than the compiler's: the kernel's headers (`linux-libc-dev` 6.1) for
//! x86_64, x32 and i386; libseccomp 2.5.4 for aarch64 and 32-bit ARM, and up to 456; above that `syscall.tbl` of Linux 6.18.

use std::collections::HashMap;
use std::sync::OnceLock;

/// A set of numbers with their calling convention. In the order of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abi {
    /// 64-bit programs of x86.
    X86_64,
    /// Their numbers with bit 30, for 32-bit pointers.
    X32,
    /// i386.
    X86,
    /// 64-bit programs of ARM.
    Aarch64,
    /// 32-bit ones.
    Arm,
}

/// What marks x32's numbers (`__X32_SYSCALL_BIT`).
pub const X32_BIT: u32 = 0x4000_0000;

impl Abi {
    /// All of them.
    pub const ALL: [Abi; 5] = [Abi::X86_64, Abi::X32, Abi::X86, Abi::Aarch64, Abi::Arm];

    /// `AUDIT_ARCH_*` of `linux/audit.h`.
    #[must_use]
    pub fn audit(self) -> u32 {
        match self {
            Abi::X86_64 | Abi::X32 => 0xc000_003e,
            Abi::X86 => 0x4000_0003,
            Abi::Aarch64 => 0xc000_00b7,
            Abi::Arm => 0x4000_0028,
        }
    }

    /// The number as a filter sees it.
    #[must_use]
    pub fn seen(self, number: u32) -> u32 {
        if self == Abi::X32 { number | X32_BIT } else { number }
    }

    /// Whether the kernel shows arguments with an upper half of zero.
    #[must_use]
    pub fn is_narrow(self) -> bool {
        matches!(self, Abi::X86 | Abi::Arm)
    }
}

/// A name's number in each ABI, counted from that ABI's zero.
pub type Numbers = [Option<u32>; 5];

/// All names, in alphabetical order.
#[must_use]
pub fn names() -> &'static [(&'static str, Numbers)] {
    static NAMES: OnceLock<Vec<(&str, Numbers)>> = OnceLock::new();
    NAMES.get_or_init(|| include_str!("names.tsv").lines().map(line).collect())
}

fn line(line: &'static str) -> (&'static str, Numbers) {
    let mut fields = line.split('\t');
    let name = fields.next().unwrap_or_default();
    let mut number = || fields.next().and_then(|field| field.parse().ok());
    (name, [number(), number(), number(), number(), number()])
}

/// The numbers of a name; of one that no ABI has, none.
#[must_use]
pub fn numbers(name: &str) -> Numbers {
    static BY_NAME: OnceLock<HashMap<&str, Numbers>> = OnceLock::new();
    let table = BY_NAME.get_or_init(|| names().iter().copied().collect());
    table.get(name).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        assert!(names().len() > 480 && names().is_sorted());
        assert_eq!(numbers("execve"), [Some(59), Some(520), Some(11), Some(221), Some(11)]);
        assert_eq!(numbers("socketcall"), [None, None, Some(102), None, None]);
        assert_eq!(numbers("no_such"), [None; 5]);
        let none = names().iter().find(|(_, numbers)| *numbers == [None; 5]);
        assert_eq!(none, None);
    }
}
