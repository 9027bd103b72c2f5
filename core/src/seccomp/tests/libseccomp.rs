//! The compiled program against libseccomp's, of the same profile. Where they differ, the reason is in a table.

use super::draw::Draw;
use super::{ALLOW, Arch, Call, ENOSYS, KILL_PROCESS, X86, X86_64, call, compiled, model};
use crate::need;
use crate::seccomp::arch::Abi;
use crate::seccomp::program::{IF_EQUAL, LOAD, RETURN};
use crate::seccomp::{Instruction, Program, verify};
use export::{Exporter, NEEDS, Order};
use oci_spec::runtime::{Arch as Listed, LinuxSeccomp};
use std::collections::{BTreeMap, HashSet};

#[path = "../../../../scenarios/src/cost/calls/engine.rs"]
#[allow(dead_code, unreachable_pub, reason = "the file is a public module of another crate")]
mod engine;
#[path = "../../../../scenarios/src/cost/calls/libseccomp.rs"]
#[allow(dead_code, unreachable_pub, reason = "the file is a public module of another crate")]
mod export;

/// Profile, call, our word, libseccomp's word.
type Differs<'a> = (&'a LinuxSeccomp, &'a Call, u32, u32);

/// Whether this is what differs.
type Excuse = fn(&Differs<'_>) -> bool;

/// Differences that are meant: the module's documentation tells why.
const MEANT: [(&str, Excuse); 6] = [
    ("the process is killed, not the thread, by a call of an ABI that is not governed", |differs| {
        let (profile, call, ours, theirs) = differs;
        *ours == KILL_PROCESS && *theirs == 0 && abi(profile, call).is_none()
    }),
    (
        "calls newer than the profile are ENOSYS, as by the stub that runc puts before libseccomp's",
        |differs| {
            let (profile, call, ours, theirs) = differs;
            let default = model::word(profile.default_action(), profile.default_errno_ret());
            let modelled = model::decide(profile, Arch::X86_64, call);
            *ours == ENOSYS && *theirs == default && modelled == ENOSYS
        },
    ),
    ("values above 32 bits are not cut to fit 32-bit arguments", |differs| {
        let (profile, call, ..) = differs;
        matches!(abi(profile, call), Some(Abi::X86 | Abi::X32))
            && conditions(profile).any(|value| value > u64::from(u32::MAX))
    }),
    (
        "what a multiplexed call's arguments decide is decided strictly, since they cannot be seen",
        |differs| {
            let (_, call, ..) = differs;
            call.arch == X86 && (call.nr == 102 || call.nr == 117)
        },
    ),
    ("x32's arguments come in 64-bit registers, of which libseccomp ignores the upper halves", |differs| {
        let (profile, call, ..) = differs;
        abi(profile, call) == Some(Abi::X32) && call.args.iter().any(|arg| *arg > u64::from(u32::MAX))
    }),
    (
        "of several rules for a call libseccomp 2.5.4 forgets some, where orders on one argument overlap",
        |differs| {
            let (profile, call, ours, theirs) = differs;
            let default = model::word(profile.default_action(), profile.default_errno_ret());
            *theirs == default && *ours == model::decide(profile, Arch::X86_64, call) && orders_twice(profile)
        },
    ),
];

/// Whether an entry compares an argument with two values.
fn orders_twice(profile: &LinuxSeccomp) -> bool {
    profile.syscalls().iter().flatten().any(|entry| {
        let args = entry.args().as_deref().unwrap_or_default();
        (0..6).any(|index| args.iter().filter(|arg| arg.index() == index).count() > 1)
    })
}

fn lists(profile: &LinuxSeccomp, arch: Listed) -> bool {
    profile.architectures().as_ref().is_some_and(|all| all.contains(&arch))
}

fn abi(profile: &LinuxSeccomp, call: &Call) -> Option<Abi> {
    match call.arch {
        X86_64 if call.nr < 0x4000_0000 || call.nr == u32::MAX => Some(Abi::X86_64),
        X86_64 => lists(profile, Listed::ScmpArchX32).then_some(Abi::X32),
        X86 => lists(profile, Listed::ScmpArchX86).then_some(Abi::X86),
        _ => None,
    }
}

fn conditions(profile: &LinuxSeccomp) -> impl Iterator<Item = u64> {
    let args = profile.syscalls().iter().flatten().flat_map(|entry| entry.args().iter().flatten());
    args.flat_map(|arg| [arg.value(), arg.value_two().unwrap_or_default()])
}

fn theirs(exporter: &Exporter, profile: &LinuxSeccomp, order: Order) -> std::io::Result<Program> {
    let raw = exporter.export(profile, order)?;
    let instructions = raw.into_iter().map(|(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect();
    Ok(Program { instructions, flags: 0 })
}

/// libseccomp 2.5.4 can leave out the load of the number where x32 is listed and names are unknown to x86_64: what it
/// tests against numbers then is the architecture.
fn forgets_the_number(program: &Program) -> bool {
    let code = &program.instructions;
    let native = code.iter().position(|test| test.code == IF_EQUAL && test.k == X86_64);
    let inside = native.and_then(|at| code.get(at + 1 + usize::from(code[at].jt)));
    inside.is_some_and(|first| first.code != RETURN && (first.code, first.k) != (LOAD, 0))
}

/// How often each meant difference was seen; panics on any other.
#[derive(Default)]
struct Comparison {
    equal: usize,
    meant: BTreeMap<&'static str, usize>,
}

impl Comparison {
    fn compare(&mut self, profile: &LinuxSeccomp, ours: &Program, theirs: &Program, call: &Call) {
        // The kernel shows 32-bit arguments with a zero upper half, and libseccomp looks at the lower one alone.
        let narrow = call.arch == X86;
        let call = &Call { args: call.args.map(|arg| if narrow { arg & 0xffff_ffff } else { arg }), ..*call };
        let (one, other) = (ours.decide(call).action, theirs.decide(call).action);
        if one == other {
            self.equal += 1;
            return;
        }
        let differs = (profile, call, one, other);
        match MEANT.iter().find(|(_, is)| is(&differs)) {
            Some((reason, _)) => *self.meant.entry(reason).or_default() += 1,
            None => panic!(
                "{call:x?}: {one:#x}, but libseccomp {other:#x}, for {}",
                serde_json::to_string(profile).unwrap()
            ),
        }
    }
}

/// Every number of every ABI, with arguments at and next to what the profile compares with.
fn calls(profile: &LinuxSeccomp) -> Vec<Call> {
    let mut values: Vec<u64> = conditions(profile)
        .flat_map(|value| {
            [value.wrapping_sub(1), value, value.wrapping_add(1), value ^ (1 << 32), value | (1 << 63)]
        })
        .chain([0, u64::from(u32::MAX), u64::MAX])
        .collect();
    values.sort_unstable();
    values.dedup();
    let numbers = (0..600).chain(0x4000_0000..0x4000_0258).chain([0x3fff_ffff, 0x7fff_ffff, u32::MAX]);
    let of = |nr| {
        let arches = [X86_64, X86, super::AARCH64];
        arches.into_iter().flat_map(move |arch| [0, 40].map(|second| (arch, nr, second)))
    };
    let pairs = numbers.flat_map(of);
    let with = |(arch, nr, second)| {
        let values = values.clone();
        values.into_iter().map(move |value| call(arch, nr, [value, value, second, value, value, value]))
    };
    pairs.flat_map(with).collect()
}

#[test]
fn engine_profile_is_decided_as_by_libseccomp() {
    if !need::met(&[NEEDS[0], NEEDS[1], engine::PROFILE]) {
        return;
    }
    let exporter = Exporter::new(&std::env::temp_dir(), "engine").unwrap();
    let mut all = engine::CAPABILITIES.to_vec();
    all.extend(["CAP_SYS_ADMIN", "CAP_AUDIT_WRITE", "CAP_SYS_PTRACE"]);
    for capabilities in [&engine::CAPABILITIES[..], &[], &all] {
        let profile = engine::profile(capabilities).unwrap();
        let ours = compiled(&profile, Arch::X86_64);
        for order in [Order::Linear, Order::Tree] {
            let theirs = theirs(&exporter, &profile, order).unwrap();
            assert_eq!(verify(&theirs.instructions), Ok(()));
            let mut comparison = Comparison::default();
            for call in calls(&profile) {
                comparison.compare(&profile, &ours, &theirs, &call);
            }
            println!(
                "{} instructions, libseccomp {}: {} equal, {:#?}",
                ours.instructions.len(),
                theirs.instructions.len(),
                comparison.equal,
                comparison.meant
            );
            assert!(comparison.equal > 50_000, "{}", comparison.equal);
        }
    }
}

/// Each name in one entry alone: on entries that overlap with different actions libseccomp has an order of its own.
fn without_overlaps(profile: &mut LinuxSeccomp) {
    let mut seen = HashSet::new();
    let mut entries = profile.syscalls().clone().unwrap_or_default();
    for entry in &mut entries {
        let names: Vec<_> =
            entry.names().iter().filter(|name| seen.insert((*name).clone())).cloned().collect();
        entry.set_names(names);
    }
    entries.retain(|entry| !entry.names().is_empty());
    profile.set_syscalls(Some(entries));
}

/// The kernel has errnos up to 4095, libseccomp up to 4094.
fn has_the_largest_errno(profile: &LinuxSeccomp) -> bool {
    let mut entries = profile.syscalls().iter().flatten();
    entries.any(|entry| entry.errno_ret() == Some(4095)) || profile.default_errno_ret() == Some(4095)
}

#[test]
fn drawn_profiles_are_decided_as_by_libseccomp() {
    if !need::met(&NEEDS) {
        return;
    }
    let exporter = Exporter::new(&std::env::temp_dir(), "drawn").unwrap();
    let mut draw = Draw(0x5eed_0005);
    let mut comparison = Comparison::default();
    let mut actions = BTreeMap::<u32, usize>::new();
    let mut forgotten = 0;
    for _ in 0..600 {
        let mut profile = draw.profile();
        without_overlaps(&mut profile);
        let theirs = theirs(&exporter, &profile, Order::Linear);
        if theirs.is_err() && has_the_largest_errno(&profile) {
            continue;
        }
        let theirs = theirs.unwrap();
        if forgets_the_number(&theirs) {
            forgotten += 1;
            continue;
        }
        let ours = compiled(&profile, Arch::X86_64);
        for _ in 0..400 {
            let call = draw.call(&profile, Arch::X86_64);
            *actions.entry(theirs.decide(&call).action >> 16).or_default() += 1;
            comparison.compare(&profile, &ours, &theirs, &call);
        }
    }
    let socket = super::profile(
        r#"{ "defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "syscalls": [
        { "names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{ "index": 0, "op": "SCMP_CMP_NE", "value": 1 }] },
        { "names": ["bind", "shmget"], "action": "SCMP_ACT_ALLOW" } ] }"#,
    );
    let (ours, theirs) =
        (compiled(&socket, Arch::X86_64), theirs(&exporter, &socket, Order::Linear).unwrap());
    calls(&socket).iter().for_each(|call| comparison.compare(&socket, &ours, &theirs, call));
    println!("{} equal, {:#?}; {forgotten} profiles broken", comparison.equal, comparison.meant);
    assert!(forgotten < 20, "{forgotten}");
    assert_eq!(comparison.meant.len(), MEANT.len(), "an excuse that nobody needs: {:#?}", comparison.meant);
    assert_eq!(actions.len(), 8, "every action: {actions:x?}");
    assert!(actions[&(ALLOW >> 16)] > 1000 && comparison.equal > 80_000, "{}", comparison.equal);
}
