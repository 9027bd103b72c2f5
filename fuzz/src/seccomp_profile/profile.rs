//! Drawing profiles: entries from a small pool of names, so that several are for the same call; values at the edges of 32 and
//! 64 bits; now and then an entry or a row of entries for hundreds of calls, whose programs have far jumps.

use arbitrary::{Error, Result, Unstructured};
use oci_spec::runtime::{
    Arch as Listed, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompArgBuilder,
    LinuxSeccompFilterFlag as Flag, LinuxSeccompOperator as Operator, LinuxSyscall,
};

use super::names;

/// Calls that a filter treats in a way of their own, or that profiles single out.
pub const FAVOURITES: &[&str] = &[
    "getpid",
    "clone",
    "socket",
    "socketcall",
    "ipc",
    "semget",
    "personality",
    "read",
    "openat2",
    "write",
    "execve",
    "accept4",
    "recv",
    "shmat",
    "semop",
    "semtimedop",
    "msgrcv",
    "ioctl",
    "set_tls",
    "cacheflush",
    "arch_prctl",
    "mmap",
    "clone3",
    "recvfrom",
    "sendmmsg",
    "set_thread_area",
    "newfstatat",
    "clock_gettime64",
    "break",
    "uretprobe",
    "time",
];

/// Values that filters err at.
pub const VALUES: [u64; 20] = [
    0,
    1,
    2,
    18,
    40,
    0xffff,
    0x1_0000,
    0x7e02_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_0000_0000,
    0xffff_ffff_7fff_ffff,
    0xffff_ffff_8000_0000,
    u64::MAX,
];
const OPERATORS: [Operator; 8] = [
    Operator::ScmpCmpEq,
    Operator::ScmpCmpNe,
    Operator::ScmpCmpLt,
    Operator::ScmpCmpLe,
    Operator::ScmpCmpGe,
    Operator::ScmpCmpGt,
    Operator::ScmpCmpMaskedEq,
    Operator::ScmpCmpMaskedEq,
];
const ACTIONS: [Action; 11] = [
    Action::ScmpActErrno,
    Action::ScmpActAllow,
    Action::ScmpActErrno,
    Action::ScmpActAllow,
    Action::ScmpActKillProcess,
    Action::ScmpActLog,
    Action::ScmpActTrap,
    Action::ScmpActTrace,
    Action::ScmpActKill,
    Action::ScmpActKillThread,
    Action::ScmpActNotify,
];
const LISTED: [Listed; 7] = [
    Listed::ScmpArchX86,
    Listed::ScmpArchX32,
    Listed::ScmpArchArm,
    Listed::ScmpArchX86_64,
    Listed::ScmpArchAarch64,
    Listed::ScmpArchNative,
    Listed::ScmpArchMips,
];
const FLAGS: [Flag; 4] = [
    Flag::SeccompFilterFlagTsync,
    Flag::SeccompFilterFlagLog,
    Flag::SeccompFilterFlagSpecAllow,
    Flag::SeccompFilterFlagWaitKillableRecv,
];

/// Holds for so many in a hundred, never when bytes have run out.
pub(super) fn rare(u: &mut Unstructured<'_>, percent: u8) -> Result<bool> {
    Ok(u.int_in_range(0..=99u8)? >= 100 - percent)
}

/// A number of 64 bits.
pub fn value(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.int_in_range(0..=9u8)? {
        0..=5 => *u.choose(&VALUES)?,
        6 | 7 => u.int_in_range(0..=255u8)?.into(),
        8 => *u.choose(&VALUES)? ^ *u.choose(&VALUES)?,
        _ => u.arbitrary()?,
    })
}

/// A profile in which these names come often.
///
/// # Errors
/// None: what the bytes do not say is chosen plainly.
pub fn draw(u: &mut Unstructured<'_>, favourites: &[&'static str]) -> Result<LinuxSeccomp> {
    let mut profile = LinuxSeccomp::default();
    let (action, errno) = if rare(u, 2)? { action(u)? } else { default_action(u)? };
    profile.set_default_action(action).set_default_errno_ret(errno);
    let pool = (0..u.int_in_range(1..=6u8)?).map(|_| name(u, favourites)).collect::<Result<Vec<_>>>()?;
    let mut entries =
        (0..u.int_in_range(0..=8u8)?).map(|_| entry(u, &pool, favourites)).collect::<Result<Vec<_>>>()?;
    if rare(u, 3)? {
        entries.extend(many(u)?);
    }
    profile.set_architectures(listed(u)?);
    frame(u, &mut profile, &entries)?;
    if !entries.is_empty() || rare(u, 50)? {
        profile.set_syscalls(Some(entries));
    }
    Ok(profile)
}

fn default_action(u: &mut Unstructured<'_>) -> Result<(Action, Option<u32>)> {
    let action = *u.choose(&ACTIONS[..ACTIONS.len() - 1])?;
    Ok((action, errno(u, action)?))
}

fn action(u: &mut Unstructured<'_>) -> Result<(Action, Option<u32>)> {
    let action = *u.choose(&ACTIONS)?;
    Ok((action, errno(u, action)?))
}

/// What stands beside an action; seldom beside one that takes nothing, or too large.
fn errno(u: &mut Unstructured<'_>, action: Action) -> Result<Option<u32>> {
    if rare(u, 1)? {
        return Ok(Some(*u.choose(&[0, 1, 4096, 0xffff, 0x1_0000, u32::MAX])?));
    }
    Ok(match action {
        Action::ScmpActErrno => {
            *u.choose(&[None, Some(0), Some(1), Some(38), Some(133), Some(4094), Some(4095)])?
        }
        Action::ScmpActTrace => *u.choose(&[None, Some(0), Some(1), Some(0xffff)])?,
        _ => None,
    })
}

