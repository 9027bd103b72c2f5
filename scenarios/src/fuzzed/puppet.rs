//! A workload that makes the system calls that it is told to.
//!
//! It reads an order from its standard input (the call's number, six arguments, how much to answer, and data), makes the
//! call, and writes the result and the data back; it ends with 0 at the end of its input. Its memory is at fixed addresses,
//! so that an argument can point into the data. A child that a `clone` has made ends at once.
//!
//! So a container is asked from inside at the price of two switches of context a question, where a probe that is started
//! for each launch would take most of its time. x86_64 alone has the code.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use isolab_core::sys::process;

/// Where it is in a root file system.
pub const PATH: &str = "/puppet";
/// Where its code is.
pub const TEXT: u64 = 0x40_0000;
/// Where an order's data is.
pub const DATA: u64 = BUFFER + HEAD as u64;

/// Where an order is read to: a page.
const BUFFER: u64 = 0x50_0000;
/// The call, its arguments, and the length of the answer.
const HEAD: usize = 64;
const PAGE: usize = 4096;
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Offset of the code: it follows the ELF header and two program headers.
const CODE: usize = 64 + 2 * 56;

/// See the comments for the source, in Intel's words; B is [`BUFFER`].
#[rustfmt::skip]
const INSTRUCTIONS: [u8; 136] = [
    // order: xor edi, edi; mov esi, B; mov edx, 4096; xor eax, eax (read); syscall
    0x31, 0xff, 0xbe, 0, 0, 0x50, 0, 0xba, 0, 0x10, 0, 0, 0x31, 0xc0, 0x0f, 0x05,
    // test eax, eax; jle end
    0x85, 0xc0, 0x7e, 0x6b,
    // mov rax, [B]; mov rdi, [B+8]; mov rsi, [B+16]; mov rdx, [B+24]
    0x48, 0x8b, 0x04, 0x25, 0, 0, 0x50, 0, 0x48, 0x8b, 0x3c, 0x25, 8, 0, 0x50, 0,
    0x48, 0x8b, 0x34, 0x25, 16, 0, 0x50, 0, 0x48, 0x8b, 0x14, 0x25, 24, 0, 0x50, 0,
    // mov r10, [B+32]; mov r8, [B+40]; mov r9, [B+48]; syscall
    0x4c, 0x8b, 0x14, 0x25, 32, 0, 0x50, 0, 0x4c, 0x8b, 0x04, 0x25, 40, 0, 0x50, 0,
    0x4c, 0x8b, 0x0c, 0x25, 48, 0, 0x50, 0, 0x0f, 0x05,
    // test rax, rax; jnz answer; cmp dword ptr [B], 56 (clone); je end
    0x48, 0x85, 0xc0, 0x75, 0x0a, 0x83, 0x3c, 0x25, 0, 0, 0x50, 0, 56, 0x74, 0x22,
    // answer: mov [B], rax; mov edi, 1; mov esi, B; mov edx, [B+56]; mov eax, 1 (write); syscall; jmp order
    0x48, 0x89, 0x04, 0x25, 0, 0, 0x50, 0, 0xbf, 1, 0, 0, 0, 0xbe, 0, 0, 0x50, 0,
    0x8b, 0x14, 0x25, 56, 0, 0x50, 0, 0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0xeb, 0x81,
    // end: xor edi, edi; mov eax, 231 (exit_group); syscall
    0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 0x05,
];

/// Whether there is code for this machine.
#[must_use]
pub fn is_there() -> bool {
    cfg!(target_arch = "x86_64")
}

/// Writes the program into a root file system.
///
/// # Errors
/// When the file cannot be written.
pub fn install(rootfs: &Path) -> io::Result<()> {
    let path = rootfs.join(PATH.trim_start_matches('/'));
    crate::executable::written(|| {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path)?;
        file.write_all(&executable())
    })
    .map_err(|error| crate::scratch::named("write", &path, &error))
}

