//! Cases worked out by hand.

use super::{
    AARCH64, ALLOW, ARM, Arch, ENOSYS, EPERM, Filter, KILL_PROCESS, X86, X86_64, call, compiled, profile,
};
use crate::seccomp::{Malformed, interpret};

const GETPID: u32 = 39;
const PERSONALITY: u32 = 135;

fn decided(json: &str, arch: u32, nr: u32, args: [u64; 6]) -> u32 {
    let native = if arch == AARCH64 || arch == ARM { Arch::Aarch64 } else { Arch::X86_64 };
    compiled(&profile(json), native).decide(&call(arch, nr, args)).action
}

/// A profile of one entry for personality(2) with these conditions.
fn personality(args: &str) -> String {
    format!(
        r#"{{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {{ "names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{args}] }} ] }}"#
    )
}

#[test]
fn every_operator_at_its_boundaries() {
    let values =
        [0, 1, 0x7fff_ffff, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001, 0x2_0000_0000, u64::MAX - 1, u64::MAX];
    type Holds = fn(u64, u64) -> bool;
    let operators: [(&str, Holds); 6] = [
        ("NE", |a, b| a != b),
        ("LT", |a, b| a < b),
        ("LE", |a, b| a <= b),
        ("EQ", |a, b| a == b),
        ("GE", |a, b| a >= b),
        ("GT", |a, b| a > b),
    ];
    for (operator, holds) in operators {
        for value in values {
            let json =
                personality(&format!(r#"{{ "index": 5, "op": "SCMP_CMP_{operator}", "value": {value} }}"#));
            for argument in values {
                let expected = if holds(argument, value) { ALLOW } else { EPERM };
                let found = decided(&json, X86_64, PERSONALITY, [7, 7, 7, 7, 7, argument]);
                assert_eq!(found, expected, "{argument:#x} {operator} {value:#x}");
            }
        }
    }
}

#[test]
fn masked_equal_looks_at_the_mask_alone() {
    let json = personality(
        r#"{ "index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 18446744069414584335, "valueTwo": 4294967311 }"#,
    );
    // Mask 0xffffffff_0000000f; compared with 0x1_0000000f.
    for (argument, expected) in [
        (0x1_0000_000f, ALLOW),
        (0x1_ffff_ffff, ALLOW),
        (0x1_0000_000e, EPERM),
        (0x0_0000_000f, EPERM),
        (0x3_0000_000f, EPERM),
    ] {
        assert_eq!(decided(&json, X86_64, PERSONALITY, [argument; 6]), expected, "{argument:#x}");
    }
    let nothing = personality(r#"{ "index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 0, "valueTwo": 9 }"#);
    assert_eq!(decided(&nothing, X86_64, PERSONALITY, [3; 6]), ALLOW, "what is compared is masked too");
}

#[test]
fn conditions_on_different_arguments_add_up_and_on_the_same_one_are_alternatives() {
    let both = personality(
        r#"{ "index": 0, "op": "SCMP_CMP_EQ", "value": 1 }, { "index": 1, "op": "SCMP_CMP_EQ", "value": 2 }"#,
    );
    assert_eq!(decided(&both, X86_64, PERSONALITY, [1, 2, 0, 0, 0, 0]), ALLOW);
    assert_eq!(decided(&both, X86_64, PERSONALITY, [1, 3, 0, 0, 0, 0]), EPERM);
    assert_eq!(decided(&both, X86_64, PERSONALITY, [0, 2, 0, 0, 0, 0]), EPERM);
    let either = personality(
        r#"{ "index": 0, "op": "SCMP_CMP_EQ", "value": 1 }, { "index": 0, "op": "SCMP_CMP_EQ", "value": 2 }"#,
    );
    assert_eq!(decided(&either, X86_64, PERSONALITY, [1; 6]), ALLOW);
    assert_eq!(decided(&either, X86_64, PERSONALITY, [2; 6]), ALLOW);
    assert_eq!(decided(&either, X86_64, PERSONALITY, [3; 6]), EPERM);
}

#[test]
fn the_first_unconditional_entry_wins_then_the_first_that_is_met() {
    let below = |action, limit| {
        format!(
            r#"{{ "names": ["getpid"], "action": "{action}",
            "args": [{{ "index": 0, "op": "SCMP_CMP_LT", "value": {limit} }}] }}"#
        )
    };
    let (conditional, narrower) = (&*below("SCMP_ACT_LOG", 9), &*below("SCMP_ACT_TRAP", 5));
    let always = r#"{ "names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7 }"#;
    let never = r#"{ "names": ["getpid"], "action": "SCMP_ACT_KILL_PROCESS" }"#;
    let default = r#"{ "names": ["getpid"], "action": "SCMP_ACT_ALLOW" }"#;
    let (log, trap, seven) = (0x7ffc_0000, 0x0003_0000, 0x0005_0007);
    for (entries, argument, expected) in [
        (vec![conditional, always, never], 1, seven),
        (vec![always, conditional], 1, seven),
        (vec![never, always], 1, KILL_PROCESS),
        (vec![conditional, narrower], 1, log),
        (vec![narrower, conditional], 1, trap),
        (vec![narrower, conditional], 6, log),
        (vec![narrower, conditional], 9, ALLOW),
        (vec![default, conditional], 1, log),
    ] {
        let json = format!(r#"{{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{}] }}"#, entries.join(","));
        assert_eq!(decided(&json, X86_64, GETPID, [argument; 6]), expected, "{json}");
    }
}

#[test]
fn other_abis_are_killed_unless_listed() {
    let json = |listed: &str| {
        format!(
            r#"{{ "defaultAction": "SCMP_ACT_ERRNO", "architectures": [{listed}],
            "syscalls": [{{ "names": ["getpid", "execve", "set_tls"], "action": "SCMP_ACT_ALLOW" }}] }}"#
        )
    };
    let x32 = 0x4000_0000;
    for (listed, arch, nr, expected) in [
        ("", X86_64, GETPID, ALLOW),
        (r#""SCMP_ARCH_X86""#, X86_64, GETPID, ALLOW), // native without being listed
        ("", X86_64, x32 | GETPID, KILL_PROCESS),
        (r#""SCMP_ARCH_X32""#, X86_64, x32 | GETPID, ALLOW),
        (r#""SCMP_ARCH_X32""#, X86_64, x32 | 520, ALLOW), // x32's own execve
        (r#""SCMP_ARCH_X32""#, X86_64, x32 | 59, EPERM),  // x86_64's execve with x32's bit
        ("", X86_64, 520, ENOSYS),                        // and the other way round
        ("", X86, 20, KILL_PROCESS),
        (r#""SCMP_ARCH_X86""#, X86, 20, ALLOW),
        (r#""SCMP_ARCH_X86""#, X86, GETPID, ENOSYS),
        (r#""SCMP_ARCH_X86""#, X86, 12, EPERM), // between execve, 11, and getpid, 20
        ("", AARCH64, 172, ALLOW),
        ("", ARM, 20, KILL_PROCESS),
        (r#""SCMP_ARCH_ARM""#, ARM, 20, ALLOW),
        (r#""SCMP_ARCH_ARM""#, ARM, 0xf_0005, ALLOW),
        (r#""SCMP_ARCH_ARM""#, ARM, 0xf_0002, ENOSYS),
        (r#""SCMP_ARCH_ARM""#, ARM, 21, ENOSYS),
    ] {
        assert_eq!(decided(&json(listed), arch, nr, [0; 6]), expected, "{listed} {arch:#x} {nr:#x}");
    }
}

#[test]
fn newer_calls_are_unknown_unless_the_default_passes() {
    let json = |default: &str| {
        format!(
            r#"{{ "defaultAction": "{default}",
            "syscalls": [{{ "names": ["read", "openat2"], "action": "SCMP_ACT_TRAP" }}] }}"#
        )
    };
    let openat2 = 437;
    for (default, nr, expected) in [
        ("SCMP_ACT_ERRNO", openat2 - 1, EPERM),
        ("SCMP_ACT_ERRNO", openat2 + 1, ENOSYS),
        ("SCMP_ACT_ERRNO", 0x3fff_ffff, ENOSYS),
        ("SCMP_ACT_ERRNO", u32::MAX, ENOSYS),
        ("SCMP_ACT_KILL_PROCESS", openat2 + 1, ENOSYS),
        ("SCMP_ACT_LOG", openat2 + 1, 0x7ffc_0000),
        ("SCMP_ACT_TRACE", openat2 + 1, 0x7ff0_0001),
        ("SCMP_ACT_ALLOW", openat2 + 1, ALLOW),
        ("SCMP_ACT_ALLOW", u32::MAX, ALLOW),
    ] {
        assert_eq!(decided(&json(default), X86_64, nr, [0; 6]), expected, "{default} {nr:#x}");
    }
    let empty = r#"{ "defaultAction": "SCMP_ACT_ERRNO" }"#;
    assert_eq!(decided(empty, X86_64, 5000, [0; 6]), EPERM, "a profile without names has no age");
}

#[test]
fn socket_rules_hold_through_socketcall() {
    let json = |entries: &str, default: &str| {
        format!(
            r#"{{ "defaultAction": "{default}", "architectures": ["SCMP_ARCH_X86"],
            "syscalls": [{entries}, {{ "names": ["clone3"], "action": "SCMP_ACT_LOG" }}] }}"#
        )
    };
    let not_vsock = r#"{ "names": ["socket"], "action": "SCMP_ACT_ALLOW",
        "args": [{ "index": 0, "op": "SCMP_CMP_NE", "value": 40 }] }"#;
    let plain = r#"{ "names": ["socket", "shmget"], "action": "SCMP_ACT_ALLOW" }"#;
    let refused = r#"{ "names": ["socket", "shmget"], "action": "SCMP_ACT_ERRNO" }"#;
    let whole = r#"{ "names": ["socketcall"], "action": "SCMP_ACT_ALLOW" }"#;
    let (socketcall, ipc) = (102, 117);
    for (entries, default, nr, selector, expected) in [
        (plain, "SCMP_ACT_ERRNO", socketcall, 1, ALLOW),
        (plain, "SCMP_ACT_ERRNO", socketcall, 2, EPERM),
        (plain, "SCMP_ACT_ERRNO", ipc, 23, ALLOW),
        (refused, "SCMP_ACT_ALLOW", socketcall, 1, EPERM),
        (refused, "SCMP_ACT_ALLOW", ipc, 0x5_0017, EPERM), // ipc(2) ignores the version in the upper half
        (refused, "SCMP_ACT_ALLOW", ipc, 24, ALLOW),
        (not_vsock, "SCMP_ACT_ERRNO", socketcall, 1, EPERM), // the family cannot be seen
        (&format!("{not_vsock}, {whole}"), "SCMP_ACT_ERRNO", socketcall, 1, ALLOW), // asked for in so many words
    ] {
        let args = [selector, 0, 0, 0, 0, 0];
        assert_eq!(decided(&json(entries, default), X86, nr, args), expected, "{entries} {nr} {selector}");
    }
    assert_eq!(decided(&json(not_vsock, "SCMP_ACT_ERRNO"), X86, 359, [40, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(decided(&json(not_vsock, "SCMP_ACT_ERRNO"), X86, 359, [2, 0, 0, 0, 0, 0]), ALLOW);
}

#[test]
fn negative_values_fit_32_bit_arguments() {
    let json = r#"{ "defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "syscalls": [
        { "names": ["personality"], "action": "SCMP_ACT_ALLOW",
          "args": [{ "index": 0, "op": "SCMP_CMP_EQ", "value": 18446744073709551615 }] } ] }"#;
    assert_eq!(decided(json, X86, 136, [0xffff_ffff; 6]), ALLOW);
    assert_eq!(decided(json, X86_64, PERSONALITY, [0xffff_ffff; 6]), EPERM);
    assert_eq!(decided(json, X86_64, PERSONALITY, [u64::MAX; 6]), ALLOW);
}

#[test]
fn unknown_names_are_skipped_and_told() {
    let json = r#"{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        { "names": ["no_such", "getpid", "semop", "set_tls"], "action": "SCMP_ACT_ERRNO" },
        { "names": ["recv", "no_such", "exit_grup"], "action": "SCMP_ACT_ERRNO" } ] }"#;
    let filter = Filter::new(&profile(json), Arch::X86_64).unwrap();
    assert_eq!(filter.skipped(), ["no_such", "set_tls", "recv", "exit_grup"]);
    let json = json.replacen('{', r#"{ "architectures": ["SCMP_ARCH_X86"],"#, 1);
    let filter = Filter::new(&profile(&json), Arch::X86_64).unwrap();
    assert_eq!(filter.skipped(), ["no_such", "set_tls", "exit_grup"], "recv is behind i386's socketcall");
}

#[test]
fn flags_are_the_kernels() {
    for (flags, expected) in [
        ("", 0),
        (r#""SECCOMP_FILTER_FLAG_TSYNC""#, 1),
        (r#""SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW""#, 6),
    ] {
        let json = format!(r#"{{ "defaultAction": "SCMP_ACT_ALLOW", "flags": [{flags}] }}"#);
        assert_eq!(compiled(&profile(&json), Arch::X86_64).flags, expected);
        // NEW_LISTENER, and TSYNC_ESRCH beside TSYNC, without which a listener is refused (seccomp(2)).
        let notify =
            r#""listenerPath": "/agent", "syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_NOTIFY" }],"#;
        let json = json.replacen('{', &format!("{{ {notify}"), 1);
        let program = compiled(&profile(&json), Arch::X86_64);
        assert_eq!(program.flags, expected | 8 | (expected & 1) << 4);
        assert!(program.has_listener());
    }
    let killable = r#"{ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
        "listenerPath": "/agent", "syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_NOTIFY" }] }"#;
    let program = compiled(&profile(killable), Arch::X86_64);
    assert_eq!(program.flags, 8 | 32);
    assert_eq!(program.decide(&call(X86_64, 83, [0; 6])).action, 0x7fc0_0000);
}

#[test]
fn programs_that_cannot_run_are_told_and_kill() {
    let mut program = compiled(&profile(r#"{ "defaultAction": "SCMP_ACT_ALLOW" }"#), Arch::X86_64);
    let any = call(X86_64, 0, [0; 6]);
    assert_eq!(program.decide(&any).action, ALLOW);
    program.instructions[0].k = 64;
    assert_eq!(interpret(&program.instructions, &any), Err(Malformed::Offset { at: 0, offset: 64 }));
    program.instructions[0].code = 0xffff;
    assert_eq!(interpret(&program.instructions, &any), Err(Malformed::Operation { at: 0, code: 0xffff }));
    assert_eq!(program.decide(&any).action, KILL_PROCESS);
    program.instructions.clear();
    assert_eq!(interpret(&program.instructions, &any), Err(Malformed::End { length: 0 }));
}
