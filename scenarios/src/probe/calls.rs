//! Single system calls, tried in a throw-away process.

use std::ffi::CString;

use isolab_core::sys::trial::{self, Trial, trial};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errno_name;

/// An argument of a system call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Argument {
    /// A number; negative ones are sign-extended.
    Number(i64),
    /// A pointer to this text.
    Text(CString),
}

pub(super) fn syscall(name: &str, args: &[Argument]) -> Value {
    let Some(number) = name.parse().ok().or_else(|| trial::number(name)) else {
        return json!("no such system call on this machine");
    };
    told(trial(number, &given(args)))
}

/// As a program of i386 would make it, whose numbers are its own.
pub(super) fn i386(number: u64, args: &[Argument]) -> Value {
    if !trial::has_i386() {
        return json!("no programs of i386 here");
    }
    told(trial::trial_as_i386(number, &given(args)))
}

fn given(args: &[Argument]) -> Vec<trial::Argument<'_>> {
    let one = |argument| match argument {
        &Argument::Number(number) => trial::Argument::Number(i64::cast_unsigned(number)),
        Argument::Text(text) => trial::Argument::Text(text),
    };
    args.iter().map(one).collect()
}

fn told(outcome: Result<Trial, isolab_core::sys::Errno>) -> Value {
    match outcome {
        Ok(Trial::Returned(value)) => json!(value),
        Ok(Trial::Failed(errno)) => json!(errno_name(errno)),
        Ok(Trial::Exited(status)) => json!(format!("exited with {status}")),
        Ok(Trial::Killed(signal)) => json!(killed_by(signal)),
        Err(errno) => json!({"error": errno_name(errno)}),
    }
}

pub(super) fn kill(pid: i32, signal: i32) -> Value {
    match syscall("kill", &[Argument::Number(pid.into()), Argument::Number(signal.into())]) {
        Value::Number(_) => json!("ok"),
        refused => refused,
    }
}

/// `killed by SIGKILL`.
pub(super) fn killed_by(signal: i32) -> String {
    // signal(7), the numbers that are the same on x86_64 and aarch64.
    let name = match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        other => return format!("killed by signal {other}"),
    };
    format!("killed by {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_answered_with_what_they_did() {
        assert_eq!(syscall("lseek", &[Argument::Number(99), Argument::Number(0)]), json!("EBADF"));
        assert_eq!(syscall("999999", &[]), json!("ENOSYS"));
        assert_eq!(syscall("no_such_call", &[]), json!("no such system call on this machine"));
        assert_eq!(kill(i32::try_from(std::process::id()).unwrap(), 0), json!("ok"));
        let text: Argument = serde_json::from_value(json!("/none")).unwrap();
        assert_eq!(syscall("chdir", &[text]), json!("ENOENT"));
    }
}