/// An executable (elf(5)) of two segments: the code, and a page to write to.
fn executable() -> Vec<u8> {
    let size = (CODE + INSTRUCTIONS.len()) as u64;
    let mut file = Vec::with_capacity(CODE + INSTRUCTIONS.len());
    // e_ident: magic, 64 bit, little-endian, version 1, System V, padding.
    file.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    // e_type: ET_EXEC, e_machine: EM_X86_64
    for half in [2u16, 62] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    file.extend_from_slice(&1u32.to_le_bytes());
    // e_entry, e_phoff, e_shoff
    for word in [TEXT + CODE as u64, 64, 0] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(&0u32.to_le_bytes());
    // e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
    for half in [64u16, 56, 2, 0, 0, 0] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    // p_flags: readable and executable, readable and writable; p_vaddr, p_filesz, p_memsz
    for (flags, address, length, memory) in [(5u32, TEXT, size, size), (6, BUFFER, 0, PAGE as u64)] {
        file.extend_from_slice(&1u32.to_le_bytes());
        file.extend_from_slice(&flags.to_le_bytes());
        for word in [0, address, address, length, memory, PAGE as u64] {
            file.extend_from_slice(&word.to_le_bytes());
        }
    }
    file.extend_from_slice(&INSTRUCTIONS);
    file
}

/// The strings of a puppet that runs.
#[derive(Debug)]
pub struct Puppet {
    orders: Option<File>,
    answers: File,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// As the kernel returned it: an errno is negative.
    pub result: i64,
    /// The data after the call.
    pub data: Vec<u8>,
}

impl Puppet {
    /// With the other ends of its standard input and output.
    #[must_use]
    pub fn new(orders: OwnedFd, answers: OwnedFd) -> Puppet {
        Puppet { orders: Some(orders.into()), answers: answers.into() }
    }

    /// Has it make a call, with data at [`DATA`], of which so much is returned.
    ///
    /// # Errors
    /// `UnexpectedEof` when it ends in place of answering, `TimedOut` when it does neither.
    pub fn call(&mut self, number: u64, args: &[u64], data: &[u8], take: usize) -> io::Result<Answer> {
        self.order(number, args, data, take)?;
        let mut answer = vec![0; length(take)];
        let mut read = 0;
        while read < answer.len() {
            let ready = process::poll(&[self.answers.as_fd()], Some(LIMIT));
            if ready.map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()))?.is_none() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.answers.read(&mut answer[read..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => read += more,
            }
        }
        let result = answer.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
        Ok(Answer { result, data: answer.split_off(HEAD.min(answer.len())) })
    }

    /// The result alone.
    ///
    /// # Errors
    /// As [`Puppet::call`].
    pub fn result(&mut self, number: u64, args: &[u64], data: &[u8]) -> io::Result<i64> {
        Ok(self.call(number, args, data, 0)?.result)
    }

    /// Tells it to make a call that does not return.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn order(&mut self, number: u64, args: &[u64], data: &[u8], take: usize) -> io::Result<()> {
        let mut order = Vec::with_capacity(HEAD + data.len());
        order.extend_from_slice(&number.to_le_bytes());
        for index in 0..6 {
            order.extend_from_slice(&args.get(index).copied().unwrap_or(0).to_le_bytes());
        }
        let length = length(take);
        order.extend_from_slice(&(length as u64).to_le_bytes());
        order.extend_from_slice(data);
        match &mut self.orders {
            Some(orders) if order.len() <= PAGE && length <= PAGE => orders.write_all(&order),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Ends its input, and so it.
    pub fn let_go(&mut self) {
        self.orders = None;
    }
}

/// Of an answer: the result, and where data is asked for all up to its end.
fn length(take: usize) -> usize {
    if take > 0 { HEAD + take } else { 8 }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn it_makes_the_calls_that_it_is_told_to_and_ends_with_its_input() {
        let scratch = Scratch::new().unwrap();
        install(scratch.path()).unwrap();
        let mut command = Command::new(scratch.path().join("puppet"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut puppet = Puppet::new(stdin.into(), stdout.into());
        assert_eq!(puppet.result(39, &[], &[]).unwrap(), i64::from(child.id()));
        // getcwd
        let cwd = puppet.call(79, &[DATA, 4000], &[], 4000).unwrap();
        let own = std::env::current_dir().unwrap();
        assert!(cwd.data.starts_with(own.to_str().unwrap().as_bytes()) && cwd.result > 0);
        // openat of what is not there, and clone
        assert_eq!(puppet.result(257, &[u64::MAX, DATA, 0], b"/none\0").unwrap(), -2);
        assert!(puppet.result(56, &[17], &[]).unwrap() > 0);
        assert!(puppet.call(39, &[], &[0; 5000], 0).is_err());
        puppet.let_go();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(puppet.call(39, &[], &[], 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
