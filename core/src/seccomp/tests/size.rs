//! How long programs are, and how long they take.

use super::draw::Draw;
use super::{AARCH64, ALLOW, Arch, ENOSYS, EPERM, X86_64, call, compiled, model, profile};
use crate::seccomp::program::{IF_EQUAL, JUMP, LOAD, RETURN};
use crate::seccomp::{Call, Instruction, Program};
use oci_spec::runtime::LinuxSeccomp;
use std::collections::BTreeSet;
use syscalls::x86_64::Sysno;
use syscalls::{arm, x86};

#[test]
fn instruction_is_laid_out_as_the_kernels() {
    assert_eq!(size_of::<Instruction>(), size_of::<libc::sock_filter>());
    assert_eq!(align_of::<Instruction>(), align_of::<libc::sock_filter>());
    assert_eq!(std::mem::offset_of!(Instruction, code), std::mem::offset_of!(libc::sock_filter, code));
    assert_eq!(std::mem::offset_of!(Instruction, jt), std::mem::offset_of!(libc::sock_filter, jt));
    assert_eq!(std::mem::offset_of!(Instruction, jf), std::mem::offset_of!(libc::sock_filter, jf));
    assert_eq!(std::mem::offset_of!(Instruction, k), std::mem::offset_of!(libc::sock_filter, k));
}

/// Names of x86_64 for whose number `keep` holds.
fn names(keep: impl Fn(u32) -> bool) -> Vec<String> {
    let known = (0..=469_u32).filter_map(|number| Some((number, Sysno::new(number as usize)?.name())));
    known.filter(|(number, _)| keep(*number)).map(|(_, name)| name.to_owned()).collect()
}

fn allowing(names: &[String], architectures: &str) -> LinuxSeccomp {
    let names = serde_json::to_string(names).unwrap();
    profile(&format!(
        r#"{{ "defaultAction": "SCMP_ACT_ERRNO", "architectures": [{architectures}],
        "syscalls": [{{ "names": {names}, "action": "SCMP_ACT_ALLOW" }}] }}"#
    ))
}

/// The most instructions that a native call runs before its arguments are looked at, over all numbers: those at which
/// some test changes its mind stand for all.
fn worst(program: &Program, arch: u32) -> usize {
    worst_of(program, arch, |nr| !is_x32(arch, nr))
}

fn is_x32(arch: u32, nr: u32) -> bool {
    arch == X86_64 && nr >= 0x4000_0000 && nr != u32::MAX
}

fn worst_of(program: &Program, arch: u32, which: impl Fn(u32) -> bool) -> usize {
    let mut program = program.clone();
    for load in program.instructions.iter_mut().filter(|i| i.code == LOAD && i.k >= 16) {
        *load = Instruction { code: RETURN, ..*load };
    }
    let edges = program.instructions.iter().filter(|i| i.code != LOAD && i.code != RETURN && i.code != JUMP);
    let numbers = edges.flat_map(|test| [test.k.wrapping_sub(1), test.k, test.k.wrapping_add(1)]);
    let executed = |nr| {
        let decision = program.decide(&call(arch, nr, [0; 6]));
        // The first look at an argument is not counted.
        decision.executed - usize::from(decision.action < 64 && decision.action >= 16)
    };
    numbers.filter(|nr| which(*nr)).map(executed).max().unwrap()
}

