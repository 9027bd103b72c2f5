//! Drawing calls: those that a profile names, through the right ABI and through others, with arguments at and next to what it
//! compares with.

use arbitrary::{Result, Unstructured};
use isolab_core::seccomp::{Arch, Call};
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompArg, LinuxSeccompOperator as Operator, LinuxSyscall};

use super::model::behind;
use super::names::{self, Abi, X32_BIT};
use super::profile::{rare, value};

/// Numbers that matter whatever a profile says.
const NUMBERS: [u32; 12] = [
    0,
    102,
    117,
    470,
    0x000e_ffff,
    0x000f_0006,
    0x3fff_ffff,
    0x4000_0000,
    0x4000_0208,
    0x7fff_ffff,
    0xffff_fffe,
    u32::MAX,
];

/// A call of a program on `arch`.
///
/// # Errors
/// None: what the bytes do not say is chosen plainly.
pub fn draw(u: &mut Unstructured<'_>, profile: &LinuxSeccomp, arch: Arch) -> Result<Call> {
    use Abi::{Aarch64, Arm, X32, X86, X86_64};
    let abi = match arch {
        Arch::X86_64 => *u.choose(&[X86_64, X86, X32, X86_64, X86_64, X86, X86_64, Aarch64])?,
        Arch::Aarch64 => *u.choose(&[Aarch64, Arm, Aarch64, Arm, Aarch64, Arm, Aarch64, X86_64])?,
    };
    let entries = profile.syscalls().as_deref().unwrap_or_default();
    let entry = if entries.is_empty() { None } else { Some(u.choose(entries)?) };
    let name = match entry.map(|entry| entry.names().as_slice()).unwrap_or_default() {
        [] => None,
        names => Some(u.choose(names)?.as_str()),
    };
    let (nr, selector) = number(u, abi, name)?;
    let mut args = [value(u)?; 6];
    meet(u, &mut args, entry)?;
    if rare(u, 25)? && !entries.is_empty() {
        let other = u.choose(entries)?;
        meet(u, &mut args, Some(other))?;
    }
    if let Some(selector) = selector {
        args[0] = selector;
    }
    let (audit, narrow) = if rare(u, 3)? { (u.arbitrary()?, false) } else { (abi.audit(), abi.is_narrow()) };
    if narrow && !rare(u, 3)? {
        args = args.map(|arg| arg & 0xffff_ffff);
    }
    Ok(Call { arch: audit, nr, ip: if nr & 1 == 0 { u64::MAX } else { 0 }, args })
}

/// The number as a filter sees it, and the first argument of a call through a multiplexer.
fn number(u: &mut Unstructured<'_>, abi: Abi, name: Option<&str>) -> Result<(u32, Option<u64>)> {
    let known = names::numbers(name.unwrap_or_default())[abi as usize];
    let inner = name.and_then(|name| behind(abi, name));
    let way = u.int_in_range(0..=19u8)?;
    if let Some((multiplexer, selector)) = inner.filter(|_| known.is_none() || (5..10).contains(&way)) {
        // ipc(2) takes a version in the upper half.
        let noise = if rare(u, 30)? { value(u)? << 16 } else { 0 };
        return Ok((multiplexer, Some(selector | noise)));
    }
    let nr = match known.filter(|_| way < 18) {
        Some(known) => abi.seen(known),
        None => match u.int_in_range(0..=2u8)? {
            0 => abi.seen(u.int_in_range(0..=479u32)?),
            1 => *u.choose(&NUMBERS)?,
            _ => abi.seen(u.choose(names::names())?.1[abi as usize].unwrap_or(479)),
        },
    };
    let nr = match way {
        15 => nr.wrapping_add(1),
        16 => nr.wrapping_sub(1),
        17 => nr ^ X32_BIT,
        _ => nr,
    };
    Ok((nr, None))
}

/// Arguments that meet an entry's conditions, or nearly.
pub fn meet(u: &mut Unstructured<'_>, args: &mut [u64; 6], entry: Option<&LinuxSyscall>) -> Result<()> {
    for argument in entry.into_iter().flat_map(|entry| entry.args().iter().flatten()) {
        if let Some(slot) = args.get_mut(argument.index()) {
            let noise = *slot;
            *slot = near(u, compared(argument, noise))?;
        }
    }
    Ok(())
}

/// What an argument is compared with; of a mask, with something else outside it.
fn compared(argument: &LinuxSeccompArg, noise: u64) -> u64 {
    let mask = argument.value();
    match argument.op() {
        Operator::ScmpCmpMaskedEq => argument.value_two().unwrap_or_default() & mask | noise & !mask,
        _ => argument.value(),
    }
}

/// It, one beside it, or one that differs in one half or one bit.
pub fn near(u: &mut Unstructured<'_>, at: u64) -> Result<u64> {
    Ok(match u.int_in_range(0..=15u8)? {
        6 => at.wrapping_add(1),
        7 => at.wrapping_sub(1),
        8 => at ^ 1 << 32,
        9 => at.wrapping_add(1 << 32),
        10 => at.wrapping_sub(1 << 32),
        11 => at & 0xffff_ffff,
        12 => at | 0xffff_ffff_0000_0000,
        13 => at ^ 1 << u.int_in_range(0..=63u8)?,
        14 => at & 0xffff_ffff_0000_0000 | u64::from(u.arbitrary::<u8>()?),
        15 => value(u)?,
        _ => at,
    })
}

/// Calls of what a profile names, through every ABI: with what it compares with, and with each argument beside it.
#[must_use]
pub fn about(profile: &LinuxSeccomp) -> Vec<Call> {
    /// Those of hundreds of names without conditions tell no more than those of some.
    const MOST: usize = 600;
    let all = || profile.syscalls().iter().flatten();
    let looking = |entry: &&LinuxSyscall| entry.args().is_some();
    let entries = all().filter(looking).chain(all().filter(|entry| !looking(entry)));
    let one = |entry: &LinuxSyscall| {
        let mut args = [0; 6];
        for argument in entry.args().iter().flatten() {
            if let Some(slot) = args.get_mut(argument.index()) {
                *slot = compared(argument, 0);
            }
        }
        let beside = (0..6).flat_map(|index| {
            [1, u64::MAX, 1 << 32].map(|step| {
                let mut args = args;
                args[index] = args[index].wrapping_add(step);
                args
            })
        });
        let all: Vec<_> = std::iter::once(args).chain(beside.filter(|_| entry.args().is_some())).collect();
        let numbers = entry.names().iter().flat_map(|name| {
            let numbers = names::numbers(name);
            let own = Abi::ALL.into_iter().filter_map(move |abi| Some((abi, numbers[abi as usize]?, None)));
            own.chain(behind(Abi::X86, name).map(|(number, selector)| (Abi::X86, number, Some(selector))))
        });
        let call = |(abi, number, selector): (Abi, u32, Option<u64>), mut args: [u64; 6]| {
            args[0] = selector.unwrap_or(args[0]);
            Call { arch: abi.audit(), nr: abi.seen(number), ip: 0, args }
        };
        numbers.flat_map(|number| all.iter().map(move |args| call(number, *args))).collect::<Vec<_>>()
    };
    let fixed = NUMBERS
        .into_iter()
        .flat_map(|nr| Abi::ALL.map(|abi| Call { arch: abi.audit(), nr, ip: 0, args: [0; 6] }));
    fixed.chain(entries.flat_map(one)).take(MOST).collect()
}
