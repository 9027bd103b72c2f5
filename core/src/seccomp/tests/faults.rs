//! Would the comparison with the model notice? Each fault that a compiler of filters is known for is planted in a
//! program, and must be found.

use super::draw::Draw;
use super::random::difference;
use super::{Arch, Program, compiled, profile};
use crate::seccomp::Instruction;
use crate::seccomp::program::{AND, IF_AT_LEAST, IF_EQUAL, IF_GREATER, LOAD, RETURN};
use oci_spec::runtime::LinuxSeccomp;

const CALLS: usize = 20_000;

fn subject() -> LinuxSeccomp {
    profile(
        r#"{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86"], "syscalls": [
        { "names": ["read", "write", "openat2"], "action": "SCMP_ACT_ALLOW" },
        { "names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [
            { "index": 0, "op": "SCMP_CMP_EQ", "value": 4294967295 } ] },
        { "names": ["umask"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133, "args": [
            { "index": 0, "op": "SCMP_CMP_GT", "value": 4294967298 } ] },
        { "names": ["kcmp"], "action": "SCMP_ACT_ALLOW", "args": [
            { "index": 1, "op": "SCMP_CMP_GE", "value": 5 }, { "index": 2, "op": "SCMP_CMP_NE", "value": 1 } ] },
        { "names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [
            { "index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 2114060288, "valueTwo": 0 } ] } ] }"#,
    )
}

fn found(program: &Program) -> bool {
    difference(&mut Draw(0x5eed_0002), &subject(), Arch::X86_64, program, CALLS).is_some()
}

/// Whether the comparison finds what `plant` does to the instructions; panics if that is nothing.
#[track_caller]
fn assert_found(fault: &str, plant: impl FnOnce(&mut Vec<Instruction>)) {
    let sound = compiled(&subject(), Arch::X86_64);
    let mut program = sound.clone();
    plant(&mut program.instructions);
    assert_ne!(program, sound, "{fault}: not planted");
    assert!(found(&program), "{fault}: not found");
}

/// The tests that follow a load from one of `offsets`, up to the next load.
fn tests_of(
    code: &mut [Instruction],
    offsets: impl Fn(u32) -> bool,
) -> impl Iterator<Item = &mut Instruction> {
    let mut within = false;
    code.iter_mut().filter(move |instruction| {
        if instruction.code == LOAD {
            within = offsets(instruction.k);
        }
        within && matches!(instruction.code, IF_EQUAL | IF_GREATER | IF_AT_LEAST)
    })
}

const fn is_upper_word(offset: u32) -> bool {
    offset >= 16 && offset % 8 == 4
}

#[test]
fn sound_program_has_no_difference() {
    assert!(!found(&compiled(&subject(), Arch::X86_64)));
}

#[test]
fn upper_words_ignored() {
    assert_found("upper words taken as equal", |code| {
        for test in tests_of(code, is_upper_word) {
            match test.code {
                IF_EQUAL => test.jf = test.jt,
                _ => test.jt = test.jf,
            }
        }
    });
    assert_found("greater upper words taken as equal", |code| {
        let greater = tests_of(code, is_upper_word).find(|test| test.code == IF_GREATER);
        greater.map(|test| test.jt = test.jf).unwrap();
    });
    assert_found("words swapped", |code| {
        code.iter_mut().filter(|i| i.code == LOAD && i.k >= 16).for_each(|load| load.k ^= 4);
    });
}

#[test]
fn comparison_off_by_one_or_swapped() {
    let arguments = |offset| offset >= 16;
    assert_found("greater for greater or equal", |code| {
        tests_of(code, arguments)
            .filter(|test| test.code == IF_AT_LEAST)
            .for_each(|test| test.code = IF_GREATER);
    });
    assert_found("greater or equal for greater", |code| {
        let low = |offset| offset >= 16 && !is_upper_word(offset);
        tests_of(code, low).filter(|test| test.code == IF_GREATER).for_each(|test| test.code = IF_AT_LEAST);
    });
    assert_found("equal for not equal", |code| {
        // The second argument of kcmp.
        let last = tests_of(code, |offset| offset == 32).last().unwrap();
        (last.jt, last.jf) = (last.jf, last.jt);
    });
    assert_found("a mask left out", |code| {
        code.iter_mut().filter(|i| i.code == AND).for_each(|and| and.k = u32::MAX);
    });
    assert_found("the argument next to it", |code| {
        code.iter_mut().filter(|i| i.code == LOAD && i.k >= 16).for_each(|load| load.k ^= 8);
    });
}

#[test]
fn tree_or_architecture_wrong() {
    assert_found("a number off by one", |code| {
        tests_of(code, |offset| offset == 0).filter(|test| test.k == 438).for_each(|test| test.k = 439);
    });
    assert_found("x32 let in", |code| {
        tests_of(code, |offset| offset == 0)
            .filter(|test| test.k == 0x4000_0000)
            .for_each(|test| test.jt = test.jf);
    });
    assert_found("-1 taken for x32", |code| {
        tests_of(code, |offset| offset == 0)
            .filter(|test| test.k == u32::MAX)
            .for_each(|test| test.jt = test.jf);
    });
    assert_found("i386 treated as x86_64", |code| {
        let checks: Vec<_> = tests_of(code, |offset| offset == 4).collect();
        checks.into_iter().for_each(|check| check.jf = check.jt);
    });
    assert_found("another errno", |code| {
        code.iter_mut().filter(|i| i.code == RETURN && i.k & 0xffff == 133).for_each(|i| i.k = 0x0005_0001);
    });
    assert_found("EPERM for newer calls", |code| {
        code.iter_mut().filter(|i| i.code == RETURN && i.k & 0xffff == 38).for_each(|i| i.k = 0x0005_0001);
    });
}

/// Any one instruction changed: most such changes must be found, whatever they are. (Some change nothing: the test of
/// the middle of a span of numbers that are all drawn alike, for instance.)
#[test]
fn arbitrary_changes() {
    let sound = compiled(&subject(), Arch::X86_64);
    let (mut planted, mut noticed) = (0, 0);
    for at in 0..sound.instructions.len() {
        for change in [|i: &mut Instruction| (i.jt, i.jf) = (i.jf, i.jt), |i: &mut Instruction| i.k = !i.k] {
            let mut program = sound.clone();
            change(&mut program.instructions[at]);
            if program != sound {
                planted += 1;
                noticed += usize::from(found(&program));
            }
        }
    }
    println!("{noticed} of {planted} arbitrary changes found");
    assert!(planted > 80 && noticed * 100 >= planted * 95, "{noticed} of {planted} found");
}
