//! The smallest programs: static ELF executables, one that only calls `exit(0)`, and one that reads a byte before.
//!
//! A launch is measured with a program whose own cost is next to nothing: no loader, no libc, one page mapped, two or
//! three instructions. The file is written by hand, header by header (elf(5)), so that no compiler is needed on the host.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where the workload is in a root filesystem.
pub const PATH: &str = "/exit";

/// Where the workload that waits for a byte, or for the end, of its standard input is.
pub const HOLD: &str = "/hold";

/// Offset of the code: it follows the ELF header (64 bytes) and one program header (56 bytes).
const CODE: usize = 64 + 56;
/// Address of the file's first byte in memory; aligned for pages of up to 64 KiB, which aarch64 kernels may use.
const BASE: u64 = 0x40_0000;
const ALIGN: u64 = 0x1_0000;

/// `xor edi, edi; mov eax, 60; syscall`: exit(0) in the x86_64 convention of syscall(2).
const X86_64: [u8; 9] = [0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
/// `mov x0, #0; mov x8, #93; svc #0`: exit(0) in the aarch64 convention.
const AARCH64: [u8; 12] = [0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4];

/// `xor edi, edi; lea rsi, [rsp-64]; mov edx, 1; xor eax, eax; syscall`: read(0, stack, 1), before [`X86_64`].
const READ_X86_64: [u8; 16] =
    [0x31, 0xff, 0x48, 0x8d, 0x74, 0x24, 0xc0, 0xba, 1, 0, 0, 0, 0x31, 0xc0, 0x0f, 0x05];
/// `mov x0, #0; sub x1, sp, #64; mov x2, #1; mov x8, #63; svc #0`: the same on aarch64.
const READ_AARCH64: [u8; 20] = [
    0x00, 0x00, 0x80, 0xd2, 0xe1, 0x03, 0x01, 0xd1, 0x22, 0x00, 0x80, 0xd2, 0xe8, 0x07, 0x80, 0xd2, 0x01,
    0x00, 0x00, 0xd4,
];

/// The executable for a machine as `uname -m` names it; `None` for a machine that we have no code for.
#[must_use]
pub fn elf(machine: &str) -> Option<Vec<u8>> {
    match machine {
        "x86_64" => Some(executable(62, &X86_64)),
        "aarch64" => Some(executable(183, &AARCH64)),
        _ => None,
    }
}

/// The same for the workload that waits.
fn hold(machine: &str) -> Option<Vec<u8>> {
    match machine {
        "x86_64" => Some(executable(62, &[&READ_X86_64[..], &X86_64].concat())),
        "aarch64" => Some(executable(183, &[&READ_AARCH64[..], &AARCH64].concat())),
        _ => None,
    }
}

/// Writes the workload for this build's machine as [`PATH`] into a root filesystem.
///
/// # Errors
/// When the file cannot be written, or there is no code for this machine (`Unsupported`).
pub fn install(rootfs: &Path) -> std::io::Result<PathBuf> {
    write(rootfs, PATH, elf(std::env::consts::ARCH))
}

/// Writes the workload that waits as [`HOLD`].
///
/// # Errors
/// As [`install`].
pub fn install_hold(rootfs: &Path) -> std::io::Result<PathBuf> {
    write(rootfs, HOLD, hold(std::env::consts::ARCH))
}

fn write(rootfs: &Path, path: &str, bytes: Option<Vec<u8>>) -> std::io::Result<PathBuf> {
    let path = rootfs.join(path.trim_start_matches('/'));
    let bytes = bytes.ok_or(std::io::ErrorKind::Unsupported)?;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(&path)?;
    file.write_all(&bytes)?;
    Ok(path)
}

/// A 64-bit little-endian executable of one read-only, executable segment. `machine` is `e_machine`.
fn executable(machine: u16, code: &[u8]) -> Vec<u8> {
    let size = (CODE + code.len()) as u64;
    let mut file = Vec::with_capacity(CODE + code.len());
    // e_ident: magic, 64 bit, little-endian, version 1, System V, padding.
    file.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend_from_slice(&2u16.to_le_bytes()); // e_type: ET_EXEC
    file.extend_from_slice(&machine.to_le_bytes()); // e_machine
    file.extend_from_slice(&1u32.to_le_bytes()); // e_version
    file.extend_from_slice(&(BASE + CODE as u64).to_le_bytes()); // e_entry
    file.extend_from_slice(&64u64.to_le_bytes()); // e_phoff
    file.extend_from_slice(&0u64.to_le_bytes()); // e_shoff: no sections
    file.extend_from_slice(&0u32.to_le_bytes()); // e_flags
    // e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
    for half in [64u16, 56, 1, 0, 0, 0] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    file.extend_from_slice(&1u32.to_le_bytes()); // p_type: PT_LOAD
    file.extend_from_slice(&5u32.to_le_bytes()); // p_flags: PF_R | PF_X
    // p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
    for word in [0, BASE, BASE, size, size, ALIGN] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(code);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit status of the installed workload, or of other code put in its place.
    fn status(name: &str, code: Option<&[u8]>) -> Option<i32> {
        let dir = std::env::temp_dir().join(format!("isolab-exit-{name}-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let path = install(&dir).unwrap();
        if let Some(code) = code {
            std::fs::write(&path, executable(62, code)).unwrap();
        }
        let mut status = std::process::Command::new(&path).status();
        // ETXTBSY: another test's thread forked while the file was open for writing here.
        while matches!(&status, Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy) {
            status = std::process::Command::new(&path).status();
        }
        std::fs::remove_dir_all(&dir).unwrap();
        status.unwrap().code()
    }

    #[test]
    fn it_runs_and_exits_with_zero() {
        assert_eq!(status("zero", None), Some(0));
    }

    /// `mov edi, 7` in place of `xor edi, edi` ends with 7: the check above looks at something.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_planted_fault_is_seen() {
        assert_eq!(status("seven", Some(&[0xbf, 7, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05])), Some(7));
    }

    #[test]
    fn the_one_that_waits_ends_with_its_input() {
        let dir = std::env::temp_dir().join(format!("isolab-hold-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let path = install_hold(&dir).unwrap();
        let start = || std::process::Command::new(&path).stdin(std::process::Stdio::piped()).spawn();
        let mut child = start();
        while matches!(&child, Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy) {
            child = start();
        }
        let mut child = child.unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(child.try_wait().unwrap(), None);
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn both_machines_have_equal_headers_but_for_the_machine_and_size() {
        let (x86, arm) = (elf("x86_64").unwrap(), elf("aarch64").unwrap());
        assert_eq!((x86.len(), arm.len()), (129, 132));
        let differ: Vec<usize> = (0..CODE).filter(|&at| x86[at] != arm[at]).collect();
        assert_eq!(differ, [18, 96, 104], "e_machine, p_filesz, p_memsz");
        assert!(elf("m68k").is_none());
    }
}
