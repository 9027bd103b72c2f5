//! What is refused, with its path.

use super::{Arch, Filter, profile};

/// The violations of a profile, one a line.
fn violations(json: &str) -> Vec<String> {
    let refused = Filter::new(&profile(json), Arch::X86_64).expect_err(json);
    refused.iter().map(ToString::to_string).collect()
}

fn with_entry(entry: &str) -> String {
    format!(
        r#"{{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {{ "names": ["read"], "action": "SCMP_ACT_LOG" }}, {{ {entry} }}] }}"#
    )
}

#[test]
fn entries() {
    for (entry, expected) in [
        (
            r#""names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096"#,
            "linux.seccomp.syscalls[1].errnoRet: is 4096, above 4095, the largest that SCMP_ACT_ERRNO takes",
        ),
        (
            r#""names": ["read"], "action": "SCMP_ACT_TRACE", "errnoRet": 65536"#,
            "linux.seccomp.syscalls[1].errnoRet: is 65536, above 65535, the largest that SCMP_ACT_TRACE takes",
        ),
        (
            r#""names": ["read"], "action": "SCMP_ACT_KILL", "errnoRet": 0"#,
            "linux.seccomp.syscalls[1].errnoRet: is 0, but SCMP_ACT_KILL takes no errno",
        ),
        (
            r#""names": ["read"], "action": "SCMP_ACT_NOTIFY""#,
            "linux.seccomp.listenerPath: is missing, but there are entries with SCMP_ACT_NOTIFY",
        ),
        (r#""names": [], "action": "SCMP_ACT_LOG""#, "linux.seccomp.syscalls[1].names: names no system call"),
        (
            r#""names": ["read", ""], "action": "SCMP_ACT_LOG""#,
            "linux.seccomp.syscalls[1].names[1]: is empty",
        ),
        (
            r#""names": ["read"], "action": "SCMP_ACT_LOG", "args": [{ "index": 0, "op": "SCMP_CMP_EQ", "value": 1 },
               { "index": 6, "op": "SCMP_CMP_EQ", "value": 1 }]"#,
            "linux.seccomp.syscalls[1].args[1].index: is 6, but the arguments of a system call are 0 to 5",
        ),
    ] {
        assert_eq!(violations(&with_entry(entry)), [expected]);
    }
    for accepted in [
        r#""names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4095"#,
        r#""names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0"#,
        r#""names": ["read"], "action": "SCMP_ACT_TRACE", "errnoRet": 65535"#,
        r#""names": ["read"], "action": "SCMP_ACT_LOG",
           "args": [{ "index": 5, "op": "SCMP_CMP_EQ", "value": 1, "valueTwo": 0 }]"#,
    ] {
        assert!(Filter::new(&profile(&with_entry(accepted)), Arch::X86_64).is_ok(), "{accepted}");
    }
}

#[test]
fn all_at_once() {
    let found = violations(
        r#"{ "defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1, "listenerMetadata": "x",
        "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "syscalls": [
        { "names": [], "action": "SCMP_ACT_ALLOW", "errnoRet": 1, "args": [
            { "index": 7, "op": "SCMP_CMP_EQ", "value": 1 }, { "index": 7, "op": "SCMP_CMP_EQ", "value": 1 }] }] }"#,
    );
    let paths: Vec<_> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
    let expected = [
        "defaultErrnoRet",
        "listenerMetadata",
        "flags[1]",
        "syscalls[0].names",
        "syscalls[0].errnoRet",
        "syscalls[0].args[0].index",
        "syscalls[0].args[1].index",
    ];
    assert_eq!(paths, expected.map(|path| format!("linux.seccomp.{path}")), "{found:#?}");
    assert_eq!(
        violations(r#"{ "defaultAction": "SCMP_ACT_NOTIFY" }"#),
        ["linux.seccomp.defaultAction: is SCMP_ACT_NOTIFY, which is for calls that are named"]
    );
}

#[test]
fn notifications() {
    let json = |more: &str, entry: &str| {
        format!(
            r#"{{ "defaultAction": "SCMP_ACT_ALLOW", {more}
            "syscalls": [{{ "action": "SCMP_ACT_NOTIFY", {entry} }}] }}"#
        )
    };
    let (agent, mkdir) = (r#""listenerPath": "/run/agent","#, r#""names": ["mkdir"]"#);
    let long = format!(r#""listenerPath": "/{}","#, "x".repeat(107));
    for (more, entry, expected) in [
        (
            agent,
            r#""names": ["mkdir", "write"]"#,
            "linux.seccomp.syscalls[0].action: is SCMP_ACT_NOTIFY, which write cannot have",
        ),
        (
            agent,
            r#""names": ["mkdir"], "errnoRet": 1"#,
            "linux.seccomp.syscalls[0].errnoRet: is 1, but SCMP_ACT_NOTIFY takes no errno",
        ),
        (r#""listenerPath": "agent","#, mkdir, "linux.seccomp.listenerPath: \"agent\" is not absolute"),
        (r#""listenerPath": "/a\u0000b","#, mkdir, "linux.seccomp.listenerPath: has a NUL byte"),
        (&long, mkdir, "linux.seccomp.listenerPath: has 108 bytes, more than the 107 of a socket's"),
    ] {
        assert_eq!(violations(&json(more, entry)), [expected]);
    }
    let listener = |json: &str| Filter::new(&profile(json), Arch::X86_64).unwrap().listener().cloned();
    let with = json(&format!(r#"{agent} "listenerMetadata": "m","#), mkdir);
    let found = listener(&with).unwrap();
    assert_eq!((found.path.to_str(), found.metadata.as_deref()), (Some("/run/agent"), Some("m")));
    // Nobody is asked, so it is of no matter where.
    let unused = r#"{ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "agent" }"#;
    assert_eq!(listener(unused), None);
}

#[test]
fn ten_thousand_rules_name_the_limit() {
    let entry = |value: usize| {
        format!(
            r#"{{ "names": ["getpid"], "action": "SCMP_ACT_ERRNO",
            "args": [{{ "index": 0, "op": "SCMP_CMP_EQ", "value": {value} }}] }}"#
        )
    };
    let json = |count, unlike: usize| {
        let entries: Vec<_> = (0..count).map(|index| entry(index % unlike)).collect();
        format!(r#"{{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{}] }}"#, entries.join(","))
    };
    let refused = Filter::new(&profile(&json(10_000, 10_000)), Arch::X86_64).unwrap().compile().unwrap_err();
    assert_eq!(refused.path, "linux.seccomp.syscalls");
    assert!(refused.problem.contains("4096 (BPF_MAXINSNS)"), "{refused}");
    let repeated = Filter::new(&profile(&json(10_000, 10)), Arch::X86_64).unwrap().compile().unwrap();
    assert!(repeated.instructions.len() < 100, "repetitions cost nothing: {}", repeated.instructions.len());
}
