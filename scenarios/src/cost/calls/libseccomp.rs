//! What libseccomp makes of a profile, fed the way runc feeds it, as BPF. A small C program, compiled on the spot, so
//! that nothing here links a foreign library. core's tests compare with it too, and include this file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use oci_spec::runtime::{
    Arch as Listed, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg,
    LinuxSeccompOperator as Operator,
};

/// What this takes, in the words of `isolab_core::need`.
pub const NEEDS: [&str; 2] = ["cc", "/usr/include/seccomp.h"];
/// How to get it.
pub const REMEDY: &str = "apt-get install gcc libc6-dev libseccomp-dev";

const SOURCE: &str = include_str!("libseccomp.c");

/// The compiled program, removed on drop.
#[derive(Debug)]
pub struct Exporter(PathBuf);

/// The way through the rules of one ABI: libseccomp's `SCMP_FLTATR_CTL_OPTIMIZE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One after another: libseccomp's default.
    Linear = 1,
    /// By a binary tree.
    Tree = 2,
}

/// `struct sock_filter`: code, jt, jf, k.
pub type Raw = (u16, u8, u8, u32);

impl Exporter {
    /// Compiles it to `<dir>/libseccomp-<name>-<pid>`.
    ///
    /// # Errors
    /// When there is no C compiler or no libseccomp to compile with, in the compiler's words.
    pub fn new(dir: &Path, name: &str) -> io::Result<Exporter> {
        let path = dir.join(format!("isolab-libseccomp-{name}-{}", std::process::id()));
        let mut compiler = Command::new("cc");
        compiler.args(["-x", "c", "-o"]).arg(&path).args(["-", "-lseccomp"]);
        fed(&mut compiler, SOURCE).map_err(|error| io::Error::new(error.kind(), format!("cc: {error}")))?;
        Ok(Exporter(path))
    }

    /// The program.
    ///
    /// # Errors
    /// What libseccomp refuses, in its words.
    pub fn export(&self, profile: &LinuxSeccomp, order: Order) -> io::Result<Vec<Raw>> {
        let output = fed(&mut Command::new(&self.0), &script(profile, order))?;
        let chunks = output.as_chunks::<8>().0;
        let raw = |b: &[u8; 8]| {
            (u16::from_ne_bytes([b[0], b[1]]), b[2], b[3], u32::from_ne_bytes([b[4], b[5], b[6], b[7]]))
        };
        Ok(chunks.iter().map(raw).collect())
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // What is left lies in a directory for temporary files.
        drop(std::fs::remove_file(&self.0));
    }
}

/// Runs a command with this input; what it writes, or what it says when it fails.
fn fed(command: &mut Command, input: &str) -> io::Result<Vec<u8>> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn()?;
    let written = feed(&mut child, input);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        // What it says tells more than that it closed its input.
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    written.map(|()| output.stdout)
}

/// Writes the input and closes it.
fn feed(child: &mut Child, input: &str) -> io::Result<()> {
    child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()))
}

/// The calls that runc makes: rules that repeat the default are left out, and conditions on one argument become rules
/// of their own.
fn script(profile: &LinuxSeccomp, order: Order) -> String {
    let default = word(profile.default_action(), profile.default_errno_ret());
    let mut script = format!("default {default}\noptimize {}\n", order as u32);
    for arch in profile.architectures().iter().flatten().filter_map(|arch| token(*arch)) {
        script.push_str(&format!("arch {arch}\n"));
    }
    for entry in profile.syscalls().iter().flatten() {
        let action = word(entry.action(), entry.errno_ret());
        let args = entry.args().as_deref().unwrap_or_default();
        let repeats =
            args.iter().enumerate().any(|(at, arg)| args[..at].iter().any(|a| a.index() == arg.index()));
        let rules: Vec<&[LinuxSeccompArg]> = if repeats { args.chunks(1).collect() } else { vec![args] };
        for name in entry.names().iter().filter(|_| action != default) {
            for rule in &rules {
                let conditions: String = rule.iter().map(condition).collect();
                script.push_str(&format!("rule {action} {name} {}{conditions}\n", rule.len()));
            }
        }
    }
    script
}

fn condition(arg: &LinuxSeccompArg) -> String {
    let operator = match arg.op() {
        Operator::ScmpCmpNe => 1,
        Operator::ScmpCmpLt => 2,
        Operator::ScmpCmpLe => 3,
        Operator::ScmpCmpEq => 4,
        Operator::ScmpCmpGe => 5,
        Operator::ScmpCmpGt => 6,
        Operator::ScmpCmpMaskedEq => 7,
    };
    format!(" {} {operator} {} {}", arg.index(), arg.value(), arg.value_two().unwrap_or_default())
}

/// `SCMP_ACT_*` of `seccomp.h`.
fn word(action: Action, errno: Option<u32>) -> u32 {
    match action {
        Action::ScmpActErrno => 0x0005_0000 | errno.unwrap_or(1),
        Action::ScmpActTrace => 0x7ff0_0000 | errno.unwrap_or(1),
        Action::ScmpActKill | Action::ScmpActKillThread => 0,
        Action::ScmpActKillProcess => 0x8000_0000,
        Action::ScmpActTrap => 0x0003_0000,
        Action::ScmpActLog => 0x7ffc_0000,
        Action::ScmpActAllow => 0x7fff_0000,
        Action::ScmpActNotify => 0x7fc0_0000,
    }
}

/// `SCMP_ARCH_*` of `seccomp.h`, for those that x86_64 runs. libseccomp would govern others too.
fn token(arch: Listed) -> Option<u32> {
    match arch {
        Listed::ScmpArchX86_64 => Some(0xc000_003e),
        Listed::ScmpArchX86 => Some(0x4000_0003),
        Listed::ScmpArchX32 => Some(0x4000_003e),
        _ => None,
    }
}