/// Profiles whose every name gets a reply of its own: the most spans, and nothing shared.
fn all_unlike(names: &[String], architectures: &str, with_arguments: bool) -> LinuxSeccomp {
    let entry = |(index, name): (usize, &String)| {
        let args = if with_arguments {
            format!(
                r#", "args": [{{ "index": {}, "op": "SCMP_CMP_GT", "value": {} }}]"#,
                index % 6,
                index + 7
            )
        } else {
            String::new()
        };
        format!(r#"{{ "names": ["{name}"], "action": "SCMP_ACT_ERRNO", "errnoRet": {}{args} }}"#, index + 100)
    };
    let entries: Vec<_> = names.iter().enumerate().map(entry).collect();
    profile(&format!(
        r#"{{ "defaultAction": "SCMP_ACT_ERRNO", "architectures": [{architectures}], "syscalls": [{}] }}"#,
        entries.join(",")
    ))
}

const LIMIT: usize = 14;

#[test]
fn four_hundred_names_take_few_instructions() {
    // As engines' profiles: nearly all names, of this architecture and others, but for some thirty.
    let refused = [
        101, 103, 134, 136, 139, 153, 154, 155, 156, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172,
        173, 174, 175, 176, 177, 178, 179, 180, 205, 211, 212, 246, 248, 249, 250, 272, 279, 298, 304, 308,
        310, 311, 312, 313, 320, 321, 323, 425, 426, 427, 428, 429, 430, 431, 432, 433, 435,
    ];
    let mut usual = names(|number| !refused.contains(&number));
    usual.extend((0..400 - usual.len()).map(|index| format!("elsewhere_{index}")));
    let every_other = names(|number| number % 2 == 0);
    let mut all = names(|_| true);
    all.extend((0..400 - all.len()).map(|index| format!("elsewhere_{index}")));
    for architectures in ["", r#""SCMP_ARCH_X86", "SCMP_ARCH_X32""#, r#""SCMP_ARCH_X32""#] {
        for (what, profile) in [
            ("400 usual names", allowing(&usual, architectures)),
            ("every other call", allowing(&every_other, architectures)),
            ("all unlike", all_unlike(&all, architectures, false)),
        ] {
            let program = compiled(&profile, Arch::X86_64);
            let worst = worst(&program, X86_64);
            let length = program.instructions.len();
            let x32 = worst_of(&program, X86_64, |nr| is_x32(X86_64, nr));
            println!(
                "{what}, with [{architectures}]: at most {worst} of {length} instructions a call, {x32} for x32"
            );
            assert!(worst <= LIMIT, "{what}, with [{architectures}]: {worst}");
            // All unlike, x32's calls are as many again, and have to take the longer way.
            assert!(x32 <= LIMIT || what == "all unlike", "{what}, with [{architectures}]: {x32} for x32");
        }
    }
    // Checks for i386 and x32 as well would be more instructions than the kernel takes.
    let program = compiled(&all_unlike(&all, "", true), Arch::X86_64);
    let most = worst(&program, X86_64);
    println!(
        "all unlike, by arguments: at most {most} of {} instructions a call",
        program.instructions.len()
    );
    assert!(most <= LIMIT, "{most}");
    let program = compiled(&allowing(&usual, r#""SCMP_ARCH_ARM""#), Arch::Aarch64);
    println!("400 names, aarch64 with arm: at most {}", worst(&program, AARCH64));
    assert!(worst(&program, AARCH64) <= LIMIT);
}

/// Any 400 of all the names that x86_64, i386 and 32-bit ARM have, some with arguments.
#[test]
fn any_four_hundred_names_take_few_instructions() {
    let of = |number| {
        let names =
            [Sysno::new(number).map(|call| call.name()), x86::Sysno::new(number).map(|call| call.name())];
        names.into_iter().chain([arm::Sysno::new(number).map(|call| call.name())]).flatten()
    };
    let all: BTreeSet<&str> = (0..470).flat_map(of).collect();
    let mut draw = Draw(0x5eed_0003);
    let mut most = 0;
    for _ in 0..20 {
        let mut names: Vec<_> = all.iter().map(|name| (*name).to_owned()).collect();
        while names.len() > 400 {
            names.swap_remove(draw.below(names.len()));
        }
        let both = r#""SCMP_ARCH_X86", "SCMP_ARCH_X32""#;
        let program = compiled(&allowing(&names, both), Arch::X86_64);
        most = most.max(worst(&program, X86_64));
        let (plain, checked) = names.split_at(200 + draw.below(150));
        let mut profile = all_unlike(checked, both, true);
        let both =
            [&profile, &allowing(plain, "")].map(|profile| profile.syscalls().clone().unwrap()).concat();
        profile.set_syscalls(Some(both));
        most = most.max(worst(&compiled(&profile, Arch::X86_64), X86_64));
    }
    println!("any 400 of {} names, with i386 and x32: at most {most} instructions a call", all.len());
    assert!(most <= LIMIT, "{most}");
}

#[test]
fn a_profile_without_names_takes_two_tests() {
    let program = compiled(&profile(r#"{ "defaultAction": "SCMP_ACT_ALLOW" }"#), Arch::X86_64);
    assert!(worst(&program, X86_64) <= 6 && program.instructions.len() <= 8, "{program:?}");
}

/// Argument checks for nearly 400 calls, each unlike the others: over 255 instructions lie between the tree and many
/// replies.
#[test]
fn far_replies_are_reached() {
    let names = names(|number| number < 400);
    let entry = |(index, name): (usize, &String)| {
        format!(
            r#"{{ "names": ["{name}"], "action": "SCMP_ACT_ERRNO", "errnoRet": {}, "args": [
            {{ "index": {}, "op": "SCMP_CMP_GE", "value": {} }}] }}"#,
            index + 100,
            index % 6,
            index + 7
        )
    };
    let entries: Vec<_> = names.iter().enumerate().map(entry).collect();
    let json = format!(r#"{{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{}] }}"#, entries.join(","));
    let program = compiled(&profile(&json), Arch::X86_64);
    let trampolines = program.instructions.iter().filter(|i| i.code == JUMP).count();
    assert!(
        program.instructions.len() > 1000 && trampolines > 0,
        "{} {trampolines}",
        program.instructions.len()
    );
    for (index, name) in names.iter().enumerate() {
        let nr = name.parse::<Sysno>().unwrap().id() as u32;
        let mut args = [0; 6];
        assert_eq!(program.decide(&call(X86_64, nr, args)).action, ALLOW, "{name}");
        args[index % 6] = index as u64 + 7;
        assert_eq!(
            program.decide(&call(X86_64, nr, args)).action,
            0x0005_0000 + index as u32 + 100,
            "{name}"
        );
        args[index % 6] |= 1 << 40;
        assert_eq!(
            program.decide(&call(X86_64, nr, args)).action,
            0x0005_0000 + index as u32 + 100,
            "{name}"
        );
    }
}

/// Every number near those that matter, on a profile that is all boundaries, against the model.
#[test]
fn every_number_of_an_alternating_profile() {
    let names: Vec<String> = super::names::NAMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let profile = allowing(&names, r#""SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM""#);
    let mut seen = BTreeSet::new();
    for (arch, audits) in [(Arch::X86_64, [X86_64, super::X86]), (Arch::Aarch64, [AARCH64, super::ARM])] {
        let program = compiled(&profile, arch);
        for audit in audits {
            for nr in (0..1000)
                .chain(0xf_0000..0xf_0010)
                .chain(0x3fff_ff00..0x4000_0400)
                .chain([u32::MAX - 1, u32::MAX])
            {
                let call = Call { ip: u64::MAX, ..call(audit, nr, [1; 6]) };
                let found = program.decide(&call).action;
                assert_eq!(found, model::decide(&profile, arch, &call), "{audit:#x} {nr:#x}");
                seen.insert(found);
            }
        }
    }
    assert!(seen.contains(&ALLOW) && seen.contains(&EPERM) && seen.contains(&ENOSYS));
}

/// Calls that share their checks share the code.
#[test]
fn equal_checks_are_compiled_once() {
    let program = compiled(
        &profile(
            r#"{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            { "names": ["read", "getpid", "clone", "openat2"], "action": "SCMP_ACT_ERRNO",
              "args": [{ "index": 3, "op": "SCMP_CMP_EQ", "value": 12345 }] }] }"#,
        ),
        Arch::X86_64,
    );
    let tests = program.instructions.iter().filter(|i| i.code == IF_EQUAL && i.k == 12345).count();
    let loads = program.instructions.iter().filter(|i| i.code == LOAD && i.k >= 16).count();
    assert_eq!((tests, loads), (1, 2));
}
