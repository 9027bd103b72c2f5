//! What libseccomp makes of a profile, fed the way runc feeds it, as BPF. A small C program, compiled on the spot, so
//! that the static tests need not link a foreign library.

use oci_spec::runtime::{
    Arch as Listed, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg,
    LinuxSeccompOperator as Operator,
};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What this takes, in the words of `isolab_core::need`.
pub(crate) const NEEDS: [&str; 2] = ["cc", "/usr/include/seccomp.h"];

/// The compiled program, removed on drop.
pub(crate) struct Exporter(PathBuf);

/// The way through the rules of one ABI.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// One after another: libseccomp's default.
    Linear = 1,
    /// By a tree.
    #[allow(dead_code, reason = "the bench alone looks at it")]
    Tree = 2,
}

/// `struct sock_filter`: code, jt, jf, k.
pub(crate) type Raw = (u16, u8, u8, u32);

impl Exporter {
    pub(crate) fn new(name: &str) -> Exporter {
        let path = std::env::temp_dir().join(format!("isolab-libseccomp-{name}-{}", std::process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/common/libseccomp.c");
        let status = Command::new("cc").args(["-o"]).arg(&path).args([source, "-lseccomp"]).status().unwrap();
        assert!(status.success(), "cc");
        Exporter(path)
    }

    /// The program, or what libseccomp refuses.
    pub(crate) fn export(&self, profile: &LinuxSeccomp, order: Order) -> Result<Vec<Raw>, String> {
        let mut child = Command::new(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script(profile, order).as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let chunks = output.stdout.as_chunks::<8>().0;
        let raw = |b: &[u8; 8]| {
            (u16::from_ne_bytes([b[0], b[1]]), b[2], b[3], u32::from_ne_bytes([b[4], b[5], b[6], b[7]]))
        };
        Ok(chunks.iter().map(raw).collect())
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// The calls that runc makes: rules that repeat the default are left out, and conditions on one argument become rules
/// of their own.
fn script(profile: &LinuxSeccomp, order: Order) -> String {
    let default = word(profile.default_action(), profile.default_errno_ret());
    let mut script = format!("default {default}\noptimize {}\n", order as u32);
    for arch in profile.architectures().iter().flatten().filter_map(|arch| token(*arch)) {
        writeln!(script, "arch {arch}").unwrap();
    }
    for entry in profile.syscalls().iter().flatten() {
        let action = word(entry.action(), entry.errno_ret());
        let args = entry.args().as_deref().unwrap_or_default();
        let repeats =
            args.iter().enumerate().any(|(at, arg)| args[..at].iter().any(|a| a.index() == arg.index()));
        let rules: Vec<&[LinuxSeccompArg]> = if repeats { args.chunks(1).collect() } else { vec![args] };
        for name in entry.names().iter().filter(|_| action != default) {
            for rule in &rules {
                write!(script, "rule {action} {name} {}", rule.len()).unwrap();
                rule.iter().for_each(|arg| script.push_str(&condition(arg)));
                script.push('\n');
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