fn name(u: &mut Unstructured<'_>, favourites: &[&'static str]) -> Result<String> {
    Ok(match u.int_in_range(0..=19u8)? {
        0..=8 => (*u.choose(favourites)?).to_owned(),
        9..=17 => u.choose(names::names())?.0.to_owned(),
        18 => (*u.choose(&["no_such_call", "SYS_read", "fstatat", "r#break", "x32", "getpid "])?).to_owned(),
        _ => {
            if rare(u, 30)? {
                String::new()
            } else {
                "exit_grup".to_owned()
            }
        }
    })
}

fn entry(u: &mut Unstructured<'_>, pool: &[String], favourites: &[&'static str]) -> Result<LinuxSyscall> {
    let count = if rare(u, 1)? { 0 } else { u.int_in_range(1..=3u8)? };
    let one = |u: &mut Unstructured<'_>| {
        if rare(u, 25)? { name(u, favourites) } else { Ok(u.choose(pool)?.clone()) }
    };
    let mut names = (0..count).map(|_| one(u)).collect::<Result<Vec<_>>>()?;
    let (action, errno) = action(u)?;
    if action == Action::ScmpActNotify && !rare(u, 10)? {
        names.iter_mut().filter(|name| *name == "write").for_each(|name| *name = "writev".to_owned());
    }
    let mut entry = LinuxSyscall::default();
    entry.set_names(names).set_action(action).set_errno_ret(errno);
    // As many without conditions as with some.
    let count = *u.choose(&[0, 1, 2, 0, 1, 0, 3, 1, 0, 6])?;
    if count > 0 || rare(u, 20)? {
        entry.set_args(Some((0..count).map(|at| argument(u, at)).collect::<Result<_>>()?));
    }
    Ok(entry)
}

/// Often the same argument as another of its entry.
fn argument(u: &mut Unstructured<'_>, at: usize) -> Result<LinuxSeccompArg> {
    let index = match u.int_in_range(0..=15u8)? {
        0..=4 => at,
        5..=7 => 0,
        given => usize::from(given) % 6,
    };
    let index = if rare(u, 1)? { *u.choose(&[6, 7, 64, usize::MAX])? } else { index };
    let operator = *u.choose(&OPERATORS)?;
    let (first, second) = (value(u)?, if rare(u, 30)? { None } else { Some(value(u)?) });
    condition(index, operator, first, second)
}

fn condition(index: usize, operator: Operator, value: u64, second: Option<u64>) -> Result<LinuxSeccompArg> {
    let argument = LinuxSeccompArgBuilder::default().index(index).op(operator).value(value);
    let argument = if let Some(second) = second { argument.value_two(second) } else { argument };
    argument.build().map_err(|_| Error::IncorrectFormat)
}

/// For hundreds of calls, one entry or one each: alike, with an errno each, or with a condition each.
fn many(u: &mut Unstructured<'_>) -> Result<Vec<LinuxSyscall>> {
    let all = names::names();
    let (from, step) = (u.int_in_range(0..=all.len() - 1)?, u.int_in_range(1..=4usize)?);
    let count = *u.choose(&[16, 40, 100, 140, 270, 400])?;
    let names: Vec<String> =
        all.iter().cycle().skip(from).step_by(step).take(count).map(|name| name.0.to_owned()).collect();
    let kind = u.int_in_range(0..=2u8)?;
    if kind == 0 {
        let mut entry = LinuxSyscall::default();
        entry.set_names(names).set_action(Action::ScmpActTrap);
        return Ok(vec![entry]);
    }
    let one = |(at, name): (u32, String)| -> Result<LinuxSyscall> {
        let mut entry = LinuxSyscall::default();
        entry.set_names(vec![name]).set_action(Action::ScmpActErrno).set_errno_ret(Some(100 + at));
        if kind == 2 {
            let least = condition(at as usize % 6, Operator::ScmpCmpGe, u64::from(at) + 7, None)?;
            entry.set_args(Some(vec![least]));
        }
        Ok(entry)
    };
    (0..).zip(names).map(one).collect()
}

fn listed(u: &mut Unstructured<'_>) -> Result<Option<Vec<Listed>>> {
    if rare(u, 20)? {
        return Ok(None);
    }
    let bits: u8 = u.arbitrary()?;
    let mut all: Vec<_> =
        (0..).zip(LISTED).filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, arch)| arch).collect();
    if bits & 0x80 != 0 {
        all.extend_from_within(..);
    }
    Ok(Some(all))
}

/// Flags, and the agent: there when it is asked for, and seldom otherwise.
fn frame(u: &mut Unstructured<'_>, profile: &mut LinuxSeccomp, entries: &[LinuxSyscall]) -> Result<()> {
    let asks = entries.iter().any(|entry| entry.action() == Action::ScmpActNotify);
    if rare(u, 30)? {
        let known = if asks || rare(u, 5)? { &FLAGS[..] } else { &FLAGS[..3] };
        let flags = (0..u.int_in_range(0..=3u8)?).map(|_| Ok(*u.choose(known)?)).collect::<Result<_>>()?;
        profile.set_flags(Some(flags));
    }
    let path = match u.int_in_range(0..=31u8)? {
        31 => "run/agent".to_owned(),
        30 => format!("/{}", "x".repeat(u.int_in_range(105..=108)?)),
        29 => "/run/a\0b".to_owned(),
        28 => return Ok(()),
        _ => "/run/agent".to_owned(),
    };
    if asks || rare(u, 10)? {
        profile.set_listener_path(Some(path.into()));
    }
    if rare(u, if profile.listener_path().is_some() { 30 } else { 1 })? {
        profile.set_listener_metadata(Some("m".to_owned()));
    }
    Ok(())
}
